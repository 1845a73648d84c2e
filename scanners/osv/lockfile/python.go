package lockfile

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Requirements reads a requirements file or a constraints file of pip
// (https://pip.pypa.io/en/stable/reference/requirements-file-format/). It leaves out lines that are neither
// a requirement nor an option.
func Requirements(text []byte) ([]Package, error) {
	out, _, _ := requirements(text)
	return out, nil
}

// OnlyRequirements reads a requirements file whose name does not say that it is one. It returns nothing if
// a line is neither a requirement nor an option: then it is some other text.
func OnlyRequirements(text []byte) ([]Package, error) {
	out, _, ok := requirements(text)
	if !ok {
		return nil, nil
	}
	return out, nil
}

// Included returns the paths of the files that a requirements file includes, as it writes them.
func Included(text []byte) []string {
	_, included, _ := requirements(text)
	return included
}

var (
	comment     = regexp.MustCompile(`(?:^|\s)#.*$`)
	option      = regexp.MustCompile(`\s(?:--[a-z]|-C\b).*$`)
	requirement = regexp.MustCompile(`^([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)$`)
	constraint  = regexp.MustCompile(`^(===|==|~=|>=|<=|!=|<|>)\s*([\w.!+*-]+)$`)
	include     = regexp.MustCompile(`^(?:-r|-c|--requirement|--constraint)[ \t=]*(\S.*)$`)
	notAName    = regexp.MustCompile(`^[./\\~]|^\w+(?:\+\w+)?:|\$\{\w+\}|^[^@\s]+\.(?:whl|zip|tar\.gz)$`)
)

func requirements(text []byte) (out []Package, included []string, ok bool) {
	ok = true
	for _, line := range logicalLines(text) {
		if m := include.FindStringSubmatch(line); m != nil {
			included = append(included, strings.TrimSpace(m[1]))
			continue
		}
		if line[0] == '-' || notAName.MatchString(line) || strings.HasPrefix(line, "{%") || strings.HasPrefix(line, "{{") { // of a template
			continue
		}
		p, valid := requires(line)
		if !valid {
			ok = false
			continue
		}
		out = append(out, p)
	}
	return out, included, ok
}

