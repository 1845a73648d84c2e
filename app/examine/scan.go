package examine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/tracing"
	"github.com/secbydesign/secbydesign/scanners"
)

// A scan is one scanner at work on one change.
type scan struct {
	scanner scanners.Scanner
	info    scanners.Info
	source  *source
	policy  policy.Policy
	keep    *Examiner
	ident   string        // everything but the content that decides the findings
	cores   chan struct{} // full while all cores are busy
	scanned int
}

// run runs one scanner over both sides and over the versions in between.
func (e *Examiner) run(ctx context.Context, sc scanners.Scanner, s *source, p policy.Policy, known []baseline.Known) scanners.Run {
	return e.frame(ctx, sc, s, p, func(ctx context.Context, look *scan, run *scanners.Run) []error {
		info := look.info
		in := baseline.Input{Renames: s.renames, Change: s.texts, Known: known}
		var atHead, inHistory, atBase []error
		in.Head, atHead = look.side(ctx, s.change.Head, s.head.files)
		in.History, inHistory = look.files(ctx, scanners.ScopeRange, s.between.files)
		in.Versions = s.versions(info, in.History)
		slices.SortStableFunc(in.History, func(a, b scanners.Finding) int { return s.order[a.Commit] - s.order[b.Commit] })
		in.Base, atBase = look.side(ctx, s.change.Base, s.base.files)
		c := s.compare(info, in, newUnread(info, atHead), newUnread(info, atBase))
		run.Results, run.Notices = look.withoutBases(ctx, in, c.results), c.notices
		if n, ok := sc.(scanners.Noticer); ok {
			run.Notices = append(run.Notices, n.Notices(ctx, s.head.files)...)
		}
		return slices.Concat(c.failed, inHistory, s.gaps(info, p))
	})
}

// frame runs one scanner within its budget if the change concerns it and it is ready. work calls it, and returns why it
// could not finish.
func (e *Examiner) frame(ctx context.Context, sc scanners.Scanner, s *source, p policy.Policy, work func(context.Context, *scan, *scanners.Run) []error) (run scanners.Run) {
	review := ctx
	ctx, cancel := context.WithTimeout(ctx, p.Budget.Scanner)
	defer cancel()
	info := sc.Info()
	span := trace.SpanFromContext(context.Background()) // none for a scanner that has nothing to do
	run = scanners.Run{Scanner: info.Name, Gate: info.Gate}
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			run.Err = fmt.Errorf("scan with %s: panic: %v", info.Name, p)
		}
		run.Duration = time.Since(began)
		if run.Err != nil {
			zerolog.Ctx(ctx).Warn().Err(run.Err).Str("scanner", info.Name).Msg("scanner did not finish")
		}
		if e.Observe != nil {
			e.Observe(ctx, run)
		}
		tracing.End(ctx, span, run.Err)
	}()
	if !s.concerns(info, p) {
		run.Idle = true
		return run
	}
	ctx, span = tracing.Start(ctx, "scan "+info.Name)
	ident, err := e.identify(ctx, sc, &run)
	var missing *scanners.MissingError
	var incomplete *scanners.IncompleteError
	switch {
	case errors.As(err, &missing) && !p.Scanners[info.Name]:
		run.Skipped = missing.Hint
		return run
	case errors.As(err, &incomplete):
		run.Err = err
		return run
	case err != nil:
		// Both [scanners.Scanner] and [scanners.Ruled] promise an error text that may be shown.
		run.Err = &scanners.IncompleteError{Reason: err.Error(), Err: err}
		return run
	}
	look := &scan{scanner: sc, info: info, source: s, policy: p, keep: e, ident: ident, cores: s.cores}
	failed := work(ctx, look, &run)
	run.Scanned = look.scanned
	run.Err = join(failed)
	if review.Err() != nil { // nobody waits for it any more
		run.Results, run.Notices, run.Err = nil, nil, context.Cause(review)
	}
	return run
}

// side runs the scanner over one side: the changed files, the whole tree, or both.
func (c *scan) side(ctx context.Context, rev string, files []scanners.File) ([]scanners.Finding, []error) {
	found, failed := c.files(ctx, scanners.ScopeFile, files)
	inTree, err := c.tree(ctx, rev)
	if err != nil {
		failed = append(failed, err)
	}
	return append(found, inTree...), failed
}

