data "aws_secretsmanager_secret" "db" {
  name = "db"
}
# resource "aws_kms_key" "old" {}
