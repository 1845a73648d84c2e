resource "aws_kms_key" "orders" {
  enable_key_rotation = true
}

resource "aws_ssm_parameter" "db_password" {
  name  = "/db/password"
  type  = "SecureString"
  value = var.password
}

resource "aws_ssm_parameter" "ami" {
  name  = "/ami"
  type  = "String"
  value = "ami-1"
}
