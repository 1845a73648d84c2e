resource "aws_iam_instance_profile" "web" {
  role = aws_iam_role.web.name
}

resource "aws_lambda_function" "job" {
  role = "arn:aws:iam::123456789012:role/job"
}

output "role" {
  value = aws_iam_role.web.arn
}
