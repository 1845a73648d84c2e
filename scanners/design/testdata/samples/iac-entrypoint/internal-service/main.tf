resource "google_cloud_run_v2_service" "worker" {
  name    = "worker"
  ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"
}

resource "aws_api_gateway_rest_api" "inner" {
  name = "inner"
  endpoint_configuration {
    types = ["PRIVATE"]
  }
}
