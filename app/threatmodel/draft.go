package threatmodel

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Sketch is what a first model is made from.
type Sketch struct {
	Name  string   // of the repository
	Files []string // all paths of the repository
	Facts []Fact

	Owner   func(path string) string // by the code owners; empty for none
	Catalog []Entry
}

// An Entry is a component of a catalog-info.yaml (https://backstage.io/docs/features/software-catalog/descriptor-format).
type Entry struct{ Path, Name, Title, Owner string }

// Limits of a draft: who drafts for a large repository starts with the largest parts.
const (
	maxParts   = 60
	maxStores  = 60
	maxHosts   = 60
	maxSecrets = 50
)

// Draft makes a first model of a repository. [Parse] accepts it, and [Compare] finds no unmapped component in it.
func Draft(s Sketch) *Model {
	d := &draft{sketch: s, model: &Model{}, taken: map[string]bool{}, folders: map[string]bool{}, byFolder: map[string]int{}}
	for _, file := range s.Files {
		for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
			if d.folders[dir] {
				break
			}
			d.folders[dir] = true
		}
	}
	slices.SortStableFunc(d.sketch.Facts, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	name := slug(s.Name, map[string]bool{})
	d.model.System = System{ID: name, Title: title(s.Name, name)}
	d.model.Zones = []Zone{{ID: "internet", Trust: 0}, {ID: "app", Trust: 70}, {ID: "data", Trust: 90}}
	for _, z := range d.model.Zones {
		d.taken[z.ID] = true
	}
	d.parts()
	if len(d.model.Components) <= 1 {
		d.modules()
	}
	switch len(d.model.Components) {
	case 0:
		d.part("", d.sketch.Name, "service")
	case 1: // all code is its
		d.model.Components[0].Paths = []string{"**"}
	default:
		d.rest()
	}
	d.stores()
	d.hosts()
	d.secrets()
	d.owners()
	return d.model
}

type draft struct {
	sketch   Sketch
	model    *Model
	taken    map[string]bool
	folders  map[string]bool
	byFolder map[string]int // index of its component
}

// part adds a component for a folder, unless there is one. An empty folder is the whole repository.
func (d *draft) part(folder, name, kind string) {
	if _, ok := d.byFolder[folder]; ok || len(d.byFolder) >= maxParts {
		return
	}
	pattern := "**"
	if folder != "" {
		pattern = folderGlob(folder)
	}
	if pattern == "" || folder != "" && !d.folders[folder] {
		return
	}
	if name == "" {
		name = path.Base(folder)
	}
	if base := slug(name, map[string]bool{}); d.taken[base] && folder != "" {
		name = strings.ReplaceAll(folder, "/", "-")
	}
	d.byFolder[folder] = len(d.model.Components)
	d.model.Components = append(d.model.Components, Component{ID: slug(name, d.taken), Kind: kind, Zone: "app", Paths: []string{pattern}})
}

// parts adds what can be deployed, and the entries of catalogs.
func (d *draft) parts() {
	for _, e := range d.sketch.Catalog {
		folder := dirOf(e.Path)
		d.part(folder, cmp.Or(e.Name, d.sketch.Name), d.kind(folder, "service"))
	}
	for _, f := range d.sketch.Facts {
		if f.Slug != "new-deployable" {
			continue
		}
		folder, ok := d.folder(f)
		if !ok || folder == "" && len(d.byFolder) > 0 {
			continue
		}
		name := ""
		if folder == "" {
			name = d.sketch.Name
		}
		d.part(folder, name, d.kind(folder, f.Data["kind"]))
	}
}

func dirOf(file string) string {
	if dir := path.Dir(file); dir != "." {
		return dir
	}
	return ""
}

