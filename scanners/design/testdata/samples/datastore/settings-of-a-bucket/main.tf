resource "aws_s3_bucket_versioning" "files" {
  bucket = var.bucket
}

data "aws_s3_bucket" "files" {
  bucket = var.bucket
}

resource "aws_db_instance" "replica" {
  replicate_source_db = var.primary
}

resource "aws_db_subnet_group" "main" {
  subnet_ids = var.subnets
}
