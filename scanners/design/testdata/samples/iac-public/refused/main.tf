resource "aws_s3_bucket_policy" "tls" {
  policy = jsonencode({
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = "*"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_api_gateway_method" "cors" {
  http_method   = "OPTIONS"
  authorization = "NONE"
}

resource "google_compute_firewall" "none" {
  source_ranges = ["0.0.0.0/0"]
  deny {
    protocol = "all"
  }
}
