package threatmodel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/threatmodel"
)

func TestOtherExports(t *testing.T) {
	t.Parallel()
	m := sample(t)
	text, losses := m.ExportTMLibrary()
	golden(t, "shop.tmlibrary.json", text)
	golden(t, "shop.tmlibrary.losses", []byte(strings.Join(losses, "\n")+"\n"))
	text, losses = m.ExportThreagile(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))
	golden(t, "shop.threagile.yml", text)
	golden(t, "shop.threagile.losses", []byte(strings.Join(losses, "\n")+"\n"))
}

// TestExportsAreWhole holds for models of all shapes that each id that an export names is in it.
func TestExportsAreWhole(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		m := newChooser(seed).model()
		text, _ := m.ExportTMLibrary()
		value, ok := asJSON(t, text).(map[string]any)
		if !ok {
			t.Fatalf("%s", text)
		}
		zones := names(value["trust_zones"], "symbolic_name")
		ends := map[string]bool{}
		for _, part := range []string{"components", "actors", "data_stores"} {
			for name := range names(value[part], "symbolic_name") {
				ends[name] = true
			}
			for name := range names(value[part], "trust_zone") {
				if !zones[name] {
					t.Fatalf("seed %d: there is no zone %s", seed, name)
				}
			}
		}
		for _, flow := range value["data_flows"].([]any) {
			for _, end := range []string{"source", "destination"} {
				if name, _ := flow.(map[string]any)[end].(map[string]any)["object"].(string); !ends[name] {
					t.Fatalf("seed %d: there is no %s %s\n%s", seed, end, name, text)
				}
			}
		}
		text, _ = m.ExportThreagile(time.Time{})
		value = asJSON(t, text).(map[string]any)
		assets := value["technical_assets"].(map[string]any)
		ids := map[string]bool{}
		for _, asset := range assets {
			ids[asset.(map[string]any)["id"].(string)] = true
		}
		if len(ids) < len(m.Components) {
			t.Fatalf("seed %d: %d of %d components", seed, len(ids), len(m.Components))
		}
		links := 0
		for _, asset := range assets {
			for _, link := range asset.(map[string]any)["communication_links"].(map[string]any) {
				links++
				if target := link.(map[string]any)["target"].(string); !ids[target] {
					t.Fatalf("seed %d: there is no target %s", seed, target)
				}
			}
		}
		if links != len(m.Flows) {
			t.Fatalf("seed %d: %d links of %d flows\n%s", seed, links, len(m.Flows), text)
		}
	}
}

func names(list any, key string) map[string]bool {
	all := map[string]bool{}
	things, _ := list.([]any)
	for _, thing := range things {
		if name, ok := thing.(map[string]any)[key].(string); ok {
			all[name] = true
		}
	}
	return all
}

func TestExportsOfNothing(t *testing.T) {
	t.Parallel()
	m := &threatmodel.Model{}
	for name, text := range map[string][]byte{"svg": m.SVG(), "mermaid": []byte(m.Mermaid()), "text": []byte(m.Text())} {
		if len(text) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}
