const client = new Cart(addr, grpc.credentials.createInsecure());
