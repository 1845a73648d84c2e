data "google_iam_policy" "web" {
  binding {
    role    = "roles/run.invoker"
    members = ["allUsers"]
  }
}

resource "google_storage_bucket_acl" "team" {
  role_entity = ["OWNER:user-shop@acme.dev", "READER:domain-acme.dev"]
}

resource "google_bigquery_dataset" "sales" {
  access {
    role          = "READER"
    special_group = "projectReaders"
  }
}
