resource "aws_ecs_task_definition" "api" {
  container_definitions = jsonencode([{
    secrets = [
      { name = "STRIPE_API_KEY", valueFrom = aws_secretsmanager_secret.stripe.arn },
    ]
  }])
}
