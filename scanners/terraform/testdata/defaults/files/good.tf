variable "db_password" {
  type      = string
  sensitive = true
}

variable "root_password" {
  default = ""
}

variable "other_password" {
  default = null
}

variable "smtp_password" {
  default = "changeme"
}

variable "password_length" {
  default = "16 or more"
}

variable "password_secret" {
  default = "prod/db/credentials"
}

variable "password_policy" {
  default = "strict-policy"
}

variable "postgres_password" {
  default = "postgres"
}
