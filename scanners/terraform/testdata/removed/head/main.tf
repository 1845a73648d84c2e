resource "aws_db_instance" "main" {
  deletion_protection                 = false
  iam_database_authentication_enabled = null
}

resource "aws_instance" "web" {
  ebs_block_device {
    device_name = "/dev/sdf"
  }
  ebs_block_device {
    device_name = "/dev/sdg"
  }
  metadata_options {
    http_put_response_hop_limit = 2
  }
}

resource "aws_s3_bucket" "logs" {
  bucket = "logs"
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id
  versioning_configuration {
    status = "Suspended"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.bucket
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket" "old" {
}

resource "aws_s3_bucket_public_access_block" "site" {
  bucket = "site"
}

resource "aws_kms_key" "main" {
}

resource "aws_cloudtrail" "main" {
}

resource "aws_sns_topic" "orders" {
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "azurerm_storage_account" "main" {
}

resource "azurerm_key_vault" "main" {
}

resource "azurerm_kubernetes_cluster" "main" {
}

resource "google_sql_database_instance" "main" {
  settings {
    ip_configuration {
      private_network = google_compute_network.main.id
    }
  }
}

resource "google_container_cluster" "main" {
}

resource "google_kms_crypto_key" "main" {
}

resource "google_compute_instance" "web" {
}
