provider "aws" {
  region     = "eu-west-1"
  access_key = "{{AWS_KEY}}"
  secret_key = "{{BASE64}}"
}

provider "aws" {
  alias      = "other"
  secret_key = "{{BASE64:2}}"
}

provider "google" {
  credentials = <<EOF
{
  "type": "service_account",
  "private_key_id": "{{HEX}}"
}
EOF
}

provider "github" {
  token = "{{GITHUB_PAT}}"
}

resource "aws_db_instance" "main" {
  username = "admin"
  password = "Tr0ub4dor3"
}

resource "azurerm_mssql_server" "main" {
  administrator_login_password = "thisIsKat11"
}
