package design

import (
	"maps"
	"slices"
	"strings"

	config "github.com/hashicorp/hcl/v2"
)

// An iamStatement is one of a policy of AWS.
type iamStatement struct {
	allow, conditional bool
	principal          bool // it says who, and belongs to a resource
	everybody          bool // the principal is everybody
	actions, resources []string
	line               int
}

// statements returns the statements of a block: those of a policy document, and those written as JSON.
func (b tfBlock) statements() (list []iamStatement) {
	for _, st := range b.inner("statement") {
		one := iamStatement{
			allow: !strings.EqualFold(st.get("effect"), "Deny"), conditional: len(st.inner("condition")) > 0,
			actions: st.all("actions"), resources: st.all("resources"), principal: len(st.inner("principals"))+len(st.inner("not_principals")) > 0, line: st.line,
		}
		for _, p := range st.inner("principals") {
			kind := p.get("type")
			one.everybody = one.everybody || (kind == "*" || kind == "AWS") && slices.Contains(p.all("identifiers"), "*")
		}
		list = append(list, one)
	}
	for _, in := range append([]tfBlock{b}, b.inner("inline_policy")...) {
		for _, name := range []string{"policy", "assume_role_policy", "inline_policy"} {
			for _, st := range iamStatements(tfDecoded(in.value(name))) {
				st.line = in.at(name)
				list = append(list, st)
			}
		}
	}
	return list
}

// iamStatements reads the statements of a policy.
func iamStatements(policy any) (list []iamStatement) {
	object, _ := policy.(map[string]any)
	all, ok := object["Statement"].([]any)
	if !ok {
		all = []any{object["Statement"]}
	}
	for _, item := range all {
		st, ok := item.(map[string]any)
		if !ok {
			continue
		}
		who := st["Principal"]
		if accounts, ok := who.(map[string]any); ok {
			who = accounts["AWS"]
		}
		list = append(list, iamStatement{
			allow: st["Effect"] == "Allow", conditional: st["Condition"] != nil, principal: st["Principal"] != nil || st["NotPrincipal"] != nil,
			everybody: slices.Contains(tfTexts(who), "*"), actions: tfTexts(st["Action"]), resources: tfTexts(st["Resource"]),
		})
	}
	return list
}

// identities are the types of resources that are an identity or grant it rights.
var identities = rex(`^(aws_iam_(role|user|policy|role_policy|role_policy_attachment|role_policies_exclusive|user_policy|user_policy_attachment|group_policy|group_policy_attachment|policy_attachment|access_key|openid_connect_provider|saml_provider|service_specific_credential)` +
	`|aws_(eks_pod_identity_association|ssoadmin_permission_set|ssoadmin_account_assignment|eks_access_entry|eks_access_policy_association)` +
	`|google_service_account(_key|_iam_\w+)?|google_\w+_iam_(member|binding|policy)|google_iam_workload_identity_pool(_provider)?` +
	`|azurerm_(role_assignment|role_definition|user_assigned_identity|federated_identity_credential)|azuread_(application|service_principal|application_federated_identity_credential|application_password|service_principal_password))$`)

// usualGrants match policies of AWS without which a kind of workload does not start. They give no access to data.
var usualGrants = rex(`/(AWSLambda(BasicExecutionRole|VPCAccessExecutionRole)|AmazonECSTaskExecutionRolePolicy|AmazonEKS(WorkerNode|_CNI_|Cluster|Service)Policy|AmazonEKS_CNI_Policy|AmazonEC2ContainerRegistry(ReadOnly|PullOnly)|AWSXRayDaemonWriteAccess|AWSXrayWriteOnlyAccess|CloudWatchAgentServerPolicy|AmazonSSMManagedInstanceCore)$`)

// holderOf returns how a question names who holds a grant, or "" for a resource that is an identity itself.
func holderOf(kind string) string {
	switch {
	case strings.HasPrefix(kind, "google_") && strings.Contains(kind, "_iam_") && !strings.Contains(kind, "identity_pool"):
		return "the members of"
	case strings.HasPrefix(kind, "azurerm_role_"):
		return "the principals of"
	case strings.HasPrefix(kind, "aws_iam_") && strings.Contains(kind, "polic"):
		return "the identity with"
	}
	return ""
}

func (t tfFile) identity(b tfBlock) {
	if b.kind == "data.aws_iam_policy_document" && strings.Contains(t.textOf(b), ":sub\"") {
		t.add(TrustCondition, b.address, b.line)
	}
	if !identities.MatchString(b.kind) {
		return
	}
	if usualGrants.MatchString(b.get("policy_arn")) {
		return
	}
	var options []option
	if holder := holderOf(b.kind); holder != "" {
		options = append(options, named(holder+" "+b.address))
	}
	if condition := t.trustCondition(b); condition != "" {
		options = append(options, closed(condition))
	}
	t.add("iac-identity", b.address, b.line, options...)
	if b.kind == "aws_iam_role" && strings.Contains(t.textOf(b), ":sub\"") || b.kind == "google_iam_workload_identity_pool_provider" && b.has("attribute_condition") ||
		b.kind == "azurerm_federated_identity_credential" || b.kind == "azuread_application_federated_identity_credential" {
		t.add(TrustCondition, b.address, b.line)
	}
}

