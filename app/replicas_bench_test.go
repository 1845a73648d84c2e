package app_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners/programtest"
)

// benchmarked are the databases that the benchmarks compare.
var benchmarked = []string{onSQLite, onPostgres}

// backlog opens so many pull requests, in 12 repositories, without waiting for any verdict.
func (c *crowd) backlog(n int) {
	for i := range n {
		repo, base := c.repos[i%len(c.repos)], c.bases[i%len(c.bases)]
		branch := fmt.Sprint("backlog", i)
		repo.Commit(branch, base, branch, map[string]string{"a.py": "a = 1\n" + leak(10*i) + leak(10*i+1)})
		c.changes = append(c.changes, change{repo, repo.OpenPull("Change", "", "main", branch, "mona", false), 0})
	}
}

// verdicts waits for the verdicts on all changes of the backlog.
func (c *crowd) verdicts(b *testing.B) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for _, made := range c.changes {
		owner, name := c.fleet.GitHub.NameOf(made.repo)
		all.Go(func() {
			if _, err := c.fleet.Verdict(ctx, owner, name, made.number); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}

// BenchmarkReplicas shows how many reviews a minute one replica and three replicas finish, each with four workers, from
// their start until the last of b.N waiting pull requests has its verdict: with the scanners that are built in, which
// compute, and with one that waits for three seconds, as a scanner on another machine would. On one machine only the
// second shows what more hosts give: the first shares its cores with everything else, the stand-in for GitHub included: cores
// is how many all processes of the benchmark use.
func BenchmarkReplicas(b *testing.B) {
	for _, engine := range benchmarked {
		for _, scanner := range []string{"computing", "waiting"} {
			for _, replicas := range []int{1, 3} {
				b.Run(fmt.Sprintf("%s/%s/%d", engine, scanner, replicas), func(b *testing.B) {
					f := fleetWith(b, databaseOn(b, engine), func(s *app.Settings) {
						s.Workers = "4"
						if scanner == "waiting" {
							waitingScanner(b, s, 3*time.Second)
						}
					}, "web")
					c := newCrowd(f, 12)
					c.backlog(b.N)
					cpu := cpuTime(b, strconv.Itoa(os.Getpid()))
					b.ResetTimer()
					f.join(slices.Repeat([]string{"worker"}, replicas)...)
					c.verdicts(b)
					b.StopTimer()
					cpu = cpuTime(b, strconv.Itoa(os.Getpid())) - cpu
					b.ReportMetric(float64(b.N)/b.Elapsed().Minutes(), "reviews/min")
					b.ReportMetric(cpu.Seconds()*1000/float64(b.N), "cpu-ms/review")
					b.ReportMetric(cpu.Seconds()/b.Elapsed().Seconds(), "cores")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

// waitingScanner makes a scanner that waits for so long the only one.
func waitingScanner(b *testing.B, s *app.Settings, wait time.Duration) {
	dir := b.TempDir()
	program, settings := filepath.Join(dir, "waits"), filepath.Join(dir, "settings.yml")
	for file, text := range map[string]string{
		program:  fmt.Sprintf("#!/bin/sh\n[ \"$1\" = --version ] && { echo 1; exit 0; }\nexec /bin/sleep %g\n", wait.Seconds()),
		settings: fmt.Sprintf("scanners:\n  waits: {command: [%q, \"{files}\"], format: rdjsonl, scope: file, gate: code, files: [\"**/*.py\"]}\n", program),
	} {
		programtest.Write(b, file, text)
	}
	s.SettingsFile, s.Sandbox, s.BuiltIn = settings, "off", false
}

// BenchmarkReviewCost shows what a review costs: bytes that the database grows by, requests to GitHub by kind, CPU time
// of the program and its children, and transactions that write. "first" is the first review of a pull request with two
// findings, "clean" one without a finding, and "push" the review after a push that fixes one finding and brings one.
func BenchmarkReviewCost(b *testing.B) {
	for _, engine := range benchmarked {
		for _, kind := range []string{"first", "clean", "push"} {
			b.Run(engine+"/"+kind, func(b *testing.B) {
				url := databaseOn(b, engine)
				f := newFleet(b, url, "all")
				c := newCrowd(f, 12)
				c.contribute(2)
				if kind == "push" {
					c.reviewAll(b, b.N, "first")
				}
				f.GitHub.Settle()
				requests := countRequests(f.GitHub)
				program := f.replicas[0].process
				cpu, before := program.cpuTime(), measureDatabase(b, url)
				b.ResetTimer()
				c.reviewAll(b, b.N, kind)
				b.StopTimer()
				f.GitHub.Settle()
				after := measureDatabase(b, url)
				n := float64(b.N)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric((program.cpuTime()-cpu).Seconds()*1000/n, "cpu-ms/review")
				b.ReportMetric(float64(after.bytes-before.bytes)/n, "B/review")
				if engine == onPostgres {
					b.ReportMetric(float64(after.written-before.written)/n, "xids/review")
				}
				calls, text := requests(n)
				b.ReportMetric(calls, "calls/review")
				b.Logf("%s/%s: requests per review: %s", engine, kind, text)
				if b.N > 10 {
					b.Logf("%s/%s: bytes per review by table: %s", engine, kind, growth(before, after, n))
				}
			})
		}
	}
}

// reviewAll brings n reviews of a kind about, two at a time, and waits for them.
func (c *crowd) reviewAll(b *testing.B, n int, kind string) {
	b.Helper()
	slots := make(chan struct{}, 2)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			repo, base := c.repos[i%len(c.repos)], c.bases[i%len(c.bases)]
			branch := fmt.Sprint(kind, i)
			text := "a = 1\n" + leak(10*i) + leak(10*i+1)
			switch kind {
			case "clean":
				text = fmt.Sprintf("a = %d\n", i+2)
			case "push":
				branch = fmt.Sprint("first", i)
				base, text = "", "a = 1\n"+leak(10*i)+"b = 1\n"+leak(10*i+2)
			}
			repo.Commit(branch, base, kind+branch, map[string]string{"a.py": text})
			number := 0
			if kind == "push" {
				number = c.numbered(branch)
				repo.SyncPull(number)
			} else {
				number = repo.OpenPull("Change", "", "main", branch, "mona", false)
				c.mu.Lock()
				c.branches[branch] = number
				c.mu.Unlock()
			}
			if err := c.await(repo, number, time.Now()); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	c.settled()
}

func (c *crowd) numbered(branch string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.branches[branch]
}

var numbers = regexp.MustCompile(`/(main\.\.\.)?[0-9a-f]{40}\b|/\d+`)

// countRequests counts the requests to GitHub from now on. The function it returns gives how many of them count towards
// the limit of an installation, and all by kind, divided by n.
func countRequests(github *fakegithub.Server) func(n float64) (limited float64, text string) {
	var mu sync.Mutex
	kinds := map[string]int{}
	github.Before(func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		path := strings.TrimPrefix(r.URL.Path, "/api/v3")
		if owner := regexp.MustCompile(`^(/repos)?/acme\d+/[a-z.]+`); owner.MatchString(path) {
			path = owner.ReplaceAllString(path, "${1}/O/R")
		}
		kinds[r.Method+" "+numbers.ReplaceAllString(path, "/N")]++
	})
	return func(n float64) (limited float64, text string) {
		github.Before(nil)
		mu.Lock()
		defer mu.Unlock()
		var words []string
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			words = append(words, fmt.Sprintf("%.2f %s", float64(kinds[kind])/n, kind))
			// Git and the requests of the App itself have no such limit.
			if !strings.Contains(kind, "/O/R.git") && !strings.Contains(kind, " /O/R/") && !strings.Contains(kind, "/app") {
				limited += float64(kinds[kind]) / n
			}
		}
		return limited, strings.Join(words, ", ")
	}
}

// A measure is the size of a database.
type measure struct {
	bytes   int64
	written int64 // transactions that wrote so far, those within others included; only of Postgres
	tables  map[string]int64
}

func measureDatabase(b *testing.B, url string) (m measure) {
	b.Helper()
	db := openSQL(b, url)
	defer db.Close()
	m.tables = map[string]int64{}
	perTable := `SELECT name, sum(pgsize) FROM dbstat GROUP BY name`
	if strings.HasPrefix(url, "sqlite:") {
		if err := db.QueryRowContext(b.Context(), `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&m.bytes); err != nil {
			b.Fatal(err)
		}
	} else {
		perTable = `SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`
		if err := db.QueryRowContext(b.Context(), `SELECT pg_database_size(current_database()), pg_current_xact_id()::text::bigint`).Scan(&m.bytes, &m.written); err != nil {
			b.Fatal(err)
		}
	}
	rows, err := db.QueryContext(b.Context(), perTable)
	if err != nil {
		return m // SQLite may be built without dbstat
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var size int64
		if err := rows.Scan(&name, &size); err != nil {
			b.Fatal(err)
		}
		m.tables[name] = size
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return m
}

// growth lists the tables that grew, the largest first.
func growth(before, after measure, n float64) string {
	type grown struct {
		name string
		by   float64
	}
	var list []grown
	for name, size := range after.tables {
		if by := float64(size-before.tables[name]) / n; by > 0 {
			list = append(list, grown{name, by})
		}
	}
	slices.SortFunc(list, func(a, b grown) int { return int(b.by - a.by) })
	var words []string
	for _, g := range list {
		words = append(words, fmt.Sprintf("%s %.0f", g.name, g.by))
	}
	return strings.Join(words, ", ")
}