// identify returns a text of everything but the content that decides what the scanner finds.
func (e *Examiner) identify(ctx context.Context, sc scanners.Scanner, run *scanners.Run) (string, error) {
	var err error
	if run.Version, err = sc.Version(ctx); err != nil {
		return "", err
	}
	rules := ""
	if ruled, ok := sc.(scanners.Ruled); ok {
		if rules, err = ruled.Rules(ctx); err != nil {
			return "", err
		}
	}
	return strings.Join([]string{"3", e.Program, run.Scanner, run.Version, rules}, "\x00"), nil
}

// wants reports whether the scanner scans the file.
func (c *scan) wants(path string) bool { return wants(c.info, c.policy, path) }

func wants(info scanners.Info, p policy.Policy, path string) bool {
	return info.Matches(path) && !p.Skips(info.Gate, path)
}

// concerns reports whether the change has a file, on either side, that the scanner scans.
func (s *source) concerns(info scanners.Info, p policy.Policy) bool {
	sides := [][]scanners.File{s.head.files, s.base.files}
	if info.Has(scanners.ScopeRange) {
		if s.partial != "" {
			return true // nobody knows what is in the rest
		}
		sides = append(sides, s.between.files)
	}
	for _, files := range sides {
		if slices.ContainsFunc(files, func(f scanners.File) bool { return wants(info, p, f.Path) }) {
			return true
		}
	}
	return slices.ContainsFunc(s.large, func(f largeFile) bool { return wants(info, p, f.path) })
}

// gaps returns an error for everything that the scanner could not be given.
func (s *source) gaps(info scanners.Info, p policy.Policy) (gaps []error) {
	var large, absent []string
	for _, f := range s.large {
		switch {
		case !wants(info, p, f.path):
		case f.size == mirror.Absent:
			absent = append(absent, f.path)
		default:
			large = append(large, fmt.Sprintf("%s (%d MB)", f.path, f.size>>20))
		}
	}
	if len(absent) > 0 && info.Has(scanners.ScopeFile) {
		gaps = append(gaps, &scanners.IncompleteError{Reason: "Not in this clone, so not scanned: " + scanners.Some(absent, 3) + ". " + s.change.Repo.Advice(), Paths: absent})
	}
	if len(large) > 0 && info.Has(scanners.ScopeFile) {
		gaps = append(gaps, &scanners.IncompleteError{Reason: "Too large to be scanned: " + scanners.Some(large, 3) + "."})
	}
	if s.truncated != "" {
		gaps = append(gaps, &scanners.IncompleteError{Reason: s.truncated})
	}
	if s.partial != "" && info.Has(scanners.ScopeRange) {
		gaps = append(gaps, &scanners.IncompleteError{Reason: s.partial})
	}
	return gaps
}

// files runs the scanner over those of the files that match it, and reuses stored results.
func (c *scan) files(ctx context.Context, scope scanners.Scope, files []scanners.File) (found []scanners.Finding, failed []error) {
	if !c.info.Has(scope) {
		return nil, nil
	}
	files = slices.DeleteFunc(slices.Clone(files), func(f scanners.File) bool { return !c.wants(f.Path) })
	if len(files) == 0 {
		return nil, nil
	}
	keys := make([]string, len(files))
	for i, f := range files {
		keys[i] = c.key(string(scope), f.Path, blob(f))
	}
	if c.info.CrossFile {
		all := strings.Join(slices.Sorted(slices.Values(keys)), "\x00")
		for i := range keys {
			keys[i] = c.key(string(scope), keys[i], all)
		}
	}
	have := c.known(ctx, keys)
	if c.info.CrossFile && len(have) < len(keys) {
		have = nil
	}
	var left []scanners.File
	at := map[fileVersion]string{} // of those that are left
	for i, f := range files {
		before, ok := have[keys[i]]
		if !ok {
			left, at[fileVersion{f.Path, f.Commit}] = append(left, f), keys[i]
			continue
		}
		for _, finding := range before {
			finding.Commit = f.Commit
			found = append(found, finding)
		}
	}
	fresh, failed := c.scanParts(ctx, scope, left, at)
	return append(found, fresh...), failed
}

