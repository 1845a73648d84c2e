package design

import (
	"bytes"
	"go/ast"
	"reflect"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// secretName matches names of variables that hold a secret.
const secretName = `(?:[A-Z0-9]+_)*(?:[A-Z0-9]*SECRET|TOKEN|[A-Z0-9]*PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?|CLIENT_KEY|SIGNING_KEY|ENCRYPTION_KEY|SECRET_KEY|LICENSE_KEY|WEBHOOK_URL|DSN)(?:_KEY|_BASE|_SALT|_FILE|_BASE64|_B64|_VALUE|_ID|_[0-9]+)?`

var (
	wholeSecret = rex(`^` + secretName + `$`)

	// published are names of values that are sent to browsers, or that every run of a program has.
	published = rex(`^(NEXT_PUBLIC|VITE|REACT_APP|PUBLIC|EXPO_PUBLIC|NUXT_PUBLIC|GATSBY|STORYBOOK)_|PUBLISHABLE|^(GITHUB_TOKEN|GH_TOKEN|CI_JOB_TOKEN|NPM_TOKEN|CSRF_TOKEN|XSRF_TOKEN|CI_\w+)$|(^|_)(TEST|E2E|CYPRESS)_`)
)

var secretPatterns = map[language]*lazyRegexp{
	javascript: rex(`\bprocess\.env\.(` + secretName + `)\b|\bprocess\.env\[["'](` + secretName + `)["']\]|\b(?:Deno\.env\.get|configService\.get(?:OrThrow)?(?:<\w+>)?|config\.get|getEnv\w*|requireEnv|env)\(\s*["'](` + secretName + `)["']|(?m:^\s*(` + secretName + `):\s*(?:z|Joi|yup|t|str|v)\b[.(])`),
	python:     rex(`(?:\bos\.environ(?:\.get)?[\[(]|\bos\.getenv\(|\benviron(?:\.get)?[\[(]|\benv(?:\.\w+)?\(|\bconfig\(|\bget_env\w*\()\s*["'](` + secretName + `)["']|(?m:^\s+(` + secretName + `)\s*:\s*(?:Optional\[)?(?:str|SecretStr)\b)|\bDD_(` + secretName + `)=\(`),
	ruby:       rex(`\bENV(?:\.fetch\(|\[)\s*["'](` + secretName + `)["']`),
	java:       rex(`\b(?:System\.)?getenv\(\s*"(` + secretName + `)"|\$\{(` + secretName + `)[:}]|\b(?:getProperty|env|dotenv\.get)\(\s*"(` + secretName + `)"`),
	csharp:     rex(`\bGetEnvironmentVariable\(\s*"(` + secretName + `)"|\b(?:[cC]onfig(?:uration)?|builder\.Configuration)\["(` + secretName + `)"\]`),
	php:        rex(`\b(?:env|getenv)\(\s*["'](` + secretName + `)["']|\$_(?:ENV|SERVER)\[["'](` + secretName + `)["']\]|%env\((?:\w+:)*(` + secretName + `)\)%`),
	rust:       rex(`\benv::var(?:_os)?\(\s*"(` + secretName + `)"|\benv!\(\s*"(` + secretName + `)"|\benv\s*=\s*"(` + secretName + `)"`),
	yaml:       rex(`\$\{(` + secretName + `)(?:[:}])`),
}

// secretNames finds the names of secrets that the program expects from its environment.
func secretNames(s *source) {
	switch {
	case !s.has(secretWords...):
	case noProduct.MatchString(s.path) || localHost.MatchString(s.path[strings.LastIndexByte(s.path, '/')+1:]):
	case s.is(golang):
		s.goSecrets()
	case envFiles.MatchString(s.path):
		for i, line := range strings.Split(string(s.text), "\n") {
			name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
			if ok && strings.HasPrefix(value, "op://") {
				s.add(SecretReference, name, i+1)
			}
			if ok {
				s.addSecret(strings.TrimSpace(name), i+1)
			}
		}
	case s.is(yaml):
		s.yamlSecrets()
	case secretPatterns[s.language] != nil || strings.HasSuffix(s.path, ".properties"):
		re := secretPatterns[s.language]
		if re == nil {
			re = secretPatterns[yaml]
		}
		s.secretsByLine(re)
	}
}

// secretWords are in each name of a secret.
var secretWords = []string{"SECRET", "TOKEN", "PASSW", "PASSPHRASE", "KEY", "CREDENTIAL", "WEBHOOK_URL", "DSN"}

func (s *source) secretsByLine(re *lazyRegexp) {
	n := 0
	for line := range bytes.Lines(s.product()) {
		n++
		if len(line) > 4000 || !slices.ContainsFunc(secretWords, func(w string) bool { return bytes.Contains(line, []byte(w)) }) {
			continue
		}
		for _, groups := range re.FindAllSubmatch(line, -1) {
			for _, name := range groups[1:] {
				s.addSecret(string(name), n)
			}
		}
	}
}

func (s *source) addSecret(name string, line int) {
	if len(name) < 100 && wholeSecret.MatchString(name) && !published.MatchString(name) {
		s.add("new-secret", name, line, with("name", name), with("search", name))
	}
}

// goSecrets finds names in calls that read the environment, and in tags of structures.
func (s *source) goSecrets() {
	g := s.goFile()
	ast.Inspect(g.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if name := lastName(n.Fun); envReader.MatchString(name) && len(n.Args) > 0 {
				for _, arg := range n.Args[:min(2, len(n.Args))] {
					text, at := goString(arg, 0)
					s.addSecret(text, g.line(max(at, 1)))
				}
			}
		case *ast.Field:
			if n.Tag != nil {
				tag := reflect.StructTag(strings.Trim(n.Tag.Value, "`"))
				for _, key := range []string{"env", "envconfig"} {
					name, _, _ := strings.Cut(tag.Get(key), ",")
					s.addSecret(name, g.line(n.Tag.Pos()))
				}
			}
		}
		return true
	})
}

