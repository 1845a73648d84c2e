package terraform

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/secbydesign/secbydesign/scanners"
)

// policyAttributes maps a type of resource to its attribute that holds an identity's policy as
// JSON.
var policyAttributes = map[string]string{
	"aws_iam_policy": "policy", "aws_iam_role_policy": "policy", "aws_iam_user_policy": "policy", "aws_iam_group_policy": "policy",
	"aws_ssoadmin_permission_set_inline_policy": "inline_policy",
}

func (c *checker) policies(at block) {
	switch at.kind {
	case "data.aws_iam_policy_document":
		for _, s := range at.body.blocks("statement") {
			c.statement(at, first(s, "actions"), documented(s))
		}
	case "aws_iam_role":
		for _, inline := range at.body.blocks("inline_policy") {
			c.policy(at, inline, "policy", c.statement)
		}
	case "aws_s3_bucket_policy", "aws_s3_bucket":
		c.policy(at, at.body, "policy", c.bucketStatement)
	case "azurerm_role_definition":
		c.azureRole(at)
	}
	c.policy(at, at.body, policyAttributes[at.kind], c.statement)
}

// A statement is one of an AWS policy.
type statement struct {
	allow, principal, conditional bool
	everybody                     bool // the principal is everybody
	actions, resources            []string
}

// documented reads a block of a policy document.
func documented(s body) statement {
	effect := s.get("effect")
	out := statement{
		allow: effect == nil || effect == "Allow", conditional: len(s.blocks("condition")) > 0,
		actions: texts(s.get("actions")), resources: texts(s.get("resources")),
		principal: len(s.blocks("principals"))+len(s.blocks("not_principals")) > 0,
	}
	for _, p := range s.blocks("principals") {
		kind := p.get("type")
		out.everybody = out.everybody || (kind == "*" || kind == "AWS") && slices.Contains(texts(p.get("identifiers")), "*")
	}
	return out
}

// written reads a statement of JSON.
func written(v any) statement {
	s, _ := v.(map[string]any)
	principal := s["Principal"]
	if accounts, ok := principal.(map[string]any); ok {
		principal = accounts["AWS"]
	}
	return statement{
		allow: s["Effect"] == "Allow", conditional: s["Condition"] != nil, principal: s["Principal"] != nil || s["NotPrincipal"] != nil,
		actions: texts(s["Action"]), resources: texts(s["Resource"]), everybody: slices.Contains(texts(principal), "*"),
	}
}

// statement checks a statement of an identity's policy. A statement with principals belongs to a resource's
// policy, in which the star means only that resource.
func (c *checker) statement(at block, where hcl.Range, s statement) {
	if s.allow && s.everybody && at.kind == "data.aws_iam_policy_document" {
		c.bucketStatement(at, where, s)
	}
	if !s.allow || s.principal || !slices.Contains(s.resources, "*") {
		return
	}
	if slices.ContainsFunc(s.actions, func(a string) bool { return a == "*" || a == "*:*" }) {
		c.admin(at, where, s.conditional)
		return
	}
	whole := services(s.actions)
	if !s.conditional && (len(whole) > 1 || slices.Contains(whole, "iam")) {
		f := c.add(servicePolicy, at, where, fmt.Sprintf("allows every action of %s on every resource.", scanners.Some(whole, 5)), "services")
		if slices.Contains(whole, "iam") { // which can give itself every other right
			f.Severity = adminPolicy.Severity
		}
		for _, name := range whole {
			f.Extents = append(f.Extents, scanners.Extent{Of: "service/" + name})
		}
	}
}

// services are those with data or rights that the actions name as a whole, such as "s3:*", sorted.
func services(actions []string) (whole []string) {
	for _, action := range actions {
		name, ok := strings.CutSuffix(strings.ToLower(action), ":*")
		if ok && slices.Contains(valuable, name) && !slices.Contains(whole, name) {
			whole = append(whole, name)
		}
	}
	slices.Sort(whole)
	return whole
}