// logicalLines joins lines that end with a backslash with the next one, and removes comments and empty
// lines.
func logicalLines(text []byte) (out []string) {
	var whole strings.Builder
	for line := range bytes.Lines(text) {
		one := strings.TrimRight(string(line), "\r\n")
		if begin, goesOn := strings.CutSuffix(one, `\`); goesOn && !strings.HasPrefix(strings.TrimSpace(one), "#") {
			whole.WriteString(begin)
			continue
		}
		whole.WriteString(one)
		if s := strings.TrimSpace(comment.ReplaceAllString(whole.String(), "")); s != "" {
			out = append(out, s)
		}
		whole.Reset()
	}
	if s := strings.TrimSpace(comment.ReplaceAllString(whole.String(), "")); s != "" {
		out = append(out, s)
	}
	return out
}

// requires reads one requirement. Its version is known only if it is pinned: a lower bound is not the
// version that gets installed.
func requires(line string) (p Package, ok bool) {
	hashed := strings.Contains(line, "--hash")
	m := requirement.FindStringSubmatch(option.ReplaceAllString(line, ""))
	if m == nil {
		return p, false
	}
	p.Name = m[1]
	if address, isAddress := strings.CutPrefix(m[2], "@"); isAddress {
		address, _, _ = strings.Cut(strings.TrimSpace(address), " ")
		p.Origin = originOf(address)
		return p, address != ""
	}
	versions, _, _ := strings.Cut(m[2], ";")
	versions = strings.TrimSpace(versions)
	if inner, parens := strings.CutPrefix(versions, "("); parens {
		versions = strings.TrimSuffix(inner, ")")
	}
	if versions == "" {
		return p, true
	}
	clauses := strings.Split(versions, ",")
	for _, clause := range clauses {
		c := constraint.FindStringSubmatch(strings.TrimSpace(clause))
		if c == nil {
			return p, false
		}
		if strings.HasPrefix(c[1], "==") && !strings.Contains(c[2], "*") {
			p.Version = c[2]
			p.Pin = c[1] == "==" && len(clauses) == 1 && !hashed
		}
	}
	return p, true
}

// Poetry reads poetry.lock.
func Poetry(text []byte) ([]Package, error) {
	var lock struct {
		Packages []struct {
			Name     string   `toml:"name"`
			Version  string   `toml:"version"`
			Optional bool     `toml:"optional"`
			Groups   []string `toml:"groups"`
			Source   struct {
				Type string `toml:"type"`
				URL  string `toml:"url"`
			} `toml:"source"`
		} `toml:"package"`
	}
	if err := toml.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var out []Package
	for _, p := range lock.Packages {
		one := Package{Name: p.Name, Version: p.Version}
		switch {
		case p.Optional:
			one.Groups = []string{"optional"}
		case !slices.Contains(p.Groups, "main"):
			one.Groups = p.Groups
		}
		switch p.Source.Type {
		case "directory", "file":
			one.Origin = Local
		case "git":
			one.Origin = Elsewhere
		case "url":
			one.Origin = originOf(p.Source.URL)
		}
		out = append(out, one)
	}
	return out, nil
}

// UV reads uv.lock (https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile).
func UV(text []byte) ([]Package, error) {
	var lock struct {
		Packages []struct {
			Name    string `toml:"name"`
			Version string `toml:"version"`
			Source  struct {
				URL       string `toml:"url"`
				Git       string `toml:"git"`
				Path      string `toml:"path"`
				Directory string `toml:"directory"`
				Editable  string `toml:"editable"`
				Virtual   string `toml:"virtual"`
			} `toml:"source"`
		} `toml:"package"`
	}
	if err := toml.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var out []Package
	for _, p := range lock.Packages {
		one := Package{Name: p.Name, Version: p.Version, Origin: originOf(p.Source.URL)}
		switch s := p.Source; {
		case s.Path+s.Directory+s.Editable+s.Virtual != "":
			one.Origin = Local
		case s.Git != "":
			one.Origin = Elsewhere
		}
		out = append(out, one)
	}
	return out, nil
}

// PDM reads pdm.lock.
func PDM(text []byte) ([]Package, error) {
	var lock struct {
		Packages []struct {
			Name    string   `toml:"name"`
			Version string   `toml:"version"`
			Groups  []string `toml:"groups"`
			Path    string   `toml:"path"`
			URL     string   `toml:"url"`
			Git     string   `toml:"git"`
			Hg      string   `toml:"hg"`
		} `toml:"package"`
	}
	if err := toml.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var out []Package
	for _, p := range lock.Packages {
		one := Package{Name: p.Name, Version: p.Version, Origin: originOf(p.URL)}
		if !slices.Contains(p.Groups, "default") {
			one.Groups = p.Groups
		}
		switch {
		case p.Path != "":
			one.Origin = Local
		case p.Git+p.Hg != "":
			one.Origin = Elsewhere
		}
		out = append(out, one)
	}
	return out, nil
}

// Pylock reads pylock.toml (https://packaging.python.org/en/latest/specifications/pylock-toml/).
func Pylock(text []byte) ([]Package, error) {
	var lock struct {
		Packages []struct {
			Name      string         `toml:"name"`
			Version   string         `toml:"version"`
			VCS       map[string]any `toml:"vcs"`
			Directory map[string]any `toml:"directory"`
			Archive   struct {
				URL  string `toml:"url"`
				Path string `toml:"path"`
			} `toml:"archive"`
		} `toml:"packages"`
	}
	if err := toml.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var out []Package
	for _, p := range lock.Packages {
		one := Package{Name: p.Name, Version: p.Version, Origin: originOf(p.Archive.URL)}
		switch {
		case p.Directory != nil || p.Archive.Path != "":
			one.Origin = Local
		case p.VCS != nil:
			one.Origin = Elsewhere
		}
		out = append(out, one)
	}
	return out, nil
}

type pipfileEntry struct {
	Version word `json:"version"`
	Path    word `json:"path"`
	File    word `json:"file"`
	Git     word `json:"git"`
	Hg      word `json:"hg"`
}

// Pipfile reads Pipfile.lock. Besides "default" and "develop" it may have groups that people name.
func Pipfile(text []byte) ([]Package, error) {
	lock, err := readJSON[map[string]json.RawMessage](text)
	if err != nil {
		return nil, err
	}
	delete(lock, "_meta")
	var out []Package
	for group, text := range lock {
		list, err := readJSON[map[string]pipfileEntry](text)
		if err != nil {
			return nil, err
		}
		for name, e := range list {
			p := Package{Name: name, Version: strings.TrimPrefix(string(e.Version), "=="), Origin: originOf(string(e.File))}
			switch group {
			case "default":
			case "develop":
				p.Groups = []string{"dev"}
			default:
				p.Groups = []string{group}
			}
			switch {
			case e.Path != "":
				p.Origin = Local
			case e.Git+e.Hg != "":
				p.Origin = Elsewhere
			}
			if strings.HasPrefix(string(e.Version), "==") {
				out = append(out, p)
			}
		}
	}
	return out, nil
}
