const c = credentials.createInsecure();
