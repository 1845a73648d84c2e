# The same as before, elsewhere.
resource "aws_security_group" "web" {
  ingress {
    cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"]
    protocol    = "tcp"
    from_port   = 22
    to_port     = 22
  }
  ingress {
    cidr_blocks = ["0.0.0.0/0"]
    protocol    = "tcp"
    from_port   = 3389
    to_port     = 3389
  }
}
