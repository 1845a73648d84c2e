package bufconn

var c = insecure.NewCredentials()
