resource "google_cloud_run_v2_service" "web" {
  name     = "web"
  location = var.region
  ingress  = "INGRESS_TRAFFIC_ALL"

  template {
    containers { image = var.image }
  }
}

resource "azurerm_linux_web_app" "portal" {
  name                = "portal"
  resource_group_name = var.group
}
