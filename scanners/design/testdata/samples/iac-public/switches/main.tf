resource "aws_db_instance" "main" {
  engine              = "postgres"
  publicly_accessible = true
}

resource "aws_s3_bucket_public_access_block" "site" {
  bucket            = aws_s3_bucket.site.id
  block_public_acls = false
}

resource "aws_lb" "front" {
  name = "front"
}

resource "azurerm_storage_account" "files" {
  name                          = "files"
  public_network_access_enabled = true
}
