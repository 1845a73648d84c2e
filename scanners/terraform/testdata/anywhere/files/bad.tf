resource "aws_security_group_rule" "short" {
  type             = "ingress"
  from_port        = 22
  to_port          = 22
  protocol         = "tcp"
  ipv6_cidr_blocks = ["0::/0"]
}

resource "aws_security_group_rule" "full" {
  type             = "ingress"
  from_port        = 5432
  to_port          = 5432
  protocol         = "tcp"
  ipv6_cidr_blocks = ["0000:0000:0000:0000:0000:0000:0000:0000/0"]
}

resource "aws_security_group_rule" "public" {
  type             = "ingress"
  from_port        = 3306
  to_port          = 3306
  protocol         = "tcp"
  ipv6_cidr_blocks = ["2000::/3"]
}

resource "aws_vpc_security_group_ingress_rule" "host" {
  cidr_ipv4   = "10.1.0.0/0"
  from_port   = 3389
  to_port     = 3389
  ip_protocol = "tcp"
}

resource "aws_security_group" "halves" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/1", "128.0.0.0/1"]
  }
  ingress {
    from_port = 6379
    to_port   = 6379
    protocol  = "tcp"
    cidr_blocks = concat(["128.0.0.0/2", "192.0.0.0/2"], [
      "64.0.0.0/2",
      "0.0.0.0/2",
    ])
  }
}

resource "aws_vpc_security_group_ingress_rule" "half" {
  cidr_ipv4   = "128.0.0.0/1"
  from_port   = 22
  to_port     = 22
  ip_protocol = "tcp"
}

resource "aws_security_group_rule" "udp" {
  type        = "ingress"
  from_port   = 0
  to_port     = 65535
  protocol    = "udp"
  cidr_blocks = ["0.0.0.0/0"]
}

resource "google_compute_firewall" "udp" {
  source_ranges = ["::/0"]
  allow {
    protocol = "udp"
  }
}

resource "google_compute_firewall" "quarters" {
  source_ranges = ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1"]
  allow {
    protocol = "TCP"
    ports    = [22, "3389", "8000-9300"]
  }
}

resource "azurerm_network_security_rule" "udp" {
  name                    = "udp"
  direction               = "Inbound"
  access                  = "Allow"
  protocol                = "Udp"
  source_address_prefix   = "*"
  destination_port_ranges = ["0-65535"]
}

resource "azurerm_network_security_rule" "list" {
  name                    = "list"
  direction               = "Inbound"
  access                  = "Allow"
  protocol                = "Tcp"
  source_address_prefix   = "0.0.0.0"
  destination_port_ranges = ["443", "6379", "3389", "22", "5432", "3306"]
}

resource "azurerm_postgresql_firewall_rule" "most" {
  start_ip_address = "1.0.0.0"
  end_ip_address   = "255.255.255.254"
}

resource "azurerm_redis_firewall_rule" "half" {
  start_ip = "0.0.0.0"
  end_ip   = "127.255.255.255"
}
