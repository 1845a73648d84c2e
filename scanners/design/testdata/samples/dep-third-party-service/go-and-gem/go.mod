module acme.dev/shop

go 1.25

require (
	github.com/stripe/stripe-go/v82 v82.1.0
	github.com/getsentry/sentry-go v0.30.0 // indirect
	golang.org/x/sync v0.10.0
)