// folder returns the folder of a deployable: the one that the fact names, else one of the same name, else the file's if
// that is code.
func (d *draft) folder(f Fact) (string, bool) {
	for _, name := range []string{f.Data["folder"], f.Key} {
		name = strings.Trim(strings.TrimPrefix(path.Clean(name), "./"), "/")
		if name == "." && f.Data["kind"] == "image" {
			return "", true
		}
		if name != "" && d.folders[name] {
			return name, true
		}
	}
	switch f.Data["kind"] {
	case "image", "command", "component":
		return dirOf(f.Path), true
	}
	name := plainName(f.Key[strings.LastIndexAny(f.Key, "./: ")+1:])
	best := ""
	for folder := range d.folders {
		if plainName(path.Base(folder)) != name || strings.HasPrefix(folder, ".") || strings.Count(folder, "/") > 1 {
			continue
		}
		if best == "" || len(folder) < len(best) || len(folder) == len(best) && folder < best {
			best = folder
		}
	}
	return best, best != ""
}

// plainName returns a name without case and signs: "Basket.API" and "basket-api" are one.
func plainName(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), notLetter), "")
}

// entrances are signals of what can be called from outside; a module with one runs by itself.
var entrances = []string{"http-route", "admin-endpoint", "webhook-receiver", "graphql-mutation", "grpc-rpc", "websocket-endpoint", "message-consumer", "scheduled-job"}

// manifests are files at the root of a module.
var manifests = []string{"pom.xml", "build.gradle", "build.gradle.kts", "package.json", "go.mod", "Cargo.toml", "pyproject.toml", "requirements.txt", "composer.json", "Gemfile"}

// modules adds the modules that can be called, if there are several: nothing in the repository says how they are deployed.
func (d *draft) modules() {
	modules := map[string]bool{}
	for _, file := range d.sketch.Files {
		if folder := dirOf(file); strings.Count(folder, "/") < 2 && (slices.Contains(manifests, path.Base(file)) || path.Ext(file) == ".csproj") {
			modules[folder] = folder != ""
		}
	}
	var found []string
	for _, f := range d.sketch.Facts {
		folder := dirOf(f.Path)
		for folder != "" && !modules[folder] {
			folder = dirOf(folder)
		}
		if folder != "" && slices.Contains(entrances, f.Slug) && !slices.Contains(found, folder) && len(found) < maxParts {
			found = append(found, folder)
		}
	}
	if len(found) < 2 {
		return
	}
	d.model.Components, d.byFolder = nil, map[string]int{}
	for _, folder := range found {
		d.part(folder, "", d.kind(folder, "service"))
	}
}

// kind guesses a kind by the name of the folder, and by what is deployed.
func (d *draft) kind(folder, deployed string) string {
	words := strings.FieldsFunc(strings.ToLower(path.Base(folder)), notLetter)
	for _, guess := range []struct{ kind, words string }{
		{"ui", "web ui frontend client website app-ui dashboard spa"}, {"job", "job jobs worker workers cron scheduler batch migrate migrations"},
		{"function", "lambda function functions"}, {"library", "lib libs library sdk"},
	} {
		if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(strings.Fields(guess.words), w) }) {
			return guess.kind
		}
	}
	switch strings.ToLower(deployed) {
	case "function":
		return "function"
	case "job", "cronjob":
		return "job"
	case "library":
		return "library"
	}
	return "service"
}

// rest adds the folders of other facts that would be in no component: code that the deployables share, and one component
// for all descriptions of infrastructure.
func (d *draft) rest() {
	described := map[string]bool{} // folders; false for one with code
	var order []string
	for _, f := range d.sketch.Facts {
		folder := strings.TrimSuffix(FolderOf(f.Path), "/src")
		if _, ok := d.model.ComponentOf(f.Path); ok || folder == "" || strings.HasPrefix(folder, ".") || !structural(f.Slug) {
			continue
		}
		all, known := described[folder]
		if !known {
			order, all = append(order, folder), true
		}
		described[folder] = all && slices.Contains([]string{".yml", ".yaml", ".tf", ".json", ".tpl", ".hcl"}, path.Ext(f.Path))
	}
	infrastructure := Component{Kind: "library", Title: "Infrastructure as code", Zone: "app"}
	for _, folder := range order {
		if !described[folder] {
			d.part(folder, "", d.kind(folder, "library"))
		} else if pattern := folderGlob(folder); pattern != "" {
			infrastructure.Paths = append(infrastructure.Paths, pattern)
		}
	}
	if n := len(infrastructure.Paths); n > 0 && n <= maxList {
		infrastructure.ID = slug("infrastructure", d.taken)
		d.model.Components = append(d.model.Components, infrastructure)
	}
}

