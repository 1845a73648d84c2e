module github.com/getsentry/sentry-go

go 1.25

// github.com/stripe/stripe-go/v82 v82.1.0
require golang.org/x/sync v0.10.0
