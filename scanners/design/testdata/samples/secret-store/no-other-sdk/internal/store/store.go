package store

import "github.com/aws/aws-sdk-go-v2/service/s3"

var _ = s3.New