func (d *draft) stores() {
	index := map[string]int{}
	for _, f := range d.sketch.Facts {
		key := title(f.Key, "")
		if f.Slug != "datastore" || key == "" {
			continue
		}
		name, _, _ := strings.Cut(key, " (")
		name = name[strings.LastIndexAny(name, ".:/ ")+1:]
		kind := "datastore"
		if words := strings.ToLower(key + " " + f.Data["kind"]); slices.ContainsFunc(strings.Fields("queue topic sqs sns kafka rabbit nats pubsub servicebus kinesis"), func(w string) bool { return strings.Contains(words, w) }) {
			kind = "queue"
		}
		if at, ok := index[name]; ok {
			c := &d.model.Components[at]
			if !slices.Contains(c.Resources, key) {
				c.Resources = append(c.Resources, key)
			}
			continue
		}
		if len(index) >= maxStores {
			return
		}
		index[name] = len(d.model.Components)
		d.model.Components = append(d.model.Components, Component{ID: slug(name, d.taken), Kind: kind, Zone: "data", Resources: []string{key}})
	}
}

// hosts adds an external component and a flow for each host that is called.
func (d *draft) hosts() {
	external := map[string]string{}
	flow := map[string]bool{}
	taken := map[string]bool{}
	for _, f := range d.sketch.Facts {
		host := strings.ToLower(f.Key)
		c, ok := d.model.ComponentOf(f.Path)
		if f.Slug != "outbound-host" || !ok || !hosts.MatchString(host) {
			continue
		}
		id := external[host]
		if id == "" {
			if len(external) >= maxHosts {
				return
			}
			id = slug(strings.ReplaceAll(host, ".", "-"), d.taken)
			external[host] = id
			d.model.Components = append(d.model.Components, Component{ID: id, Title: host, Kind: "external", Zone: "internet"})
		}
		if key := c.ID + "\x00" + id; !flow[key] {
			flow[key] = true
			d.model.Flows = append(d.model.Flows, Flow{ID: slug(c.ID+"-to-"+id, taken), From: c.ID, To: id, Hosts: []string{host}})
		}
	}
}

func (d *draft) secrets() {
	for _, f := range d.sketch.Facts {
		if f.Slug != "new-secret" || !variable.fits(f.Key) {
			continue
		}
		found, ok := d.model.ComponentOf(f.Path)
		if !ok {
			continue
		}
		at := slices.IndexFunc(d.model.Components, func(c Component) bool { return c.ID == found.ID })
		c := &d.model.Components[at]
		if len(c.Secrets) < maxSecrets && !slices.ContainsFunc(c.Secrets, func(s Secret) bool { return s.Name == f.Key }) {
			c.Secrets = append(c.Secrets, Secret{Name: f.Key})
		}
	}
}

// owners names who owns a component: the catalog, else the code owners of the first file in its folder.
func (d *draft) owners() {
	for folder, at := range d.byFolder {
		c := &d.model.Components[at]
		for _, e := range d.sketch.Catalog {
			if dirOf(e.Path) == folder && owner.fits(e.Owner) {
				c.Owner = e.Owner
				c.Title = title(e.Title, c.ID)
			}
		}
		if c.Owner != "" || d.sketch.Owner == nil {
			continue
		}
		for _, file := range d.sketch.Files {
			if folder != "" && !strings.HasPrefix(file, folder+"/") {
				continue
			}
			if who := d.sketch.Owner(file); owner.fits(who) {
				c.Owner = who
			}
			break
		}
	}
}

// DraftHead is the comment above a draft.
const DraftHead = "# Drafted from the repository by `secbydesign model init`. Read each line, and correct it: zones, exposure (internal or\n" +
	"# external), the data that components hold, and the flows between them. `secbydesign model show` draws it.\n"

// Describe counts the parts of a model.
func (m *Model) Describe() string {
	return fmt.Sprintf("%s, %s and %s", counted(len(m.Components), "component"), counted(len(m.Flows), "flow"), counted(len(m.Decisions), "decision"))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
