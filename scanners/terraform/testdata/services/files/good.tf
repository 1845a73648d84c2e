data "aws_iam_policy_document" "narrow" {
  statement {
    actions   = ["ec2:*", "s3:*"]
    resources = [aws_s3_bucket.a.arn]
  }
  statement {
    actions   = ["ec2:Describe*", "s3:Get*", "s3:List*"]
    resources = ["*"]
  }
  statement {
    actions   = ["logs:*", "cloudwatch:*", "xray:*"]
    resources = ["*"]
  }
  statement {
    actions   = ["logs:*", "s3:*"]
    resources = ["*"]
  }
  statement {
    actions   = ["ec2:*", "s3:*"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/team"
      values   = ["shop"]
    }
  }
  statement {
    effect    = "Deny"
    actions   = ["iam:*", "organizations:*"]
    resources = ["*"]
  }
}

resource "azurerm_role_definition" "narrow" {
  permissions {
    actions      = ["Microsoft.Compute/*/read"]
    not_actions  = ["*"]
    data_actions = ["*"]
  }
}

resource "azurerm_role_definition" "group" {
  scope = azurerm_resource_group.main.id
  permissions {
    actions = ["*"]
  }
}

resource "aws_s3_bucket_policy" "secure" {
  policy = jsonencode({
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "*", Condition = { Bool = { "aws:SecureTransport" = "false" } } },
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "*", Condition = { StringEquals = { "aws:SourceVpce" = "vpce-1a2b3c4d" } } },
      { Effect = "Allow", Principal = { Service = "cloudfront.amazonaws.com" }, Action = "s3:GetObject", Resource = "*" },
      { Effect = "Allow", Principal = { AWS = "arn:aws:iam::123456789012:root" }, Action = "s3:*", Resource = "*" },
    ]
  })
}

data "aws_iam_policy_document" "queue" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = ["*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}
