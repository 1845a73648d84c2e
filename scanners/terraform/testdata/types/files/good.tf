resource "aws_db_instance" "main" {
  publicly_accessible = "false"
  storage_encrypted   = "true"
}

resource "azurerm_mssql_server" "number" {
  minimum_tls_version = 1.2
}

# There are no such attributes.
resource "azurerm_mysql_server" "main" {
  min_tls_version                  = "TLS1_0"
  ssl_minimal_tls_version_enforced = "TLS1_2"
}

resource "azurerm_mssql_server" "main" {
  min_tls_version     = "TLS1_0"
  minimum_tls_version = "1.2"
}

# Always encrypted, whatever it says.
resource "aws_rds_cluster" "v1" {
  engine_mode       = "serverless"
  storage_encrypted = false
}

resource "azurerm_managed_disk" "main" {
  encryption_settings {
    enabled = "true"
  }
}

resource "aws_kms_key" "store" {
  custom_key_store_id = aws_kms_custom_key_store.main.id
  enable_key_rotation = false
}

resource "aws_lb" "web" {
  internal = "not a boolean"
}
