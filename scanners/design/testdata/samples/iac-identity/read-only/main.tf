data "aws_iam_role" "shared" {
  name = "shared"
}

data "google_service_account" "ci" {
  account_id = "ci"
}
