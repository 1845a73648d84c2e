// Package terraform checks Terraform configuration in both of its syntaxes, and the values of variables, using HCL's
// parsers.
//
// It checks literal values only, and converts them as Terraform does. It evaluates dynamic blocks and for_each over
// literal lists, but neither variables, modules nor most functions. A resource with a literal count of 0 does not exist.
// A missing setting is reported only if the base had it, see [scanners.Protection]. Nothing in the tree configures this
// scanner.
//
//	rule                     Trivy, Checkov                                              CIS
//	aws-open-ingress         AVD-AWS-0107, CKV_AWS_24, CKV_AWS_25                        AWS 5.2, 5.3
//	gcp-open-ingress         AVD-GCP-0027, 0070 to 0072, CKV_GCP_2, 3, 88                GCP 3.6, 3.7
//	azure-open-ingress       AVD-AZU-0047, 0048, 0050, CKV_AZURE_9, 10                   Azure 6.1, 6.2
//	open-database            AVD-AZU-0029, AVD-GCP-0017, CKV_AZURE_11, CKV_GCP_11        GCP 6.5, Azure 4.1.2
//	public-bucket            AVD-AWS-0092, AVD-GCP-0001, AVD-AZU-0007, CKV_AWS_20, 57, CKV_GCP_28, CKV_AZURE_34, 59
//	public-access-block-off  AVD-AWS-0086, 0087, 0091, 0093, CKV_AWS_53 to 56            AWS 2.1.4
//	public-database          AVD-AWS-0082, 0180, CKV_AWS_17, CKV_AWS_87                  AWS 2.3.3
//	encryption-off           AVD-AWS-0026, 0037, 0079, 0080, 0131, CKV_AWS_3, 8, 16, 42, 64, 96
//	iam-admin-policy         AVD-AWS-0057, AVD-AZU-0030, CKV_AWS_1, 62, CKV_AZURE_39     AWS 1.16, Azure 1.23
//	iam-service-wildcard     AVD-AWS-0057, CKV_AWS_111, 290, 356
//	hardcoded-credentials    CKV_AWS_41
//	kms-rotation-off         AVD-AWS-0065, CKV_AWS_7                                     AWS 3.6
//	imdsv1                   AVD-AWS-0028, 0130, CKV_AWS_79                              AWS 5.6
//	public-cluster-endpoint  AVD-AWS-0041, AVD-GCP-0053, CKV_AWS_38
//	plain-http               AVD-AZU-0008, AVD-AWS-0012, CKV_AWS_34, CKV_AZURE_3, 14, 28, 29                     Azure 3.1
//	weak-tls                 AVD-AWS-0013, 0047, AVD-AZU-0011, 0026, CKV_AWS_103, 174, 228, CKV_AZURE_15, 44, 52
//	audit-log-off            AVD-AWS-0014, 0016, CKV_AWS_36, 67                          AWS 3.1, 3.2
//	protection-removed       none: no other tool compares with the base
//	gcp-serial-port          AVD-GCP-0032, CKV_GCP_35                                    GCP 4.5
//	gcp-os-login-off         AVD-GCP-0036, 0042, CKV_GCP_33, 34                          GCP 4.4
//	gcp-ip-forwarding        AVD-GCP-0043, CKV_GCP_36                                    GCP 4.6
//	legacy-cluster-access    AVD-AZU-0042, AVD-GCP-0062, CKV_AZURE_5, CKV_GCP_7
package terraform

import (
	"cmp"
	"context"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
)

// version is incremented with every change to the findings.
const version = "3"

// maxSize bounds a file, in megabytes.
const maxSize = 1

var info = scanners.Info{
	Name:   "terraform",
	Gate:   scanners.Infrastructure,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Terraform configuration that opens networks, data or accounts to everybody",
	URL:    "https://developer.hashicorp.com/terraform/language",
	Files:  []string{"**/*.tf", "**/*.tofu", "**/*.tfvars", "**/*.tf.json"},

	Suppressions: scanners.Suppressions{None: markers.BuiltIn},
}

// Scanner checks Terraform configuration. The zero value is ready.
type Scanner struct{}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails.
func (Scanner) Version(context.Context) (string, error) { return version, nil }

// Scan implements [scanners.Scanner].
func (Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	return infra.Files(ctx, info, maxSize, t, checkFile)
}

