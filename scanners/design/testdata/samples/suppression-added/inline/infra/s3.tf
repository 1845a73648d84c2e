resource "aws_s3_bucket" "a" {
  #checkov:skip=CKV_AWS_18:no logs needed
  bucket = "a"
}
