resource "aws_instance" "bastion" {
  ami = var.ami
  root_block_device {
    volume_size = 20
    encrypted   = false
  }
}
