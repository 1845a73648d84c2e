package formats

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/jsonstream"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// The parts of GitLab's reports for SAST, secrets and dependencies that this package reads.
// https://gitlab.com/gitlab-org/security-products/security-report-schemas

type glVulnerability struct {
	Category    string `json:"category"`
	Name        string `json:"name"`
	Message     string `json:"message"` // before version 15
	Description string `json:"description"`
	Severity    string `json:"severity"`
	Solution    string `json:"solution"`
	Scanner     struct {
		Name string `json:"name"`
	} `json:"scanner"`
	Identifiers []struct {
		Type  string `json:"type"`
		Name  string `json:"name"`
		Value string `json:"value"`
		URL   string `json:"url"`
	} `json:"identifiers"`
	Links []struct {
		URL string `json:"url"`
	} `json:"links"`
	Location struct {
		File       string `json:"file"`
		Start      int    `json:"start_line"`
		End        int    `json:"end_line"`
		Dependency struct {
			Package struct {
				Name string `json:"name"`
			} `json:"package"`
			Version string `json:"version"`
		} `json:"dependency"`
	} `json:"location"`
}

var glSeverities = map[string]scanners.Severity{
	"Info": scanners.Note, "Low": scanners.Low, "Medium": scanners.Medium, "High": scanners.High, "Critical": scanners.Critical,
}

func readGitLab(r *report, in io.Reader) error {
	s, err := jsonstream.New(in)
	if err != nil {
		return err
	}
	known := false
	err = s.Object(func(key string) error {
		switch key {
		case "scan":
			return r.glScan(s)
		case "vulnerabilities":
			known = true
			return s.Array(func(int) error {
				if r.full {
					return s.Pass()
				}
				var v glVulnerability
				if err := s.Decode(&v); err != nil {
					return err
				}
				r.vulnerability(v)
				return nil
			})
		}
		return s.Skip()
	})
	switch {
	case err != nil:
		return err
	case !known:
		return errors.New(`it has no "vulnerabilities"`)
	}
	return s.End()
}

func (r *report) glScan(s *jsonstream.Stream) error {
	var scan struct {
		Status   string `json:"status"`
		Messages []struct {
			Level string `json:"level"`
			Value string `json:"value"`
		} `json:"messages"`
	}
	if err := s.Decode(&scan); err != nil {
		return err
	}
	failed := scan.Status == "failure"
	for _, m := range scan.Messages[:min(len(scan.Messages), 20)] {
		if m.Level == "fatal" || m.Level == "error" {
			failed = true
			r.errs = append(r.errs, errors.New(untrusted.Sentence(m.Value, 500)))
		}
	}
	if failed {
		r.wrong = append(r.wrong, "The tool says that it did not finish; the operator's log has its words.")
	}
	return nil
}

func (r *report) vulnerability(v glVulnerability) {
	in := item{
		name: v.Name, message: cmp.Or(v.Description, v.Message, v.Name), help: v.Solution, severity: r.Default,
		path: v.Location.File, at: untrusted.Region{Line: v.Location.Start, EndLine: v.Location.End}, secret: v.Category == "secret_detection",
	}
	if severity, ok := glSeverities[v.Severity]; ok {
		in.severity = severity
	}
	for i, id := range v.Identifiers {
		if i == 0 {
			in.rule = cmp.Or(id.Value, id.Name)
		}
		if in.url == "" && !strings.EqualFold(id.Type, "cwe") {
			in.url = id.URL
		}
		if n, err := strconv.Atoi(id.Value); err == nil && strings.EqualFold(id.Type, "cwe") {
			id.Name = "CWE-" + strconv.Itoa(n)
		}
		in.cwe = cmp.Or(in.cwe, untrusted.CWE(id.Name))
		for _, name := range []string{id.Value, id.Name} {
			if untrusted.Advisory(name) {
				in.aliases = append(in.aliases, name)
			}
		}
	}
	slices.Sort(in.aliases)
	in.aliases = slices.Compact(in.aliases)
	if len(v.Links) > 0 {
		in.url = v.Links[0].URL
	}
	if p := v.Location.Dependency; p.Package.Name != "" {
		// Prefer the id of an advisory, which other tools know, to the id of GitLab's database.
		if len(in.aliases) > 0 {
			in.rule = in.aliases[0]
		}
		in.message = strings.TrimSpace(p.Package.Name+" "+p.Version) + ": " + in.message
	}
	in.rule = cmp.Or(in.rule, r.Tool)
	r.add(in)
}
