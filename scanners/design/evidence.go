package design

// Kinds of evidence: the rules of facts that answer questions. Their keys and data are part of what package
// app/requirements relies on.
const (
	// RefusalTest is a test that sends a request to a path and expects it to be refused with 401 or 403. Key: the path
	// as the test writes it, without a method. Data "test": the name of the test; "code": "401" or "403".
	RefusalTest = "evidence-refusal-test"

	// OperationSecurity is an operation of an OpenAPI document with security of its own. Key: its path, without a method.
	// Data "method": in upper case.
	OperationSecurity = "evidence-operation-security"

	// SignatureCheck is a check that a message was signed, or carries a state that we issued, in production code or in
	// a test with a wrong signature. Key: what checks ("hmac.Equal").
	SignatureCheck = "evidence-signature-check"

	// Control is a protective control in production code. Data "kind": authn-check, rate-limit, csrf, browser-headers,
	// signature-check, workload-hardening, or a kind of the team's own. Key: kind and the control's text, such as
	// "authn-check @login_required". A file has as many equal facts as it has equal controls.
	Control = "evidence-control"

	// FileLimit is a limit on an upload's size, or a check of its content. Key: what limits.
	FileLimit = "evidence-file-limit"

	// ArchiveLimit is a limit on what an archive unpacks to, or a check of its paths. Key: what limits.
	ArchiveLimit = "evidence-archive-limit"

	// SecretReference is a reference to a secret store. Key: the name of the secret if it is known, else the store.
	SecretReference = "evidence-secret-reference"

	// TenantFilter is a row policy, a scoped repository or a test across tenants. Key: the table if it is known, else
	// what filters.
	TenantFilter = "evidence-tenant-filter"

	// PolicyTest is a test of an authorization policy. Key: the folder.
	PolicyTest = "evidence-policy-test"

	// RoleTest is a test that names a role or permission and expects a refusal. Key: the role as written.
	RoleTest = "evidence-role-test"

	// NetworkRestriction is a network policy, or a rule that keeps a path from the internet. Key: its name.
	NetworkRestriction = "evidence-network-restriction"

	// TrustCondition is a trust policy of a cloud that names which callers outside of it may become an identity. Key:
	// the resource.
	TrustCondition = "evidence-trust-condition"

	// DefaultToken is a job of a workflow whose token has the rights of the repository's default, because neither the
	// job nor its workflow sets permissions. Key: the id of the job; "*" if at least one job of the workflow is such.
	// It answers nothing by itself: a fact of ci-token-write is a narrowing, and is skipped, if the base has DefaultToken
	// in the same file for each of the jobs in the fact's data "jobs" (separated by commas; "*" for the whole workflow).
	DefaultToken = "evidence-default-token"

	// Mitigation is a ThreatSpec comment "@mitigates COMPONENT against THREAT with CONTROL"
	// (https://github.com/threatspec/threatspec). Key: its text.
	Mitigation = "evidence-mitigation"
)

// A Reach is how far evidence may be from the fact that it answers.
type Reach string

// The reaches.
const (
	SameFile   Reach = "file"
	SameFolder Reach = "folder" // the file's folder, and, for a test, the folder that it tests
	SameKey    Reach = "key"    // anywhere in the change, with the fact's key
	SamePath   Reach = "path"   // anywhere in the change, for a path that matches the route segment by segment
	Anywhere   Reach = "change"
)

// A Proof is a kind of evidence that answers the question of a signal.
type Proof struct {
	Kind  string // of evidence
	Of    string // for [Control]: its kind; empty for any
	Reach Reach
	Says  string // one plain sentence without a full stop, with {key} of the evidence: "a test expects {key} to be refused"
}

// Proofs returns what answers the question of a signal, the best first. It is empty if only a decision or the model
// does.
func Proofs(slug string) []Proof { return proofs[slug] }

var proofs = map[string][]Proof{
	"http-route":       {{RefusalTest, "", SamePath, "a test expects {key} to be refused"}, {OperationSecurity, "", SamePath, "the API's description demands a login for {key}"}},
	"admin-endpoint":   {{RefusalTest, "", SamePath, "a test expects {key} to be refused"}, {NetworkRestriction, "", Anywhere, "{key} keeps it from the internet"}},
	"auth-exemption":   {{SignatureCheck, "", SameFile, "{key} checks the sender in the same file"}},
	"webhook-receiver": {{SignatureCheck, "", SameFolder, "{key} checks the sender in the same package"}},
	"graphql-mutation": {{RefusalTest, "", SameKey, "a test expects {key} to be refused"}},
	"file-upload":      {{FileLimit, "", SameFile, "{key} limits the upload in the same file"}},
	"archive-extract":  {{ArchiveLimit, "", SameFile, "{key} limits what is unpacked in the same file"}},
	"role-permission":  {{RoleTest, "", SameKey, "a test expects another role than {key} to be refused"}},
	"authz-policy":     {{PolicyTest, "", SameFolder, "a policy test in {key} changed, too"}},
	"tenant-key":       {{TenantFilter, "", SameKey, "a filter by tenant protects {key}"}, {TenantFilter, "", Anywhere, "{key} filters by tenant"}},
	"new-secret":       {{SecretReference, "", SameKey, "{key} comes from a secret store"}},
	"k8s-exposure":     {{NetworkRestriction, "", Anywhere, "{key} limits who reaches it"}},
	"ci-oidc":          {{TrustCondition, "", Anywhere, "{key} names who may become the identity"}},
	"iac-identity":     {{TrustCondition, "", SameKey, "{key} names who may become the identity"}},
	"iac-entrypoint":   {{NetworkRestriction, "", SameFile, "{key} limits who reaches it"}},
	"message-consumer": {{SignatureCheck, "", SameFile, "{key} checks the sender in the same file"}},
}