// scanParts runs the scanner over the files in parts, several at a time if it is built in. A program is started for one
// part after the other, since each may use the memory that a program gets.
func (c *scan) scanParts(ctx context.Context, scope scanners.Scope, left []scanners.File, at map[fileVersion]string) (found []scanners.Finding, failed []error) {
	parts := slices.Collect(c.parts(left))
	results, errs := make([][]scanners.Finding, len(parts)), make([]error, len(parts))
	var group errgroup.Group
	group.SetLimit(1)
	if c.info.Program == "" {
		group.SetLimit(cap(c.cores))
	}
	for i, part := range parts {
		if ctx.Err() != nil {
			errs[i] = context.Cause(ctx)
			break
		}
		c.scanned += len(part)
		group.Go(func() error {
			results[i], errs[i] = c.scan(ctx, scanners.Target{Scope: scope, Files: part})
			read, inRead := c.read(part, results[i], errs[i])
			c.remember(ctx, byFile(keysOf(at, read), inRead))
			return nil
		})
	}
	_ = group.Wait()
	return slices.Concat(results...), slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// scan calls the scanner when a core is free.
func (c *scan) scan(ctx context.Context, t scanners.Target) (found []scanners.Finding, err error) {
	select {
	case c.cores <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-c.cores }()
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, fmt.Errorf("scan with %s: panic: %v", c.info.Name, p)
		}
	}()
	found, err = c.scanner.Scan(ctx, t)
	baseline.Seal(found)
	return found, err
}

const (
	// The findings of one part of the files are stored before the scanner gets the next, so that the work of an
	// interrupted attempt is not lost. A program is started for each part. A scanner that is built in needs no
	// start, and smaller parts use all cores to the end.
	partFiles, builtInFiles = 500, 100
	partBytes, builtInBytes = 32 << 20, 4 << 20
)

// parts divides files. If the scanner judges files together, they stay in one part.
func (c *scan) parts(files []scanners.File) iter.Seq[[]scanners.File] {
	most, room := partFiles, partBytes
	if c.info.Program == "" {
		most, room = builtInFiles, builtInBytes
	}
	return func(yield func([]scanners.File) bool) {
		for len(files) > 0 {
			n, size := 1, len(files[0].Content)
			for n < len(files) && (c.info.CrossFile || n < most && size+len(files[n].Content) <= room) {
				size += len(files[n].Content)
				n++
			}
			if !yield(files[:n:n]) {
				return
			}
			files = files[n:]
		}
	}
}

// keysOf returns the keys of some of the files.
func keysOf(at map[fileVersion]string, files []scanners.File) map[fileVersion]string {
	some := map[fileVersion]string{}
	for _, f := range files {
		p := fileVersion{f.Path, f.Commit}
		some[p] = at[p]
	}
	return some
}

// A fileVersion is one version of one file.
type fileVersion struct{ path, commit string }

// read returns those of the files that were scanned to their end, with their findings, given the error of the scan.
func (c *scan) read(files []scanners.File, found []scanners.Finding, err error) ([]scanners.File, []scanners.Finding) {
	if err == nil {
		return files, found
	}
	missed := newUnread(c.info, []error{err})
	if missed.all || c.info.CrossFile {
		return nil, nil
	}
	files = slices.DeleteFunc(slices.Clone(files), func(f scanners.File) bool { return missed.covers(f.Path) })
	return files, without(found, func(f scanners.Finding) bool { return missed.covers(f.Path) })
}

// byFile sorts findings by the file that they are in. It returns nil if a finding is in none of the files.
func byFile(at map[fileVersion]string, found []scanners.Finding) map[string][]scanners.Finding {
	sorted := map[string][]scanners.Finding{}
	for _, key := range at {
		sorted[key] = []scanners.Finding{}
	}
	for _, f := range found {
		key, ok := at[fileVersion{f.Path, f.Commit}]
		if !ok {
			return nil
		}
		f.Commit = ""
		sorted[key] = append(sorted[key], f)
	}
	return sorted
}

// blob returns a name for the content of a file.
func blob(f scanners.File) string {
	if f.Blob != "" {
		return f.Blob
	}
	sum := sha256.Sum256(f.Content)
	return hex.EncodeToString(sum[:])
}

