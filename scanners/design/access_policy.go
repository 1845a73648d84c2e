package design

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

var (
	policyFile = rex(`(?i)\.(rego|cedar|fga|polar|zed|openfga)$|(^|/)(firestore|storage|database)\.rules$|(^|/)(rbac|abac|casbin|authz)[\w-]*policy[\w-]*\.csv$|(^|/)(rbac|casbin|authz)[\w-]*model[\w-]*\.conf$|(^|/)policy\.csv$`)
	policyTest = rex(`(?i)_test\.rego$|\.fga\.ya?ml$|(^|/)[\w.-]*(cedar|polar|zed)[\w.-]*tests?\.(ya?ml|json)$|(^|/)tests?/[^/]*\.(rego|cedar|polar|zed)$`)

	// A policy of Rego also checks configuration: it is about access only if it decides about a caller.
	regoAccess = rex(`(?m)\b(?:default\s+)?allow(?:ed)?\b|\bauthz?\b|\binput\.(?:user|subject|principal|token|identity|roles?|method|path|attributes)\b`)
	regoConfig = rex(`__rego_metadata__|\binput\.(?:kind|spec|review|resource_changes|planned_values|resource\b)|\bpackage\s+(?:builtin|user|trivy|kubernetes|terraform|main|conftest|policy\.release|lib)\b|\bviolation\[|^\s*#\s*custom:|data\.lib\.|\bdeny\[(?:msg|res|result)|\bdeny\s+contains\s+(?:msg|res|result)`)
	zedTuples  = rex(`(?m)^\s*definition\s+\w+`)
)

// digestOf names a text without its white space.
func digestOf(text []byte) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(string(text)), " ")))
	return hex.EncodeToString(sum[:4])
}

// texted sets by what a fact is found again in another file, see [scanners.Fact].
func texted(text string) option { return func(f *scanners.Finding) { f.Fact.Text = text } }

// policies adds policies of authorization, and code about authentication, with a digest of what they say: each change
// of it is new, and a change of a comment is not.
func (v *sinkView) policies() {
	if policyTest.MatchString(v.path) {
		v.add(PolicyTest, folderOf(v.path), 1)
		return
	}
	if policyFile.MatchString(v.path) && v.class == production {
		v.policy()
	}
	if v.class == production && authFolder.MatchString(v.path) && v.is(golang, javascript, python, ruby, java, csharp, php, rust) && !styleFile.MatchString(v.path) {
		if folder := folderOf(v.path); folder != "." {
			sum := digestOf(v.code())
			v.add("auth-code-touched", folder+" "+sum, 1, named(folder), texted(sum), with("folder", folder))
		}
	}
	v.cronJobs()
	v.springLogins()
}

// springLogins adds the identity providers of a configuration of Spring.
func (v *sinkView) springLogins() {
	if v.language != yaml || !holdsAny(v.text, []string{"oauth2:"}) {
		return
	}
	for _, doc := range v.yaml() {
		oauth := doc.Get("spring", "security", "oauth2")
		for _, e := range oauth.Get("client", "registration").Pairs() {
			v.add("identity-provider", e.Key, e.Line)
		}
		if issuer := oauth.Get("resourceserver", "jwt", "issuer-uri"); issuer != nil {
			v.add("token-issue-verify", "issuer-uri", issuer.Line)
		}
	}
}

// folderOf returns the folder of a path; "." for the root.
func folderOf(name string) string { return path.Dir(name) }

func (v *sinkView) policy() {
	code := policyComments(v.path, v.text)
	if strings.HasSuffix(v.path, ".rego") && (!regoAccess.Match(code) || regoConfig.Match(v.text)) {
		return
	}
	if strings.HasSuffix(v.path, ".zed") && !zedTuples.Match(code) || len(strings.TrimSpace(string(code))) == 0 {
		return
	}
	sum := digestOf(code)
	v.add("authz-policy", v.path+" "+sum, 1, named(v.path), texted(sum), with("folder", folderOf(v.path)))
}

var (
	hashComments  = rex(`(?m)(?:^|\s)#[^\n]*`)
	slashComments = rex(`(?m)(?:^|\s)//[^\n]*|/\*(?s:.*?)\*/`)
)

func policyComments(name string, text []byte) []byte {
	var comments *lazyRegexp
	switch strings.ToLower(path.Ext(name)) {
	case ".cedar", ".zed", ".rules":
		comments = slashComments
	default:
		comments = hashComments
	}
	return comments.ReplaceAll(text, nil)
}

var (
	authFolder = rex(`(?i)(^|/)(auth|authn|authz|authentication|authorization|authenticators?|login|sessions?|jwt|oauth2?|oidc|saml|sso|ldap|rbac|acl|permissions?|middlewares?|guards?|policies|identity|accesscontrol|access[-_]control)/[^/]*$`)
	styleFile  = rex(`(?i)\.(css|scss|svg|html|stories\.\w+)$|(^|/)(components?|ui|hooks|i18n)/`)
)

// cronJobs adds the jobs of Kubernetes that run at a time.
func (v *sinkView) cronJobs() {
	if v.language != yaml || !holdsAny(v.text, []string{"CronJob", "CronWorkflow"}) {
		return
	}
	for _, doc := range v.yaml() {
		if kind := doc.Get("kind"); kind.String() == "CronJob" || kind.String() == "CronWorkflow" {
			name := doc.Get("metadata", "name").String()
			if name == "" {
				name = kind.String()
			}
			v.add("scheduled-job", name, kind.Line)
		}
	}
}
