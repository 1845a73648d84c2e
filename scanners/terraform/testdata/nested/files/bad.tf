terraform {
  backend "s3" {
    bucket     = "state"
    access_key = "{{AWS_KEY}}"
    secret_key = "{{BASE64}}"
  }
}

provider "azurerm" {
  client_secret = "Qm7~kdoe0abzTRI1plkVBC2wer"
  features {}
}

provider "docker" {
  registry_auth {
    address  = "registry.acme.dev"
    username = "shop"
    password = "Grav1ty&Wells"
  }
}

provider "helm" {
  kubernetes = {
    host  = "https://k8s.acme.dev"
    token = "Grav1ty&Wells"
  }
  registries = [{ url = "oci://registry.acme.dev", password = "Grav1ty&Wells" }]
}

resource "azurerm_linux_virtual_machine_scale_set" "web" {
  os_profile {
    admin_username = "shop"
    admin_password = "Grav1ty&Wells"
  }
}

resource "aws_mq_broker" "queue" {
  user {
    username = "shop"
    password = "Grav1ty&Wells"
  }
  user {
    username = "admin"
    password = "Wells&Grav1ty"
  }
}

resource "null_resource" "setup" {
  connection {
    type     = "ssh"
    password = "Grav1ty&Wells"
  }
  provisioner "remote-exec" {
    connection {
      bastion_password = "Grav1ty&Wells"
    }
  }
}

resource "aws_mq_broker" "many" {
  dynamic "user" {
    for_each = var.users
    content {
      username = user.value
      password = "Grav1ty&Wells"
    }
  }
  dynamic "user" {
    for_each = [{ name = "shop", password = "Grav1ty&Wells" }]
    iterator = one
    content {
      username = one.value.name
      password = one.value.password
    }
  }
}

resource "kubernetes_secret" "db" {
  data = {
    username = "shop"
    password = "Grav1ty&Wells"
  }
}

resource "aws_lambda_function" "api" {
  environment {
    variables = {
      DB_HOST     = "db.acme.dev"
      DB_PASSWORD = "Grav1ty&Wells"
    }
  }
}

resource "aws_ecs_task_definition" "api" {
  container_definitions = jsonencode([{
    name = "api"
    environment = [
      { name = "DB_HOST", value = "db.acme.dev" },
      { name = "DB_PASSWORD", value = "Grav1ty&Wells" },
    ]
  }])
}

resource "helm_release" "db" {
  set {
    name  = "auth.password"
    value = "Grav1ty&Wells"
  }
}

module "db" {
  source          = "./db"
  master_password = "Grav1ty&Wells"
}
