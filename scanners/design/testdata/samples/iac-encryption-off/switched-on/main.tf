resource "aws_rds_cluster" "main" {
  storage_encrypted = true
}

resource "aws_ebs_volume" "logs" {
  encrypted = var.encrypt
}
