region      = "eu-west-1"
db_password = "Grav1ty&Wells"
admin_pass  = "changeme"
smtp = {
  host = "mail.acme.dev"
}
