provider "aws" {
  secret_key = "{{BASE64:2}}"
}

module "db" {
  source   = "../.."
  password = "UberSecretPassword"
}

resource "aws_db_instance" "main" {
  password = "UberSecretPassword"
}
