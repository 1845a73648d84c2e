resource "aws_db_instance" "main" {
  storage_encrypted                   = true
  deletion_protection                 = true
  iam_database_authentication_enabled = true
}

resource "aws_instance" "web" {
  root_block_device {
    encrypted = true
  }
  ebs_block_device {
    device_name = "/dev/sdf"
    encrypted   = true
  }
  ebs_block_device {
    device_name = "/dev/sdg"
  }
  metadata_options {
    http_tokens = "required"
  }
}

resource "aws_s3_bucket" "logs" {
  bucket = "logs"
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = aws_s3_bucket.logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.bucket
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket" "old" {
  versioning {
    enabled = true
  }
  logging {
    target_bucket = "logs"
  }
  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default {
        sse_algorithm     = "aws:kms"
        kms_master_key_id = aws_kms_key.main.arn
      }
    }
  }
}

resource "aws_s3_bucket_public_access_block" "site" {
  bucket            = "site"
  block_public_acls = true
}

resource "aws_kms_key" "main" {
  enable_key_rotation = true
}

resource "aws_cloudtrail" "main" {
  enable_log_file_validation = true
  is_multi_region_trail      = true
}

resource "aws_sns_topic" "orders" {
  kms_master_key_id = aws_kms_key.main.arn
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_flow_log" "main" {
  vpc_id = aws_vpc.main.id
}

resource "azurerm_storage_account" "main" {
  allow_nested_items_to_be_public = false
  public_network_access_enabled   = false
  network_rules {
    default_action = "Deny"
  }
}

resource "azurerm_key_vault" "main" {
  purge_protection_enabled = true
}

resource "azurerm_kubernetes_cluster" "main" {
  local_account_disabled = true
  api_server_access_profile {
    authorized_ip_ranges = ["203.0.113.0/24"]
  }
}

resource "google_sql_database_instance" "main" {
  settings {
    ip_configuration {
      ipv4_enabled = false
      require_ssl  = true
    }
  }
}

resource "google_container_cluster" "main" {
  master_authorized_networks_config {
    cidr_blocks {
      cidr_block = "203.0.113.0/24"
    }
  }
}

resource "google_kms_crypto_key" "main" {
  rotation_period = "7776000s"
}

resource "google_compute_instance" "web" {
  shielded_instance_config {
    enable_secure_boot = true
  }
}
