package ownership

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/secbydesign/secbydesign/scanners"
)

// Bounds of a catalog file, which everybody who can push to the base writes.
const (
	maxCatalog   = 256 << 10 // bytes
	maxDocuments = 500
	maxReference = 200  // bytes
	maxProblem   = 1000 // bytes
	maxFolders   = 100  // above one file
)

// CatalogNames returns the names of a catalog file of Backstage in a folder. The first one that exists counts.
func CatalogNames() []string { return []string{"catalog-info.yaml", "catalog-info.yml"} }

// CatalogFiles returns the paths of the catalog files that may say who owns a file, the nearest first.
func CatalogFiles(name string) (list []string) {
	for folder, n := path.Dir(name), 0; n < maxFolders; folder, n = path.Dir(folder), n+1 {
		for _, base := range CatalogNames() {
			list = append(list, path.Join(folder, base))
		}
		if folder == "." || folder == "/" {
			break
		}
	}
	return list
}

// A Catalog is the content of a catalog file. The zero value is that of a file without entities.
type Catalog struct {
	Entities []Entity // before the problem, if there is one
	Problem  string   // why the file cannot be read: one clause in plain text; empty if it can
}

// An Entity is one entry of a catalog.
// https://backstage.io/docs/features/software-catalog/descriptor-format
type Entity struct {
	Kind, Namespace, Name, Title string
	Owner                        string // a reference to another entity, as it is written
	Line                         int    // of the owner, else of the entity; from 1

	// GitHub is the name of a group or user at GitHub, by its annotation: "org/team" or "login".
	GitHub string
}

// A CatalogParser reads catalog files, and returns a catalog for each text, in the same order. An error means that
// nothing is known about them. Several goroutines may use it at once.
type CatalogParser func(ctx context.Context, texts [][]byte) ([]Catalog, error)

// ParseCatalogs is the [CatalogParser] of this process. It returns no error.
func ParseCatalogs(_ context.Context, texts [][]byte) ([]Catalog, error) {
	list := make([]Catalog, len(texts))
	for i, text := range texts {
		list[i] = ParseCatalog(text)
	}
	return list, nil
}

// Possible reports whether a catalog that an untrusted process made can be that of a text.
func (c Catalog) Possible(text []byte) bool {
	if len(c.Entities) > maxDocuments || len(c.Problem) > maxProblem || !utf8.ValidString(c.Problem) {
		return false
	}
	for _, e := range c.Entities {
		if e.Line < 0 || e.Line > len(text)+1 {
			return false
		}
		for _, s := range []string{e.Kind, e.Namespace, e.Name, e.Title, e.Owner, e.GitHub} {
			if len(s) > maxReference || !utf8.ValidString(s) {
				return false
			}
		}
	}
	return true
}

// ParseCatalog reads a catalog file. It never fails: see [Catalog.Problem].
func ParseCatalog(text []byte) (c Catalog) {
	defer func() {
		if recover() != nil { // a panic of the library: anybody who can push to the base writes the file
			c = Catalog{Problem: "it cannot be read as YAML"}
		}
	}()
	if len(text) > maxCatalog {
		return Catalog{Problem: fmt.Sprintf("it has %d KB, and with more than %d KB it is not read", len(text)>>10, maxCatalog>>10)}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(scanners.Decode(text)))
	for n := 0; ; n++ {
		var document yaml.Node // aliases are not expanded in it
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			return c
		case err != nil:
			c.Problem = "it is not valid YAML: " + short(strings.TrimPrefix(err.Error(), "yaml: "))
			return c
		case n == maxDocuments:
			c.Problem = fmt.Sprintf("it has more than %d documents", maxDocuments)
			return c
		}
		if e, ok := entityOf(&document); ok {
			c.Entities = append(c.Entities, e)
		}
	}
}

// short cuts a message of the library, which may quote the file.
func short(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxProblem/2)], "\uFFFD") }

// entityOf reads one document.
func entityOf(document *yaml.Node) (e Entity, ok bool) {
	if len(document.Content) != 1 {
		return e, false
	}
	root := document.Content[0]
	metadata, owner := field(root, "metadata"), field(field(root, "spec"), "owner")
	e.Kind, e.Line = text(field(root, "kind")), root.Line
	e.Name, e.Title, e.Namespace = text(field(metadata, "name")), text(field(metadata, "title")), text(field(metadata, "namespace"))
	if e.Namespace == "" {
		e.Namespace = defaultNamespace
	}
	if owner != nil {
		e.Owner, e.Line = text(owner), owner.Line
	}
	// https://backstage.io/docs/features/software-catalog/well-known-annotations#githubcomteam-slug
	annotations := field(metadata, "annotations")
	e.GitHub = text(field(annotations, "github.com/team-slug"))
	if e.is(kindUser) {
		e.GitHub = text(field(annotations, "github.com/user-login"))
	}
	return e, e.Kind != ""
}

