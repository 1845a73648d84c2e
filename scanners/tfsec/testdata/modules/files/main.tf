module "one" {
  source = "./net"
  name   = "one"
}

module "two" {
  source = "./net"
  name   = "two"
}
