resource "aws_sns_topic" "billing_alarms" {
  name = "billing-alarms"
}
