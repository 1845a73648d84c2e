# None of these exists.
resource "aws_security_group_rule" "none" {
  count       = 0
  type        = "ingress"
  from_port   = 22
  to_port     = 22
  protocol    = "tcp"
  cidr_blocks = ["0.0.0.0/0"]
}

resource "aws_db_instance" "text" {
  count               = "0"
  publicly_accessible = true
  password            = "Grav1ty&Wells"
}

resource "aws_ebs_volume" "decided" {
  count     = false ? 1 : 0
  encrypted = false
}

resource "aws_ebs_volume" "set" {
  for_each  = toset([])
  encrypted = false
}

resource "aws_ebs_volume" "map" {
  for_each  = {}
  encrypted = false
}

resource "aws_ebs_volume" "lifecycle" {
  encrypted = false
  lifecycle {
    enabled = false
  }
}

resource "aws_security_group" "none" {
  dynamic "ingress" {
    for_each = []
    content {
      from_port   = 22
      to_port     = 22
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
}

data "aws_iam_policy_document" "none" {
  count = 0
  statement {
    actions   = ["*"]
    resources = ["*"]
  }
}
