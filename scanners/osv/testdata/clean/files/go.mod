module example.com/shop

go 1.20

require example.com/acme/router v1.4.0

replace example.com/acme/router => ../router
