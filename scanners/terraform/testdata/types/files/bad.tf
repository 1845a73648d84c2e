resource "aws_db_instance" "main" {
  publicly_accessible = "true"
  storage_encrypted   = "false"
}

resource "aws_ebs_volume" "main" {
  encrypted = "0"
}

resource "azurerm_mssql_server" "number" {
  minimum_tls_version = 1.1
}

resource "azurerm_redis_cache" "number" {
  minimum_tls_version = 1.0
}

resource "azurerm_mysql_server" "main" {
  ssl_enforcement_enabled          = "false"
  ssl_minimal_tls_version_enforced = "TLS1_0"
}

resource "azurerm_postgresql_server" "main" {
  ssl_minimal_tls_version_enforced = "TLSEnforcementDisabled"
}

resource "azurerm_mariadb_server" "old" {
  ssl_enforcement = "Disabled"
}

resource "azurerm_cosmosdb_account" "main" {
  minimal_tls_version = "Tls11"
}

resource "azurerm_managed_disk" "main" {
  encryption_settings {
    enabled = false
  }
}

resource "azurerm_windows_function_app_slot" "main" {
  site_config {
    minimum_tls_version = "1.0"
  }
}

resource "aws_rds_cluster" "v2" {
  engine_mode       = "provisioned"
  storage_encrypted = false
  serverlessv2_scaling_configuration {
    min_capacity = 1
    max_capacity = 2
  }
}

# The version has to be this one then.
resource "azurerm_postgresql_server" "off" {
  ssl_enforcement_enabled          = false
  ssl_minimal_tls_version_enforced = "TLSEnforcementDisabled"
}
