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
// one after the other in each round, so that both meet the same machine. No result is remembered. small is a change of
// five files, one for each kind of scanner; large one of 40 files of 20 KB. apart-ms and in-ms are the medians;
// more-ms is their difference, and goes to every review. start-ms is what the first review of a process waits once.
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
	var took [2][]time.Duration
	for b.Loop() {
		for i, list := range [][]scanners.Scanner{catalog.All(options), apart} {
			took[i] = append(took[i], examined(b, ctx, list, repo, base, head))
		}
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Microseconds()) / 1000
	}
	in, out := median(took[0]), median(took[1])
	b.ReportMetric(in, "in-ms")
	b.ReportMetric(out, "apart-ms")
	b.ReportMetric(out-in, "more-ms")
	b.ReportMetric(out/in, "ratio")
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
