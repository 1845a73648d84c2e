app.MapHub<ChatHub>("/hubs/chat");
