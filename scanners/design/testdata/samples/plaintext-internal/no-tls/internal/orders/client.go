package orders

// insecure.NewCredentials() only serves tests.
var creds = credentials.NewTLS(nil)
