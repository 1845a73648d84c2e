resource "aws_db_instance" "main" {
  storage_encrypted   = true
  publicly_accessible = var.public
}

resource "aws_db_instance" "unsaid" {
}

resource "aws_instance" "web" {
  metadata_options {
    http_tokens = "required"
  }
}

resource "aws_instance" "without" {
  metadata_options {
    http_endpoint = "disabled"
    http_tokens   = "optional"
  }
}

resource "aws_s3_bucket_acl" "site" {
  acl = "private"
}

resource "aws_s3_bucket" "conditional" {
  acl = var.public ? "public-read" : "private"
}

# An asymmetric key cannot be rotated.
resource "aws_kms_key" "signing" {
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  enable_key_rotation      = false
}

resource "aws_cloudfront_distribution" "site" {
  viewer_certificate {
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

resource "azurerm_storage_account" "main" {
  min_tls_version            = "TLS1_2"
  https_traffic_only_enabled = true
}

# A web service is meant to be called.
resource "google_cloud_run_service_iam_member" "web" {
  role   = "roles/run.invoker"
  member = "allUsers"
}

resource "other_thing" "x" {
  publicly_accessible = true
  http_tokens         = "optional"
}

check "site" {
  data "http" "site" {
    url = "https://example.com"
  }
}
