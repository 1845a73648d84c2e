resource "aws_iam_role_policy_attachment" "admin" {
  role       = aws_iam_role.ci.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

resource "google_project_iam_member" "ci" {
  project = var.project
  role    = "roles/editor"
  member  = "serviceAccount:${var.account}"
}

resource "azurerm_role_assignment" "ci" {
  role_definition_name = "Contributor"
  scope                = var.subscription
}
