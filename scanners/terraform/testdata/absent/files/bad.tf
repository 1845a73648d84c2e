resource "aws_ebs_volume" "one" {
  count     = 1
  encrypted = false
}

resource "aws_ebs_volume" "perhaps" {
  count     = var.enabled ? 1 : 0
  encrypted = false
}

resource "aws_ebs_volume" "many" {
  for_each  = toset(["a", "b"])
  encrypted = false
}

resource "aws_ebs_volume" "more" {
  for_each  = var.volumes
  encrypted = false
}
