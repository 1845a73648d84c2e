variable "db_password" {
  type    = string
  default = "Grav1ty&Wells"
}

variable "adminPassword" {
  default   = "Wells&Grav1ty"
  sensitive = true
}
