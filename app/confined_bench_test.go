package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// BenchmarkApart compares the examination of a change in this process with the same in a process without credentials,
// in turns in each round, so that both meet the same machine. No result is remembered. small is a change of five files,
// one for each kind of scanner; large one of 40 files of 20 KB. apart-ms and in-ms are the medians; more-ms is the median
// of the differences, and goes to every review. first-ms is that of the first round, in which both compile what they
// search for. start-ms is what the first review of a process waits once.
//
//	go test ./app -run '^$' -bench Apart -benchtime 30x
func BenchmarkApart(b *testing.B) {
	small := map[string]string{
		"a.py": "a = 2\n" + leak(1), "Dockerfile": "FROM alpine:3.20\nRUN apk add curl\n", "main.tf": "resource \"aws_s3_bucket\" \"logs\" {\n  acl = \"public-read\"\n}\n",
		".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n", "deploy/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - {name: a, image: \"a:1\", securityContext: {privileged: true}}\n",
	}
	large := map[string]string{}
	for i := range 40 {
		large[fmt.Sprintf("src/part%d/file%d.js", i%20, i)] = strings.Repeat(fmt.Sprintf("const value%d = require(\"./config\").session(request, %d);\n", i, i), 20<<10/60)
	}
	for name, files := range map[string]map[string]string{"small": small, "large": large} {
		b.Run(name, func(b *testing.B) { benchmarkApart(b, files) })
	}
}

func benchmarkApart(b *testing.B, files map[string]string) {
	gh, err := fakegithub.New(fakegithub.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	gh.CreateOrg("acme")
	shop := gh.CreateRepo("acme", "shop", true)
	base := shop.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
	head := shop.Commit("change", base, "change", files)
	repo, err := mirror.OpenLocal(b.Context(), shop.GitDir())
	if err != nil {
		b.Fatal(err)
	}
	options := catalog.Options{BuiltIn: true}
	began := time.Now()
	pool, err := app.NewContent(b.Context(), app.Config{Workers: 1}, nil)
	if err != nil {
		b.Fatal(err)
	}
	started := time.Since(began)
	defer pool.Close()
	apart, err := pool.Scanners(options)
	if err != nil {
		b.Fatal(err)
	}
	ctx := confined.For(b.Context(), "1/acme/shop#1")
	sides := [2][]scanners.Scanner{catalog.All(options), apart}
	var took [3][]time.Duration // in this process, apart, and the difference
	for round := 0; b.Loop(); round++ {
		var now [2]time.Duration
		for k := range sides {
			i := (round + k) % 2
			now[i] = examined(b, ctx, sides[i], repo, base, head)
			took[i] = append(took[i], now[i])
		}
		took[2] = append(took[2], now[1]-now[0])
	}
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	median := func(d []time.Duration) float64 {
		d = slices.Sorted(slices.Values(d))
		return milliseconds(d[len(d)/2])
	}
	b.ReportMetric(median(took[0]), "in-ms")
	b.ReportMetric(median(took[1]), "apart-ms")
	b.ReportMetric(median(took[2]), "more-ms")
	b.ReportMetric(milliseconds(took[2][0]), "first-ms")
	b.ReportMetric(median(took[1])/median(took[0]), "ratio")
	b.ReportMetric(float64(started.Milliseconds()), "start-ms")
}

func examined(b *testing.B, ctx context.Context, list []scanners.Scanner, repo *mirror.Repo, base, head string) time.Duration {
	b.Helper()
	e := examine.Examiner{Scanners: list}
	began := time.Now()
	ex, err := e.Examine(ctx, examine.Change{Repo: repo, Base: base, Head: head}, policy.Default(), nil, nil)
	took := time.Since(began)
	var failed []error
	for _, run := range ex.Runs {
		failed = append(failed, run.Err)
	}
	if err = errors.Join(err, errors.Join(failed...)); err != nil {
		b.Fatal(err)
	}
	return took
}