func (e Entity) is(kind string) bool { return strings.EqualFold(e.Kind, kind) }

// field returns the value of a key of a mapping; nil without such a key.
func field(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// text returns a short scalar; empty for anything else.
func text(n *yaml.Node) string {
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.ScalarNode || len(n.Value) > maxReference {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// The kinds of entities that stand for people, and the namespace of an entity that names none.
const (
	kindGroup        = "group"
	kindUser         = "user"
	defaultNamespace = "default"
)

// A reference names an entity. https://backstage.io/docs/features/software-catalog/references
type reference struct{ kind, namespace, name string } // in lower case, except for the name

func (r reference) String() string { return r.kind + ":" + r.namespace + "/" + r.name }

var referenceForm = regexp.MustCompile(`^(?:([A-Za-z][A-Za-z0-9]{0,62}):)?(?:([A-Za-z0-9][A-Za-z0-9-]{0,62})/)?([A-Za-z0-9][A-Za-z0-9._-]{0,62})$`)

// referenceOf reads "[kind:][namespace/]name".
func referenceOf(s string) (reference, bool) {
	m := referenceForm.FindStringSubmatch(s)
	if m == nil {
		return reference{}, false
	}
	r := reference{strings.ToLower(m[1]), strings.ToLower(m[2]), m[3]}
	switch r.kind {
	case "", "team": // threat models say team
		r.kind = kindGroup
	}
	if r.namespace == "" {
		r.namespace = defaultNamespace
	}
	return r, true
}

// find returns the entity that a reference names among those of some catalogs.
func find(catalogs []Catalog, r reference) (Entity, bool) {
	for _, c := range catalogs {
		for _, e := range c.Entities {
			if e.is(r.kind) && strings.EqualFold(e.Namespace, r.namespace) && strings.EqualFold(e.Name, r.name) {
				return e, true
			}
		}
	}
	return Entity{}, false
}

// Named returns whom a name means: "@person" and "@org/team" as they are, or the reference of a catalog, in which a
// group without a kind and namespace is usual. Groups are teams of org; if org is empty, because nobody knows the name
// of the organisation, the reference itself is returned. If the name means nobody, problem says why: one clause in
// plain text.
func Named(name, org string) (owner, problem string) { return named(name, org, nil) }

// named is Named with the catalogs in which references are followed.
func named(name, org string, catalogs []Catalog) (owner, problem string) {
	if strings.HasPrefix(name, "@") {
		if !IsOwner(name) {
			return "", fmt.Sprintf("%q is neither a person nor a team", name)
		}
		return name, ""
	}
	seen := map[string]bool{}
	for first := ""; ; {
		r, ok := referenceOf(name)
		if !ok {
			return "", fmt.Sprintf("%q is not a reference such as group:default/payments", name)
		}
		key := strings.ToLower(r.String())
		if seen[key] {
			return "", fmt.Sprintf("the references run in a circle: %s is owned by itself", r)
		}
		seen[key] = true
		if first == "" {
			first = r.String()
		}
		e, known := find(catalogs, r)
		switch {
		case known && e.Owner != "" && r.kind != kindUser:
			name = e.Owner
		case r.kind == kindUser:
			return account(r, e, "")
		case r.kind == kindGroup:
			return account(r, e, org)
		case known:
			return "", r.String() + " names no owner"
		default:
			return "", r.String() + " is in no catalog file of the folders above"
		}
	}
}

// account returns the name at GitHub of a group, which is a team of org, or of a user.
func account(r reference, e Entity, org string) (owner, problem string) {
	switch {
	case e.GitHub != "":
		owner = "@" + e.GitHub
	case r.kind == kindUser:
		owner = "@" + r.name
	case r.namespace != defaultNamespace && !strings.EqualFold(r.namespace, org):
		return "", fmt.Sprintf("%s is not in the namespace default, so its team at GitHub is not known", r)
	case org == "":
		return r.String(), ""
	default:
		owner = "@" + org + "/" + r.name
	}
	if isTeam := strings.Contains(owner, "/"); !IsOwner(owner) || isTeam == (r.kind == kindUser) {
		return "", fmt.Sprintf("%s names no account of GitHub: %q", r, owner)
	}
	return owner, ""
}
