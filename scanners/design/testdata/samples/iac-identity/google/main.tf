resource "google_service_account" "api" {
  account_id = "api"
}

resource "google_storage_bucket_iam_member" "api" {
  bucket = var.bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.api.member
}
