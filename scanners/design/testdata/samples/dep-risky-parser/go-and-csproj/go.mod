module acme.dev/shop

go 1.25

require github.com/chromedp/chromedp v0.11.0