var envReader = rex(`(?i)^(getenv|lookupenv|bindenv|\w*env\w*)$`)

// yamlSecrets finds names in the environment of containers, and in the settings of Spring.
func (s *source) yamlSecrets() {
	if propertyFiles.MatchString(s.path) {
		for _, at := range secretPatterns[yaml].FindAllSubmatchIndex(s.code(), -1) {
			s.addSecret(string(s.code()[at[2]:at[3]]), s.lineAt(at[2]))
		}
		return
	}
	if bytes.Contains(s.text, []byte("environment:")) || bytes.Contains(s.text, []byte("env:")) {
		for _, v := range s.containerVariables() {
			s.addSecret(v.name, v.line)
		}
	}
}

var storePatterns = []pattern{
	{rule: "secret-store", in: []language{javascript}, words: []string{"@aws-sdk/", "@google-cloud/", "@azure/keyvault", "node-vault", "@infisical", "@1password"}, key: each("{p}"),
		re: rex(`(?:from|require\(|import\()\s*["'](?P<p>@aws-sdk/client-(?:secrets-manager|kms|ssm)|@google-cloud/(?:secret-manager|kms)|@azure/keyvault-\w+|node-vault|@infisical/sdk|@1password/sdk)["']`)},
	{rule: "secret-store", in: []language{python}, words: []string{"hvac", "SecretManager", "KeyManagement", "secretsmanager", "kms"}, key: each("{p}"),
		re: rex(`\b(?P<p>hvac\.Client|SecretManagerServiceClient|KeyManagementServiceClient)\(|\bclient\(\s*(?:service_name\s*=\s*)?["'](?P<q>secretsmanager|kms)["']`)},
	{rule: "secret-store", in: []language{csharp}, words: []string{"KeyVault", "SecretClient", "SecretsManager", "SecretManager"}, key: each("{p}"), re: rex(`\b(?P<p>AddAzureKeyVault|new SecretClient|AmazonSecretsManagerClient|SecretManagerServiceClient)\b`)},
	{rule: "secret-store", in: []language{java}, words: []string{"SecretsManager", "SecretManager", "SecretClient", "VaultTemplate", "KmsClient"}, key: each("{p}"),
		re: rex(`\b(?P<p>SecretsManagerClient|SecretManagerServiceClient|SecretClientBuilder|VaultTemplate|KmsClient|AWSSecretsManager)\b[\w.]*(?:\.create|\.builder|\()`)},
	{rule: "secret-store", in: []language{ruby}, words: []string{"Aws::", "Vault.", "SecretManager"}, key: each("{p}"), re: rex(`\b(?P<p>Aws::SecretsManager::Client|Aws::KMS::Client|Vault\.logical|Google::Cloud::SecretManager)`)},
	{rule: "secret-store", in: []language{hcl}, words: []string{"aws_secretsmanager_secret", "aws_kms_key", "google_secret_manager_secret", "google_kms_crypto_key", "azurerm_key_vault", "vault_"}, key: each("{p}.{q}"),
		re: rex(`(?m)^\s*resource\s+"(?P<p>aws_secretsmanager_secret|aws_kms_key|google_secret_manager_secret|google_kms_crypto_key|azurerm_key_vault(?:_secret|_key)?|vault_(?:kv_secret_v2|generic_secret|mount))"\s+"(?P<q>[^"]+)"`)},
	{rule: SecretReference, in: []language{hcl, jsonText, yaml}, words: []string{"From", "_from"}, key: each("{p}"),
		re: rex(`["']?name["']?\s*[:=]\s*["']?(?P<p>[A-Z][A-Z0-9_]+)["']?\s*,?\s*["']?value_?[fF]rom["']?\s*[:=]\s*["']?(?:arn:aws:(?:ssm|secretsmanager)|aws_(?:secretsmanager|ssm)|data\.aws_(?:secretsmanager|ssm)|!Ref|\$\{)`)},
	{rule: SecretReference, in: []language{hcl}, words: []string{"secret_key_ref"}, key: each("{p}"),
		re: rex(`\bname\s*=\s*"(?P<p>[A-Z][A-Z0-9_]+)"\s*value_source\s*\{\s*secret_key_ref`)},
	{rule: SecretReference, in: []language{hcl, jsonText}, words: []string{"Microsoft.KeyVault"}, key: each("{p}"),
		re: rex(`(?m)["']?(?P<p>[A-Z][A-Z0-9_]+)["']?\s*[:=]\s*"@Microsoft\.KeyVault\(`)},
	{rule: SecretReference, in: []language{yaml}, words: []string{"ssm", "secretsmanager", "{cf:"}, key: each("{p}"),
		re: rex(`(?m)^\s*-?\s*(?P<p>[A-Z][A-Z0-9_]+)\s*:\s*["']?(?:\$\{(?:ssm|secretsmanager|cf):|\{\{resolve:(?:ssm-secure|secretsmanager):)`)},
}