// textOf returns the source text of a block.
func (t tfFile) textOf(b tfBlock) string {
	from, to := b.SrcRange.Start.Byte, b.SrcRange.End.Byte
	if from < 0 || to > len(t.text) || from > to {
		return ""
	}
	return string(t.text[from:to])
}

// trustCondition returns what the resource says about who can become the identity, or "".
func (t tfFile) trustCondition(b tfBlock) string {
	switch b.kind {
	case "aws_iam_role":
		trust := t.trust(b)
		if len(trust) > 0 && !slices.ContainsFunc(trust, func(st iamStatement) bool { return st.allow && !st.conditional }) {
			return "the trust policy has a condition"
		}
	case "google_iam_workload_identity_pool_provider":
		if b.has("attribute_condition") {
			return "the provider has a condition on who is trusted"
		}
	}
	if len(b.inner("condition")) > 0 && strings.HasPrefix(b.kind, "google_") {
		return "the grant has a condition"
	}
	return ""
}

// trust returns the statements of a role that say who may become it, also those of a document in the same file.
func (t tfFile) trust(b tfBlock) []iamStatement {
	a := b.Attributes["assume_role_policy"]
	if a == nil {
		return nil
	}
	for _, path := range a.Expr.Variables() {
		if len(path) < 3 || path.RootName() != "data" {
			continue
		}
		address := "data"
		for _, step := range path[1:3] {
			if name, ok := step.(config.TraverseAttr); ok {
				address += "." + name.Name
			}
		}
		for _, other := range t.blocks {
			if other.address == address {
				return other.statements()
			}
		}
	}
	return iamStatements(tfDecoded(tfLiteral(a.Expr)))
}

// broadRoles are roles with nearly every right.
var broadRoles = rex(`(^|/)(AdministratorAccess|PowerUserAccess|IAMFullAccess)$|^roles/(owner|editor|iam\.serviceAccountTokenCreator|iam\.securityAdmin|resourcemanager\.\w*Admin|[a-z.A-Z]+\.admin|\w+\.\w*Admin)$|^(Owner|Contributor|User Access Administrator)$`)

// broad adds the grants that allow nearly everything. Their key is the address and the kind.
func (t tfFile) broad(b tfBlock) {
	grants := map[string]int{}
	add := func(what string, line int) {
		if grants[what] == 0 {
			grants[what] = line
		}
	}
	for _, name := range []string{"policy_arn", "managed_policy_arns", "role", "roles", "role_definition_name", "permissions_policy_arn"} {
		if name == "role" && !strings.HasPrefix(b.kind, "google_") || strings.HasPrefix(b.kind, "data.") {
			continue
		}
		for _, role := range b.all(name) {
			if broadRoles.MatchString(role) {
				add(role[strings.LastIndexByte(role, '/')+1:], b.at(name))
			}
		}
	}
	if iamPolicies.MatchString(b.kind) {
		for _, st := range b.statements() {
			if st.allow && !st.principal {
				for _, what := range st.wide() {
					add(what, st.line)
				}
			}
		}
	}
	for _, p := range b.inner("permissions") {
		if b.kind == "azurerm_role_definition" && slices.Contains(p.all("actions"), "*") {
			add("every action", p.at("actions"))
		}
	}
	var options []option
	if b.has("permissions_boundary") {
		options = append(options, closed("a permissions boundary limits it"))
	}
	for _, what := range slices.Sorted(maps.Keys(grants)) {
		t.add("iac-iam-broad", b.address+" "+what, grants[what], options...)
	}
}

var iamPolicies = rex(`^(aws_iam_\w*policy|aws_iam_role|aws_ssoadmin_permission_set_inline_policy|data\.aws_iam_policy_document)$`)

// harmlessServices write metrics, logs and traces, which programs may do as a whole.
var harmlessServices = []string{"logs", "cloudwatch", "xray", "ec2messages", "ssmmessages", "aps", "elasticloadbalancing"}

// wide returns the broad actions of a statement.
func (st iamStatement) wide() (list []string) {
	everything := slices.Contains(st.resources, "*")
	for _, a := range st.actions {
		service, action, _ := strings.Cut(strings.ToLower(a), ":")
		switch {
		case a == "*" || a == "*:*":
			list = append(list, "every action")
		case action == "*" && !slices.Contains(harmlessServices, service):
			list = append(list, service+":*")
		case everything && !st.conditional && (a == "iam:PassRole" || a == "sts:AssumeRole"):
			list = append(list, a+" on every resource")
		}
	}
	return list
}
