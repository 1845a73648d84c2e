resource "aws_iam_policy" "worker" {
  policy = <<EOF
{
  "Statement": {
    "Effect": "Allow",
    "Action": "dynamodb:*",
    "Resource": "*"
  }
}
EOF
}

resource "aws_iam_role" "limited" {
  managed_policy_arns  = ["arn:aws:iam::aws:policy/PowerUserAccess"]
  permissions_boundary = aws_iam_policy.edge.arn
}
