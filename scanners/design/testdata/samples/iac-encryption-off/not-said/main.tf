resource "aws_db_instance" "main" {
  engine = "mysql"
}

variable "encrypted" {
  default = false
}
