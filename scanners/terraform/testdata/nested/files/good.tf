terraform {
  backend "s3" {
    bucket = "state"
    key    = "shop/terraform.tfstate"
  }
}

provider "docker" {
  registry_auth {
    address  = "registry.acme.dev"
    username = "shop"
    password = var.registry_password
  }
}

provider "vault" {
  auth_login {
    path = "auth/userpass/login/shop"
    parameters = {
      password = var.vault_password
    }
  }
}

resource "aws_mq_broker" "queue" {
  user {
    username = "shop"
    password = random_password.queue.result
  }
  dynamic "user" {
    for_each = []
    content {
      password = "Grav1ty&Wells"
    }
  }
}

resource "null_resource" "setup" {
  triggers = {
    password = "Grav1ty&Wells"
  }
  connection {
    password    = "changeme"
    private_key = file("~/.ssh/id_ed25519")
  }
}

resource "kubernetes_deployment" "api" {
  spec {
    template {
      spec {
        container {
          env {
            name  = "DB_HOST"
            value = "db.acme.dev"
          }
          env {
            name = "DB_PASSWORD"
            value_from {
              secret_key_ref {
                name = "db"
                key  = "password"
              }
            }
          }
          env {
            name  = "DB_PASSWORD_FILE"
            value = "/run/secrets/db"
          }
        }
      }
    }
  }
}

resource "aws_ecs_task_definition" "api" {
  container_definitions = jsonencode([{
    name        = "api"
    environment = [{ name = "DB_PASSWORD", value = var.password }]
    secrets     = [{ name = "DB_PASSWORD", valueFrom = "arn:aws:ssm:eu-west-1:123456789012:parameter/db" }]
  }])
}

resource "aws_cognito_user_pool" "shop" {
  password_policy {
    minimum_length = 12
  }
}

resource "aws_iam_account_password_policy" "strict" {
  allow_users_to_change_password = true
  max_password_age               = 90
}

resource "aws_instance" "windows" {
  get_password_data = "true"
  tags = {
    password = "in the vault"
  }
}

module "db" {
  source                      = "./db"
  manage_master_user_password = true
  master_password             = ""
  create_random_password      = "false"
}

# The key of a secret, and no secret.
resource "helm_release" "metadata" {
  values = [templatefile("values.yml.tftpl", {
    db_password_secret_key = "openmetadata-rds-password"
    secret_key             = "rds-password"
  })]
}
