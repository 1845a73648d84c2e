package testutil

var c = insecure.NewCredentials()