var goStores = rex(`^(github\.com/hashicorp/vault/api|github\.com/aws/aws-sdk-go(-v2)?/service/(secretsmanager|ssm|kms)|cloud\.google\.com/go/(secretmanager|kms)[\w/]*|github\.com/Azure/azure-sdk-for-go/sdk/(security/)?keyvault[\w/]*|github\.com/infisical/go-sdk|github\.com/1password/onepassword-sdk-go)$`)

// secretStores finds stores of secrets and keys, and what comes from them.
func secretStores(s *source) {
	s.match(storePatterns)
	switch {
	case s.is(golang):
		for _, i := range s.goFile().file.Imports {
			if name := strings.Trim(i.Path.Value, `"`); goStores.MatchString(name) {
				s.add("secret-store", name, s.goFile().line(i.Pos()))
			}
		}
	case s.is(hcl):
		s.secureParameters()
	case s.is(yaml) && storeKinds.Match(s.text):
		for _, doc := range s.yaml() {
			s.storeObject(doc)
		}
	}
}

var (
	storeKinds   = rex(`(?m)^kind:\s*["']?(ExternalSecret|ClusterExternalSecret|SealedSecret|SecretProviderClass|SecretStore|ClusterSecretStore|VaultStaticSecret|OnePasswordItem)\b`)
	parameter    = rex(`(?m)^\s*resource\s+"aws_ssm_parameter"\s+"([^"]+)"\s*\{`)
	secureString = rex(`\btype\s*=\s*"SecureString"`)
)

// secureParameters finds parameters of AWS that are kept as secrets.
func (s *source) secureParameters() {
	text := s.code()
	for _, at := range parameter.FindAllSubmatchIndex(text, -1) {
		body := text[at[1]:min(len(text), at[1]+4000)]
		if end := bytes.Index(body, []byte("\n}")); end >= 0 {
			body = body[:end]
		}
		if secureString.Match(body) {
			s.add("secret-store", "aws_ssm_parameter."+string(text[at[2]:at[3]]), s.lineAt(at[2]))
		}
	}
}

func (s *source) storeObject(doc *yamlpos.Node) {
	kind := doc.Get("kind").String()
	if !storeKinds.MatchString("kind: " + kind) {
		return
	}
	s.add("secret-store", kind+"/"+doc.Get("metadata", "name").String(), doc.Get("kind").Line)
	for _, item := range doc.Get("spec", "data").List() {
		s.add(SecretReference, item.Get("secretKey").String(), item.Line)
	}
	for _, e := range doc.Get("spec", "encryptedData").Pairs() {
		s.add(SecretReference, e.Key, e.Line)
	}
	for _, e := range doc.Get("spec", "target", "template", "data").Pairs() {
		s.add(SecretReference, e.Key, e.Line)
	}
}
