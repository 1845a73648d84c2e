variable "name" {}

resource "aws_security_group_rule" "out" {
  type              = "egress"
  description       = "to anywhere"
  security_group_id = var.name
  from_port         = 443
  to_port           = 443
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
}
