package mirror

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func mustURL(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// BenchmarkFetch measures the time from an empty mirror to the patch of one pull request and the contents of its
// changed files: 20 of 2,000 files of about 4 kB that do not compress well. Both ways run side by side against
// one server, git's own over HTTP on the loopback address, each iteration in a new mirror.
//
//   - blobless: what this package does, a fetch of both commits without blobs, and one of
//     the changed blobs.
//   - shallow: one fetch of both commits with all their blobs.
//
// Besides the time, compare B/net, the bytes of the server's answers, and requests:
//
//	go test -run '^$' -bench Fetch -benchtime 20x ./app/mirror
func BenchmarkFetch(b *testing.B) {
	s := serve(b)
	repo := s.repo(b, "r")
	x := uint64(1)
	text := func() string {
		var t strings.Builder
		for range 200 {
			x = x*6364136223846793005 + 1442695040888963407
			fmt.Fprintf(&t, "line %x\n", x)
		}
		return t.String()
	}
	var files, changed []edit
	for i := range 2000 {
		files = append(files, put(fmt.Sprintf("d%d/e%d/f%d", i%20, i%100, i), text()))
		if i%100 == 0 {
			changed = append(changed, put(fmt.Sprintf("d%d/e%d/f%d", i%20, i%100, i), text()))
		}
	}
	base := repo.commit(b, "refs/heads/main", nil, files...)
	head := repo.commit(b, "refs/pull/1/head", []string{base}, changed...)

	get := map[string]func(*Repo) error{
		"blobless": func(r *Repo) error { return r.Fetch(b.Context(), Want{SHAs: []string{base, head}}) },
		"shallow": func(r *Repo) error {
			dir := r.remote.files.dir()
			env, config, secrets := online(r.remote.url, testToken)
			config = slices.DeleteFunc(config, func(kv [2]string) bool { return strings.HasPrefix(kv[0], "remote.origin.p") })
			_, err := r.git.output(b.Context(), call{
				args: []string{"fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--stdin", "origin"},
				dir:  dir, env: append(env, "GIT_DIR="+dir), config: config, secrets: secrets, in: base + "\n" + head + "\n",
			})
			return err
		},
	}
	for _, name := range []string{"blobless", "shallow"} {
		b.Run(name, func(b *testing.B) {
			requests, bytes := s.requests.Load(), s.bytes.Load()
			for b.Loop() {
				r := openMirror(b, s, "r", Limits{})
				if err := get[name](r); err != nil {
					b.Fatal(err)
				}
				d, err := r.Diff(b.Context(), base, head)
				if err != nil || len(d.Changes) != 20 {
					b.Fatal(err)
				}
				var oids []string
				for _, c := range d.Changes {
					oids = append(oids, c.NewBlob)
				}
				readBlobs(b, r, oids...)
			}
			b.ReportMetric(float64(s.requests.Load()-requests)/float64(b.N), "requests/op")
			b.ReportMetric(float64(s.bytes.Load()-bytes)/float64(b.N), "B/net/op")
		})
	}
}
