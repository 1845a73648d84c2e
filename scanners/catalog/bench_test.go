package catalog

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
	"github.com/secbydesign/secbydesign/scanners/gitleaks"
)

// BenchmarkFacts compares the scanner of facts with the scanner of secrets on the same change of 200 files, one after
// the other in each round, so that both meet the same machine. Method: the files are the first 200 of this module, in
// the order of their names, that are no Go test and have 1 to 200 KB; each is given as if it were production code of an
// application. time-ratio is the time of facts divided by that of secrets; the peaks are the largest heaps in use, in
// MB, sampled each millisecond.
//
//	go test ./scanners/catalog -run '^$' -bench Facts -benchtime 5x
func BenchmarkFacts(b *testing.B) {
	files := changeOf(b, 200)
	size := 0
	for _, f := range files {
		size += len(f.Content)
	}
	var took [2]time.Duration
	var peak [2]uint64
	for b.Loop() {
		for i, s := range []scanners.Scanner{design.Scanner{}, gitleaks.Scanner{}} {
			began := time.Now()
			peak[i] = max(peak[i], peakOf(func() {
				if _, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files}); err != nil {
					b.Fatal(err)
				}
			}))
			took[i] += time.Since(began)
		}
	}
	b.ReportMetric(float64(size)/(1<<20), "MB")
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "time-ratio")
	b.ReportMetric(float64(peak[0])/(1<<20), "facts-peak-MB")
	b.ReportMetric(float64(peak[1])/(1<<20), "secrets-peak-MB")
}

// changeOf returns n files of this module.
func changeOf(b *testing.B, n int) (files []scanners.File) {
	b.Helper()
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		if name != "../.." && strings.HasPrefix(d.Name(), ".") && d.IsDir() {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || len(files) == n || strings.HasSuffix(name, "_test.go") {
			return err
		}
		content, err := os.ReadFile(name)
		if err == nil && len(content) >= 1<<10 && len(content) <= 200<<10 {
			path := strings.ReplaceAll(strings.TrimPrefix(filepath.ToSlash(name), "../../"), "testdata/", "app/")
			files = append(files, scanners.File{Path: path, Content: content})
		}
		return err
	})
	if err != nil || len(files) < n {
		b.Fatalf("%d files: %v", len(files), err)
	}
	return files
}

// peakOf returns the largest size of the heap in use, in bytes, while work runs.
func peakOf(work func()) uint64 {
	runtime.GC()
	var peak atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	work()
	close(stop)
	<-stopped
	return peak.Load()
}
