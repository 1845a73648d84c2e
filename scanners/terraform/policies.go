package terraform

import (
	"encoding/json"
	"slices"

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
	if at.kind == "data.aws_iam_policy_document" {
		for _, s := range blocks(at.body, "statement") {
			c.statement(at, s)
		}
	}
	if e := attribute(at.body, policyAttributes[at.kind]); e != nil {
		c.policy(at, e)
	}
	if at.kind == "aws_iam_role" {
		for _, inline := range blocks(at.body, "inline_policy") {
			if e := attribute(inline, "policy"); e != nil {
				c.policy(at, e)
			}
		}
	}
}

// statement checks a block of a policy document. A statement with principals belongs to a
// resource's policy, in which the star means only that resource.
func (c *checker) statement(at block, s *hclsyntax.Body) {
	effect := literal(attribute(s, "effect"))
	if effect != nil && effect != "Allow" || len(blocks(s, "principals"))+len(blocks(s, "not_principals")) > 0 {
		return
	}
	if slices.Contains(texts(literal(attribute(s, "actions"))), "*") && slices.Contains(texts(literal(attribute(s, "resources"))), "*") {
		c.admin(at, first(s, "actions"), len(blocks(s, "condition")) > 0)
	}
}

// admin reports a statement. Its extent is larger without a condition.
func (c *checker) admin(at block, where hcl.Range, conditional bool) {
	f := c.add(adminPolicy, at, where, "allows every action on every resource.")
	f.Extents = []scanners.Extent{{Of: "when", To: 1}}
	if !conditional {
		f.Extents[0].To = 2
	}
}

// policy checks a policy written as a JSON string or with jsonencode.
func (c *checker) policy(at block, e hclsyntax.Expression) {
	value := literal(e)
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
		s, _ := s.(map[string]any)
		if s["Effect"] == "Allow" && s["Principal"] == nil && slices.Contains(texts(s["Action"]), "*") && slices.Contains(texts(s["Resource"]), "*") {
			c.admin(at, e.Range(), s["Condition"] != nil)
		}
	}
}
