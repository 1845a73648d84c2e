package orders

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func dial(addr string) (*grpc.ClientConn, error) {
	return grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func old(addr string) (*grpc.ClientConn, error) { return grpc.Dial(addr, grpc.WithInsecure()) }
