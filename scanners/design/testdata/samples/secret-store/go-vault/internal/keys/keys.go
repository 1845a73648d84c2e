package keys

import (
	vault "github.com/hashicorp/vault/api"
)

var client *vault.Client
