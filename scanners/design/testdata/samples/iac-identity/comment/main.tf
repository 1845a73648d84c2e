# resource "aws_iam_user" "old" {
#   name = "old"
# }
/* resource "aws_iam_role" "gone" {} */
resource "aws_iam_account_alias" "a" {
  account_alias = "acme"
}
