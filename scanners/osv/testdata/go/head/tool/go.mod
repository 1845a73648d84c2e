module example.com/shop/tool

go 1.22

require example.com/acme/fork v1.0.0

replace example.com/acme/fork => example.com/acme/router v1.1.0
