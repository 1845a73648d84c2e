resource "aws_lambda_function_url" "old" {
  count              = 0
  function_name      = "old"
  authorization_type = "NONE"
}
# resource "aws_apigatewayv2_api" "later" { name = "later" }
