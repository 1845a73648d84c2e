resource "google_compute_instance" "web" {
  can_ip_forward = false
  metadata = {
    serial-port-enable = "false"
    enable-oslogin     = "TRUE"
    startup-script     = "true"
  }
}

resource "google_compute_instance" "unsaid" {
  can_ip_forward = var.router
  metadata = {
    serial-port-enable = var.debug
  }
}

resource "google_compute_instance" "elsewhere" {
  metadata = merge(var.metadata, { team = "shop" })
}

resource "google_compute_project_metadata_item" "login" {
  key   = "enable-oslogin"
  value = "TRUE"
}

resource "google_compute_address" "web" {
  labels = { serial-port-enable = "true" }
}
