channel = grpc.secure_channel(addr, grpc.ssl_channel_credentials())
