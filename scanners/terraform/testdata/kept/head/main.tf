# Nothing of this is less protected at the head.
resource "aws_db_instance" "variable" {
  storage_encrypted = var.encrypted
}

resource "aws_db_instance" "unsure" {
}

resource "aws_db_instance" "replica" {
  replicate_source_db = aws_db_instance.main.identifier
}

resource "aws_db_instance" "after" {
}

resource "aws_rds_cluster" "serverless" {
  engine_mode = "serverless"
}

resource "aws_elasticache_replication_group" "cache" {
  engine = "valkey"
}

resource "aws_s3_bucket" "logs" {
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_logging" "logs" {
  bucket        = aws_s3_bucket.logs.id
  target_bucket = "logs"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket" "plain" {
}

resource "aws_instance" "web" {
  dynamic "metadata_options" {
    for_each = var.options
    content {
      http_tokens = metadata_options.value
    }
  }
}

resource "google_sql_database_instance" "main" {
  settings {
    ip_configuration {
      ssl_mode = "ENCRYPTED_ONLY"
    }
  }
}

resource "azurerm_kubernetes_cluster" "main" {
  api_server_access_profile {
    authorized_ip_ranges = ["203.0.113.0/24"]
  }
}

resource "azurerm_storage_account" "main" {
}

resource "azurerm_storage_account_network_rules" "main" {
  storage_account_id = azurerm_storage_account.main.id
  default_action     = "Deny"
}

resource "aws_redshift_cluster" "main" {
}

resource "aws_ebs_volume" "never" {
  size = 2
}

resource "aws_ebs_volume" "off" {
}

resource "aws_ebs_volume" "counted" {
  count = 0
}
