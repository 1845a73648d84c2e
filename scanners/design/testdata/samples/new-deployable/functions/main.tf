resource "aws_lambda_function" "resize" {
  function_name = "resize"
  role          = var.role
}
