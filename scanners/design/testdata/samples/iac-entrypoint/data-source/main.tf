data "aws_cloudfront_distribution" "shared" {
  id = var.distribution
}

resource "aws_apigatewayv2_stage" "live" {
  api_id = data.aws_apigatewayv2_api.shared.id
  name   = "live"
}
