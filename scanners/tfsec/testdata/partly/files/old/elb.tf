locals {
  a {
    b   c
  }
}
