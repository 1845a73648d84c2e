package threatmodel_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/threatmodel"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s", name, got)
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	m := sample(t)
	golden(t, "shop.svg", m.SVG())
	golden(t, "shop.mmd", []byte(m.Mermaid()))
	golden(t, "shop.txt", []byte(m.Text()))
}

// TestDrawingsAreWhole holds for models of all shapes that the picture is XML, and that what is inside of it is on it.
func TestDrawingsAreWhole(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		m := newChooser(seed).model()
		text := m.SVG()
		d := xml.NewDecoder(bytes.NewReader(text))
		rects := 0
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
			if e, ok := tok.(xml.StartElement); ok && slices.ContainsFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == "class" && a.Value == "node" }) {
				rects++
			}
		}
		if rects < len(m.Components) {
			t.Fatalf("seed %d: %d boxes for %d components", seed, rects, len(m.Components))
		}
		if strings.Contains(string(text), `="-`) {
			t.Fatalf("seed %d: something is outside of the picture\n%s", seed, text)
		}
	}
}

// TestNothingBreaksOut holds that titles stay text.
func TestNothingBreaksOut(t *testing.T) {
	t.Parallel()
	m, problems := threatmodel.Parse(one("version: 1\ncomponents:\n  - {id: end, kind: service, title: '</title><script>alert(1)</script>\"]; click end \"x\"'}\n" +
		"flows: [{id: f, from: end, to: end, protocol: '|\"] --> x'}]\n"))
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	if text := string(m.SVG()); strings.Contains(text, "<script") {
		t.Error(text)
	}
	text := m.Mermaid()
	if strings.Contains(text, "<script") || strings.Count(text, `"`) != 4 || strings.Count(text, "|") != 2 || strings.Contains(text, "\n  end[") {
		t.Error(text)
	}
}

// TestLargeModelsAreDrawnQuickly draws as much as the files of a model can hold.
func TestLargeModelsAreDrawn(t *testing.T) {
	t.Parallel()
	m := &threatmodel.Model{}
	for i := range 2000 {
		id := strings.Repeat("x", i%50) + "-" + string(rune('a'+i%26)) + strings.Repeat("y", i/50)
		m.Components = append(m.Components, threatmodel.Component{ID: id, Kind: "service"})
		m.Flows = append(m.Flows, threatmodel.Flow{ID: id, From: id, To: m.Components[i/2].ID})
	}
	if len(m.SVG()) == 0 || m.Mermaid() == "" || m.Text() == "" {
		t.Error("nothing is drawn")
	}
}