func checkFile(ctx context.Context, f scanners.File) ([]scanners.Finding, error) {
	if err := infra.HCLLimit(f.Content); err != nil {
		return nil, err
	}
	root, diags := parse(f)
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			line := 1
			if d.Subject != nil {
				line = d.Subject.Start.Line
			}
			return nil, &infra.PlaceError{Line: line, Why: "not valid Terraform"}
		}
	}
	blocks := root.Blocks
	c := checker{path: f.Path, former: former(blocks), seen: map[spot]int{}, again: maxAgain, opened: map[spot]*opening{}}
	if path.Ext(f.Path) == ".tfvars" {
		c.assignments(body{Body: root})
		return c.found, nil
	}
	for _, b := range blocks {
		if ctx.Err() != nil {
			return c.found, ctx.Err()
		}
		c.block(b)
		if c.problems > infra.MaxFindings {
			break // it reports no more
		}
	}
	c.companions(c.resources)
	return c.found, nil
}

// parse reads a file in the syntax that its name says.
func parse(f scanners.File) (*hclsyntax.Body, hcl.Diagnostics) {
	if path.Ext(f.Path) == ".json" {
		return parseJSON(f.Content, f.Path)
	}
	file, diags := hclsyntax.ParseConfig(f.Content, f.Path, hcl.InitialPos)
	return file.Body.(*hclsyntax.Body), diags
}

// A checker collects the findings of one file.
type checker struct {
	path     string
	former   map[string]string // the address of a resource before it was moved, by its address
	found    []scanners.Finding
	problems int          // how many of found are problems
	seen     map[spot]int // the index in found
	again    int          // how many bytes may still be checked again, see [maxAgain]
	openings []*opening   // of the present block
	opened   map[spot]*opening

	resources []block
}

// A spot identifies a finding in a block. A block that stands for several, such as a dynamic one, has each
// finding once.
type spot struct {
	rule, identity string
	from, to       int
}

// A block is a resource, a data source, a provider, a module or a backend.
type block struct {
	kind    string // the type of the resource, with the prefix "data." for a data source, or "provider", "module", "backend"
	address string
	former  string // the address by which findings are identified, see [former]
	body    body
	head    hcl.Range // its first line
}

func (c *checker) block(b *hclsyntax.Block) {
	at := block{body: body{Body: b.Body}, head: b.DefRange()}
	switch b.Type {
	case "resource":
		at.kind, at.address = label(b, 0), label(b, 0)+"."+label(b, 1)
	case "data":
		at.kind, at.address = "data."+label(b, 0), "data."+label(b, 0)+"."+label(b, 1)
	case "provider":
		alias, _ := at.body.get("alias").(string)
		at.kind, at.address = "provider", strings.TrimSuffix("provider."+label(b, 0)+"."+alias, ".")
	case "module":
		at.kind, at.address = "module", "module."+label(b, 0)
	case "variable":
		c.variable(label(b, 0), at.body)
		return
	case "terraform":
		c.backends(at.body)
		return
	default:
		return
	}
	at.former = cmp.Or(c.former[at.address], at.address)
	at.body = c.literally(at.body)
	for i, in := range at.body.instances() {
		at.body.in = in
		if i == 0 && b.Type == "resource" {
			c.resources = append(c.resources, at)
			c.guards(at)
		}
		c.settings(at)
		c.network(at)
		c.policies(at)
		c.credentials(at)
		c.members(at)
		c.metadata(at)
	}
	c.flush(at)
}

func label(b *hclsyntax.Block, i int) string {
	if i < len(b.Labels) {
		return b.Labels[i]
	}
	return ""
}

// add adds a finding at the range, or returns the one that is there already.
func (c *checker) add(r infra.Rule, at block, where hcl.Range, message string, identity ...string) *scanners.Finding {
	end := where.End.Line
	if where.End.Column == 1 && end > where.Start.Line {
		end-- // a heredoc's range includes its line end
	}
	f := r.At(c.path, where.Start.Line, end, infra.Name(at.address)+" "+message, append([]string{at.former}, identity...)...)
	key := spot{r.ID, f.Identity, where.Start.Byte, where.End.Byte}
	if i, ok := c.seen[key]; ok {
		return &c.found[i]
	}
	c.seen[key] = len(c.found)
	c.found = append(c.found, f)
	c.problems++
	return &c.found[len(c.found)-1]
}
