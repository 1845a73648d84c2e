resource "aws_dynamodb_table" "t" {
  name = "t"
  server_side_encryption {
    enabled = false # the key of AWS is used
  }
}

resource "aws_lb" "inner" {
  internal                   = true
  enable_deletion_protection = false
}