// valuable are the services of AWS that hold data or rights, or run programs. Metrics, logs and traces are not among
// them, since policies of programs often name these as a whole.
var valuable = []string{
	"athena", "autoscaling", "backup", "cloudformation", "cloudfront", "cloudtrail", "codebuild", "codepipeline", "cognito-idp", "dynamodb", "ec2",
	"ecr", "ecs", "eks", "elasticache", "elasticfilesystem", "es", "glue", "iam", "identitystore", "kinesis", "kms", "lambda", "organizations", "rds", "redshift",
	"route53", "s3", "sagemaker", "secretsmanager", "sns", "sqs", "ssm", "sso", "sts",
}

// admin reports a statement. Its extent is larger without a condition.
func (c *checker) admin(at block, where hcl.Range, conditional bool) {
	f := c.add(adminPolicy, at, where, "allows every action on every resource.")
	f.Extents = []scanners.Extent{{Of: "when", To: 1}}
	if !conditional {
		f.Extents[0].To = 2
	}
}

// bucketStatement checks a statement of a bucket's policy.
func (c *checker) bucketStatement(at block, where hcl.Range, s statement) {
	if !s.allow || !s.everybody || s.conditional {
		return
	}
	var extents []scanners.Extent
	for _, action := range s.actions {
		action = strings.ToLower(action)
		name, ok := strings.CutPrefix(action, "s3:")
		switch {
		case !ok && (action != "*" || !strings.HasPrefix(at.kind, "aws_s3_")):
		case name == "*", name == action:
			extents = append(extents, scanners.Extent{Of: "read"}, scanners.Extent{Of: "write"})
		case strings.HasPrefix(name, "get"), strings.HasPrefix(name, "list"):
			extents = append(extents, scanners.Extent{Of: "read"})
		default:
			extents = append(extents, scanners.Extent{Of: "write"})
		}
	}
	if len(extents) > 0 {
		f := c.add(publicBucket, at, where, "gives everybody access to a bucket.", "policy")
		f.Extents = unique(extents)
	}
}

// policy checks a policy written as a JSON string or with jsonencode.
func (c *checker) policy(at block, b body, name string, check func(block, hcl.Range, statement)) {
	e := b.attribute(name)
	if e == nil {
		return
	}
	value := b.get(name)
	if text, ok := value.(string); ok {
		if json.Unmarshal([]byte(text), &value) != nil {
			return
		}
	}
	object, _ := value.(map[string]any)
	statements, ok := object["Statement"].([]any)
	if !ok {
		statements = []any{object["Statement"]}
	}
	for _, s := range statements {
		check(at, e.Range(), written(s))
	}
}

// azureRole reports a role with every action, unless it can be given for a group of resources only.
func (c *checker) azureRole(at block) {
	scopes := at.body.attribute("assignable_scopes")
	if list, ok := scopes.(*hclsyntax.TupleConsExpr); ok && len(list.Exprs) > 0 && !slices.ContainsFunc(list.Exprs, at.body.wide) {
		return
	}
	if scope := at.body.attribute("scope"); scopes == nil && scope != nil && !at.body.wide(scope) {
		return
	}
	for _, p := range at.body.blocks("permissions") {
		if slices.Contains(texts(p.get("actions")), "*") {
			c.add(adminRole, at, first(p, "actions"), "allows every action.")
		}
	}
}

// wide reports whether a scope is not known to be a group of resources or a part of it.
func (b body) wide(scope hclsyntax.Expression) bool {
	for _, path := range scope.Variables() {
		if strings.Contains(rootAndType(path), "resource_group") {
			return false
		}
	}
	name, _ := b.in.literal(scope).(string)
	return !strings.Contains(strings.ToLower(name), "/resourcegroups/")
}

// rootAndType returns the first two steps of a reference: "data.azurerm_subscription" or "azurerm_resource_group.main".
func rootAndType(path hcl.Traversal) string {
	name := path.RootName()
	if len(path) > 1 {
		if step, ok := path[1].(hcl.TraverseAttr); ok {
			name += "." + step.Name
		}
	}
	return name
}
