resource "google_storage_default_object_access_control" "all" {
  entity = "allAuthenticatedUsers"
  role   = "READER"
}

resource "google_storage_bucket_acl" "all" {
  role_entity = ["OWNER:user-shop@acme.dev", "READER:allAuthenticatedUsers"]
}

data "google_iam_policy" "all" {
  binding {
    role    = "roles/storage.objectViewer"
    members = ["allUsers"]
  }
}

resource "google_bigquery_dataset" "sales" {
  access {
    role          = "READER"
    special_group = "allAuthenticatedUsers"
  }
}

resource "google_bigquery_dataset_access" "sales" {
  role       = "roles/bigquery.dataViewer"
  iam_member = "allUsers"
}

resource "google_pubsub_topic_iam_binding" "orders" {
  for_each = toset(["roles/pubsub.publisher"])
  role     = each.value
  members  = ["allAuthenticatedUsers"]
}
