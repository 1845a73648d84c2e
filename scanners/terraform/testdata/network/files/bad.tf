resource "aws_security_group" "web" {
  name = "web"

  ingress {
    description = "all of it"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }

  ingress {
    from_port        = 20
    to_port          = 25
    protocol         = "tcp"
    cidr_blocks      = ["10.0.0.0/8"]
    ipv6_cidr_blocks = ["::/0"]
  }

  dynamic "ingress" {
    for_each = var.rules
    content {
      from_port = 3389
      to_port   = 3389
      protocol  = "tcp"
      cidr_blocks = [
        "10.0.0.0/8",
        "0.0.0.0/0", # for the weekend
      ]
    }
  }
}

resource "aws_security_group" "list" {
  ingress = [
    { from_port = 443, to_port = 443, protocol = "tcp", cidr_blocks = ["0.0.0.0/0"] },
    { from_port = 5432, to_port = 5432, protocol = "tcp", cidr_blocks = ["0.0.0.0/0"] },
  ]
}

resource "aws_security_group_rule" "ssh" {
  type              = "ingress"
  from_port         = "22"
  to_port           = "22"
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
  security_group_id = aws_security_group.web.id
}

resource "aws_vpc_security_group_ingress_rule" "redis" {
  cidr_ipv4   = "0.0.0.0/0"
  from_port   = 6379
  to_port     = 6379
  ip_protocol = "tcp"
}

resource "google_compute_firewall" "ssh" {
  network       = "default"
  source_ranges = ["0.0.0.0/0"]
  allow {
    protocol = "tcp"
    ports    = ["80", "22"]
  }
}

resource "google_compute_firewall" "everything" {
  network       = "default"
  source_ranges = ["0.0.0.0/0"]
  allow {
    protocol = "all"
  }
}

resource "azurerm_network_security_group" "web" {
  security_rule {
    name                       = "rdp"
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "Tcp"
    source_address_prefix      = "Internet"
    destination_port_range     = "3389"
    destination_address_prefix = "*"
  }
}

resource "azurerm_network_security_rule" "many" {
  name                    = "many"
  direction               = "Inbound"
  access                  = "Allow"
  protocol                = "*"
  source_address_prefixes = ["10.0.0.0/8", "0.0.0.0/0"]
  destination_port_ranges = ["443", "1000-2000"]
}

resource "azurerm_mssql_firewall_rule" "all" {
  start_ip_address = "0.0.0.0"
  end_ip_address   = "255.255.255.255"
}

resource "google_sql_database_instance" "main" {
  settings {
    ip_configuration {
      authorized_networks {
        name  = "all"
        value = "0.0.0.0/0"
      }
    }
  }
}

resource "aws_eks_cluster" "main" {
  vpc_config {
    public_access_cidrs = ["0.0.0.0/0"]
  }
}

resource "google_container_cluster" "main" {
  master_authorized_networks_config {
    cidr_blocks {
      cidr_block = "0.0.0.0/0"
    }
  }
}
