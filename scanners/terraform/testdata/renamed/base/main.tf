resource "aws_security_group" "web" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_ebs_volume" "old" {
  encrypted = false
}

resource "aws_db_instance" "first" {
  storage_encrypted = true
  password          = "Grav1ty&Wells"
}

resource "aws_ebs_volume" "again" {
  encrypted = false
}

resource "aws_s3_bucket" "logs" {
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket            = aws_s3_bucket.logs.id
  block_public_acls = true
}
