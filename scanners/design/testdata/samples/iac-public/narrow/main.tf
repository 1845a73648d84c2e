resource "aws_security_group" "db" {
  ingress {
    from_port   = 5432
    to_port     = 5432
    cidr_blocks = ["10.0.0.0/16"]
  }
}

resource "aws_eks_cluster" "main" {
  vpc_config {
    endpoint_public_access = true
    public_access_cidrs    = ["192.0.2.0/24"]
  }
}

resource "aws_lb" "inner" {
  internal = true
}

resource "aws_alb" "chosen" {
  internal = var.internal
}
