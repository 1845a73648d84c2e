services.AddSignalR();
