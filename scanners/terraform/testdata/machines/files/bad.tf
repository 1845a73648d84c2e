resource "google_compute_instance" "web" {
  can_ip_forward = true
  metadata = {
    serial-port-enable = true
    enable-oslogin     = "FALSE"
  }
}

resource "google_compute_instance_template" "web" {
  can_ip_forward = "true"
  metadata = {
    "serial-port-enable" = "1"
  }
}

resource "google_compute_project_metadata" "all" {
  metadata = { enable-oslogin = false, serial-port-enable = "TRUE" }
}

resource "google_compute_project_metadata_item" "serial" {
  key   = "serial-port-enable"
  value = "true"
}
