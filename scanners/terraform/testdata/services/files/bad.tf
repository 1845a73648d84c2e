data "aws_iam_policy_document" "star" {
  statement {
    actions   = ["*:*"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "star" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*:*", Resource = ["*"] }] })
}

data "aws_iam_policy_document" "services" {
  statement {
    actions   = ["ec2:*", "s3:*"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "services" {
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = ["s3:*", "kms:*", "dynamodb:*", "logs:*"], Resource = "*" }]
  })
}

resource "aws_iam_user_policy" "rights" {
  policy = <<EOF1
{"Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}}
EOF1
}

resource "azurerm_role_definition" "all" {
  name  = "all"
  scope = data.azurerm_subscription.main.id
  permissions {
    actions     = ["*"]
    not_actions = []
  }
  assignable_scopes = [data.azurerm_subscription.main.id]
}

resource "aws_s3_bucket_policy" "site" {
  bucket = aws_s3_bucket.site.id
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "${aws_s3_bucket.site.arn}/*" }]
  })
}

data "aws_iam_policy_document" "site" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.site.arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}
