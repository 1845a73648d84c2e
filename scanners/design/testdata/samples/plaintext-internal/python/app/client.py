import grpc


def stub(addr):
    return grpc.insecure_channel(addr)
