resource "aws_security_group" "private" {
  ingress {
    from_port        = 22
    to_port          = 22
    protocol         = "tcp"
    cidr_blocks      = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]
    ipv6_cidr_blocks = ["fc00::/7", "fe80::/10", "2001:db8::/32"]
  }
  # Names and media are served to everybody.
  ingress {
    from_port   = 53
    to_port     = 53
    protocol    = "udp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  ingress {
    from_port   = 10000
    to_port     = 65535
    protocol    = "17"
    cidr_blocks = ["0.0.0.0/0"]
  }
  ingress {
    from_port        = 22
    to_port          = 22
    protocol         = "tcp"
    ipv6_cidr_blocks = ["::1/128", "not an address", "::/128"]
  }
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/2", "0.0.0.0/2", "8.0.0.0/5"]
  }
}

resource "google_compute_firewall" "off" {
  disabled      = "true"
  source_ranges = ["0.0.0.0/0"]
  allow {
    protocol = "udp"
    ports    = ["0-65535"]
  }
}

resource "azurerm_mssql_firewall_rule" "office" {
  start_ip_address = "203.0.113.0"
  end_ip_address   = "203.0.113.255"
}

resource "azurerm_mssql_firewall_rule" "other" {
  start_ip_address = "255.255.255.255"
  end_ip_address   = "0.0.0.0"
}
