package terraform

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

// passwords are the attributes of resources that hold a password or another secret.
var passwords = []string{
	"password", "master_password", "admin_password", "administrator_login_password", "administrator_password", "auth_token", "root_password",
	"client_secret", "secret_key",
}

// providerSecrets matches the attributes of providers that hold a secret.
var providerSecrets = regexp.MustCompile(`^(access_key|secret_key|token|password|client_secret|api_key|app_key|api_token|private_key|secret_id|.*_(token|password|secret|api_key))$`)

// keyFile matches the beginning of a Google key that is written inline instead of named by its
// file.
var keyFile = regexp.MustCompile(`^\s*\{\s*"`)

func (c *checker) credentials(at block) {
	if strings.HasPrefix(at.kind, "data.") {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(at.body.Attributes)) {
		a := at.body.Attributes[name]
		secret := slices.Contains(passwords, name)
		if at.kind == "provider" {
			secret = providerSecrets.MatchString(name)
		}
		value, ok := literal(a.Expr).(string)
		if ok && secret && infra.SecretValue(value) || at.kind == "provider" && name == "credentials" && keyFile.MatchString(value) {
			c.add(credentials, at, a.SrcRange, "has a literal value for "+infra.Name(name)+".", name)
		}
	}
}
