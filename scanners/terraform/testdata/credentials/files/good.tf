provider "aws" {
  access_key = "mock_access_key"
  secret_key = "test"
}

provider "google" {
  credentials = file("account.json")
}

provider "google" {
  alias       = "named"
  credentials = "account.json"
}

provider "github" {
  token = var.token
}

resource "aws_db_instance" "main" {
  password                    = random_password.main.result
  manage_master_user_password = true
}

resource "aws_rds_cluster" "main" {
  master_password = "changeme-please"
}

resource "aws_rds_cluster" "joined" {
  master_password = "${var.prefix}-secret"
}

resource "azurerm_key_vault_secret" "main" {
  name  = "password"
  value = var.value
}
