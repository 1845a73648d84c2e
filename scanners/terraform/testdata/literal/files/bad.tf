resource "aws_security_group" "ports" {
  dynamic "ingress" {
    for_each = [443, 5432, 22]
    content {
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
}

resource "aws_security_group" "rules" {
  dynamic "ingress" {
    for_each = {
      web = { port = 443, from = ["0.0.0.0/0"] }
      ssh = { port = 22, from = ["10.0.0.0/8"] }
      rdp = { port = 3389, from = ["0.0.0.0/0"] }
    }
    iterator = rule
    content {
      description = "for ${rule.key}"
      from_port   = rule.value.port
      to_port     = rule.value["port"]
      protocol    = "tcp"
      cidr_blocks = rule.value.from
    }
  }
}

resource "aws_security_group_rule" "each" {
  for_each    = toset(["80", "6379"])
  type        = "ingress"
  from_port   = each.value
  to_port     = each.key
  protocol    = "tcp"
  cidr_blocks = ["0.0.0.0/0"]
}

resource "azurerm_network_security_group" "each" {
  dynamic "security_rule" {
    for_each = { ssh = 22, web = 443 }
    content {
      name                   = "allow-${security_rule.key}"
      direction              = "Inbound"
      access                 = "Allow"
      protocol               = "Tcp"
      source_address_prefix  = "${"0.0.0.0"}/0"
      destination_port_range = security_rule.value
    }
  }
}

resource "aws_instance" "disks" {
  dynamic "ebs_block_device" {
    for_each = ["/dev/sdf", "/dev/sdg"]
    content {
      device_name = ebs_block_device.value
      encrypted   = false
    }
  }
}