// tree runs the scanner over the whole tree of a commit, or reuses the stored result.
func (c *scan) tree(ctx context.Context, rev string) (found []scanners.Finding, err error) {
	if !c.info.Has(scanners.ScopeTree) {
		return nil, nil
	}
	oid, all, err := c.source.change.Repo.Tree(ctx, rev)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(f mirror.TreeFile) bool { return !c.info.Reads(f.Path) })
	if !slices.ContainsFunc(all, func(f mirror.TreeFile) bool { return c.info.Matches(f.Path) }) {
		return nil, nil
	}
	changed, content := c.changed(), oid
	if c.info.ChangedOnly {
		for _, f := range changed {
			content += "\x00" + f.Path
		}
	}
	key := c.key(string(scanners.ScopeTree), "", content)
	found, ok := c.known(ctx, []string{key})[key]
	if !ok {
		c.scanned++
		found, err = c.checkout(ctx, all, changed)
		if err == nil {
			c.remember(ctx, map[string][]scanners.Finding{key: found})
		}
	}
	return slices.DeleteFunc(found, func(f scanners.Finding) bool { return c.policy.Skips(c.info.Gate, f.Path) }), err
}

// changed lists the files of either side that match the scanner. The list is the same for both sides, since a finding
// in a file that is scanned on one side only would look new, or fixed.
func (c *scan) changed() (files []scanners.File) {
	for _, f := range slices.Concat(c.source.head.files, c.source.base.files) {
		if c.info.Reads(f.Path) && c.wants(f.Path) {
			files = append(files, scanners.File{Path: f.Path})
		}
	}
	slices.SortFunc(files, func(a, b scanners.File) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(files, func(a, b scanners.File) bool { return a.Path == b.Path })
}

// checkout exports the files to a temporary folder, runs the scanner over it, and removes it.
func (c *scan) checkout(ctx context.Context, files []mirror.TreeFile, changed []scanners.File) ([]scanners.Finding, error) {
	dir, err := os.MkdirTemp("", "secbydesign-tree-")
	if err != nil {
		return nil, fmt.Errorf("export tree: %w", err)
	}
	defer os.RemoveAll(dir) // what stays is in the folder of temporary files
	left, err := c.source.change.Repo.Export(ctx, files, dir)
	if errors.Is(err, mirror.ErrTooLarge) {
		return nil, &scanners.IncompleteError{Reason: "The repository is too large to be scanned as a whole.", Err: err}
	}
	if err != nil {
		return nil, err
	}
	found, err := c.scan(ctx, scanners.Target{Scope: scanners.ScopeTree, Dir: dir, Files: changed})
	left = slices.DeleteFunc(left, func(name string) bool { return !c.info.Matches(name) }) // of what a scanned file may read
	if err == nil && len(left) > 0 {
		err = &scanners.IncompleteError{Reason: "Too large to be scanned: " + scanners.Some(left, 3) + ".", Paths: left}
	}
	return found, err
}

// key returns a name for a result, made of everything that the result depends on. The path is part of it, because many
// scanners judge a file by its name.
func (c *scan) key(scope, path, content string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.ident, scope, path, content}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// known returns stored results. The ledger only saves work: what it does not have is scanned again.
func (c *scan) known(ctx context.Context, keys []string) map[string][]scanners.Finding {
	if c.keep.Known == nil {
		return nil
	}
	rows, err := c.keep.Known(ctx, keys)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("cannot read the results of earlier scans")
		return nil
	}
	found := map[string][]scanners.Finding{}
	for key, row := range rows {
		var list []scanners.Finding
		if json.Unmarshal(row, &list) == nil {
			found[key] = list
		}
	}
	return found
}

func (c *scan) remember(ctx context.Context, found map[string][]scanners.Finding) {
	if c.keep.Keep == nil || len(found) == 0 {
		return
	}
	rows := map[string][]byte{}
	for key, list := range found {
		row, err := json.Marshal(list)
		if err != nil {
			continue // a number that JSON cannot represent: it is found again the next time
		}
		rows[key] = row
	}
	if err := c.keep.Keep(ctx, rows); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("cannot keep the results of a scan")
	}
}

// join makes one error of several, with all their public reasons; nil if there are none.
func join(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	if len(errs) == 1 {
		return errs[0]
	}
	var reasons []string
	for _, err := range errs {
		reasons = append(reasons, scanners.Reason(err))
	}
	return &scanners.IncompleteError{Reason: strings.Join(slices.Compact(reasons), " "), Err: errors.Join(errs...)}
}
