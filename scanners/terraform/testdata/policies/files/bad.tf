data "aws_iam_policy_document" "admin" {
  statement {
    sid       = "all"
    actions   = ["*"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "heredoc" {
  policy = <<-EOF
    {
      "Version": "2012-10-17",
      "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*"], "Resource": "${aws_s3_bucket.a.arn}"},
        {"Effect": "Allow", "Action": "*", "Resource": "*"}
      ]
    }
  EOF
}

resource "aws_iam_role_policy" "encoded" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["*"]
      Resource = "*"
    }]
  })
}

resource "aws_iam_role" "inline" {
  inline_policy {
    policy = jsonencode({ "Statement" : { "Effect" : "Allow", "Action" : "*", "Resource" : "*" } })
  }
}
