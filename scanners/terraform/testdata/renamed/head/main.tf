moved {
  from = aws_security_group.web
  to   = aws_security_group.shop["eu"]
}

resource "aws_security_group" "shop" {
  for_each = toset(["eu", "us"])
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

moved {
  from = aws_ebs_volume.old
  to   = aws_ebs_volume.new
}

resource "aws_ebs_volume" "new" {
  encrypted = false
}

resource "aws_ebs_volume" "other" {
  encrypted = false
}

moved {
  from = aws_db_instance.second
  to   = aws_db_instance.third
}

moved {
  from = aws_db_instance.first
  to   = aws_db_instance.second
}

# Protected no more.
resource "aws_db_instance" "third" {
  password = "Grav1ty&Wells"
}

moved {
  from = aws_ebs_volume.again
  to   = aws_ebs_volume.moved
}

resource "aws_ebs_volume" "again" {
  encrypted = false
}

# Its former address is in use again.
resource "aws_ebs_volume" "moved" {
  encrypted = false
}

moved {
  from = aws_s3_bucket.logs
  to   = aws_s3_bucket.archive
}

resource "aws_s3_bucket" "archive" {
}
