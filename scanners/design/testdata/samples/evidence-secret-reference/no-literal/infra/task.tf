resource "aws_ecs_task_definition" "api" {
  container_definitions = jsonencode([{
    environment = [{ name = "STRIPE_API_KEY", value = "sk" }]
  }])
}
