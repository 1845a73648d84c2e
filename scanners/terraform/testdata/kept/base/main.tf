# Nothing of this is less protected at the head.
resource "aws_db_instance" "variable" {
  storage_encrypted = true
}

resource "aws_db_instance" "unsure" {
  storage_encrypted   = var.encrypted
  deletion_protection = var.protected
}

resource "aws_db_instance" "replica" {
  replicate_source_db = aws_db_instance.main.identifier
  storage_encrypted   = true
}

resource "aws_db_instance" "gone" {
  storage_encrypted   = true
  deletion_protection = true
}

resource "aws_db_instance" "before" {
  storage_encrypted = true
}

resource "aws_rds_cluster" "serverless" {
  engine_mode       = "serverless"
  storage_encrypted = true
}

resource "aws_elasticache_replication_group" "cache" {
  engine                     = "valkey"
  at_rest_encryption_enabled = true
}

resource "aws_s3_bucket" "logs" {
  versioning {
    enabled = true
  }
  logging {
    target_bucket = "logs"
  }
  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default {
        sse_algorithm = "aws:kms"
      }
    }
  }
}

resource "aws_s3_bucket" "plain" {
  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default {
        sse_algorithm = "AES256"
      }
    }
  }
}

resource "aws_instance" "web" {
  ebs_block_device {
    device_name = "/dev/sdf"
    encrypted   = true
  }
  metadata_options {
    http_tokens = "required"
  }
}

resource "google_sql_database_instance" "main" {
  settings {
    ip_configuration {
      require_ssl = true
    }
  }
}

resource "azurerm_kubernetes_cluster" "main" {
  api_server_authorized_ip_ranges = ["203.0.113.0/24"]
}

resource "azurerm_storage_account" "main" {
  min_tls_version           = "TLS1_2"
  enable_https_traffic_only = true
  network_rules {
    default_action = "Deny"
  }
}

resource "aws_redshift_cluster" "main" {
  encrypted = true
}

resource "aws_ebs_volume" "never" {
  size = 1
}

resource "aws_ebs_volume" "off" {
  encrypted = false
}

resource "aws_ebs_volume" "counted" {
  encrypted = true
}
