resource "aws_db_instance" "main" {
  storage_encrypted   = false # for now
  publicly_accessible = true
}

resource "aws_ebs_volume" "data" {
  encrypted = false
}

resource "aws_instance" "web" {
  root_block_device {
    encrypted = false
  }
  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "optional"
  }
}

resource "aws_launch_template" "web" {
  block_device_mappings {
    ebs {
      encrypted = "false"
    }
  }
  metadata_options { http_tokens = "optional" }
}

resource "aws_s3_bucket_public_access_block" "site" {
  block_public_acls       = false
  block_public_policy     = false
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_acl" "site" {
  acl = "public-read"
}

resource "aws_kms_key" "main" {
  enable_key_rotation = false
}

resource "aws_cloudtrail" "main" {
  enable_logging             = false
  enable_log_file_validation = false
}

resource "aws_lb_listener" "web" {
  ssl_policy = "ELBSecurityPolicy-2016-08"
}

resource "aws_cloudfront_distribution" "site" {
  default_cache_behavior {
    viewer_protocol_policy = "allow-all"
  }
  viewer_certificate {
    minimum_protocol_version = "TLSv1"
  }
}

resource "azurerm_storage_account" "main" {
  min_tls_version                 = "TLS1_0"
  https_traffic_only_enabled      = false
  allow_nested_items_to_be_public = true
}

resource "azurerm_storage_container" "site" {
  container_access_type = "blob"
}

resource "azurerm_kubernetes_cluster" "main" {
  role_based_access_control_enabled = false
}

resource "google_container_cluster" "main" {
  enable_legacy_abac = true
}

resource "google_storage_bucket_iam_member" "site" {
  role   = "roles/storage.objectViewer"
  member = "allUsers"
}

resource "google_project_iam_binding" "all" {
  role    = "roles/viewer"
  members = ["user:a@b.c", "allAuthenticatedUsers"]
}

resource "azurerm_postgresql_server" "main" {
  ssl_enforcement_enabled = false
}

resource "azurerm_linux_web_app" "main" {
  https_only = false
  site_config {
    minimum_tls_version = "1.0"
  }
}
