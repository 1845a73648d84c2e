package orders

var c = insecure.NewCredentials()
