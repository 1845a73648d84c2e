package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/audit"
	"github.com/secbydesign/secbydesign/app/ledger"
)

// An Audit says which chains of decisions to verify or to export.
type Audit struct {
	DataDir  string
	Database string // as in [Settings]
	Org      string // empty for all
	Head     string // a hash that somebody kept; empty for none
	File     string // an exported file in place of the database; empty for none
	Part     bool   // the file holds a part of a chain

	Repo  string // "owner/name"; empty for all
	Since string // YYYY-MM-DD; empty for all
}

// maxAuditProblems bounds how many problems are printed.
const maxAuditProblems = 100

var (
	kept     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	repoName = regexp.MustCompile(`^[^/\s]+/[^/\s]+$`)
)

// VerifyAudit checks that the recorded decisions are whole and prints what it finds. whole reports whether they are. The
// error is a sentence for the user of the command.
func VerifyAudit(ctx context.Context, w io.Writer, o Audit) (whole bool, err error) {
	o.Head = strings.ToLower(o.Head)
	if o.Head != "" && !kept.MatchString(o.Head) {
		return false, fmt.Errorf("--head is %q: write the 64 hex digits that `audit verify` printed", o.Head)
	}
	if o.Part && o.File == "" {
		return false, errors.New("--part is for an exported file: name it with --file")
	}
	c, err := o.check(ctx)
	if err != nil {
		return false, err
	}
	return writeVerified(w, c, o)
}

// check reads what is to be verified.
func (o Audit) check(ctx context.Context) (c *audit.Checker, err error) {
	if o.File != "" {
		f, err := os.Open(o.File)
		if err != nil {
			return nil, fmt.Errorf("the exported file cannot be read: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		c = &audit.Checker{Part: o.Part, Kept: o.Head}
		if err := c.File(f); err != nil {
			return nil, fmt.Errorf("%s: %w", o.File, err)
		}
		c.Finish()
		return c, nil
	}
	l, err := openReader(ctx, o.DataDir, o.Database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	c, err = l.VerifyChain(ctx, o.Org, o.Head)
	return c, chainError(err)
}

// chainError explains an error to the user of a command.
func chainError(err error) error {
	if errors.Is(err, ledger.ErrNoChain) {
		return errors.New("the database is from a version without a chain: start the server of this version once, which makes it")
	}
	return err
}

// writeVerified prints the problems, and each chain without one.
func writeVerified(w io.Writer, c *audit.Checker, o Audit) (whole bool, err error) {
	out := bufio.NewWriter(w)
	broken := map[string]bool{}
	n := 0
	for _, p := range c.Problems {
		if o.File != "" && o.Org != "" && p.Org != "" && !strings.EqualFold(p.Org, o.Org) {
			continue
		}
		broken[p.Org] = true
		if n++; n <= maxAuditProblems {
			fmt.Fprintf(out, "%s.\n", Shown(errors.New(p.String())))
		}
	}
	if n > maxAuditProblems {
		fmt.Fprintf(out, "There are %d more problems.\n", n-maxAuditProblems)
	}
	said := 0
	for _, s := range c.States() {
		if broken[s.Org] || o.Org != "" && !strings.EqualFold(s.Org, o.Org) {
			continue
		}
		said++
		fmt.Fprintf(out, "%s: whole, %s, head %s\n", Shown(errors.New(s.Org)), entries(s), s.Hash)
	}
	switch {
	case n > 0:
		fmt.Fprintln(out, "The record is not whole.")
	case said == 0 && o.Org != "":
		fmt.Fprintf(out, "Nothing was decided in %s.\n", o.Org)
	case said == 0:
		fmt.Fprintln(out, "Nothing was decided yet.")
	}
	return n == 0, out.Flush()
}

// entries describes the length of a chain.
func entries(s audit.State) string {
	text := fmt.Sprintf("%d entries", s.Length)
	if s.Length == 1 {
		text = "1 entry"
	}
	if s.First > 1 {
		text = fmt.Sprintf("entries %d to %d", s.First, s.Length)
	}
	if s.Adopted > 0 {
		text += fmt.Sprintf(" (%d adopted)", s.Adopted)
	}
	return text
}

// ExportAudit writes the chained decisions as JSON lines. The error is a sentence for the user of the command.
func ExportAudit(ctx context.Context, w io.Writer, o Audit) (err error) {
	f := ledger.ChainFilter{Org: o.Org, Repo: o.Repo}
	if o.Repo != "" && !repoName.MatchString(o.Repo) {
		return fmt.Errorf("--repo is %q: write OWNER/NAME", o.Repo)
	}
	if o.Since != "" {
		if f.Since, err = time.Parse(time.DateOnly, o.Since); err != nil {
			return fmt.Errorf("--since is %q: write a day such as 2026-01-31", o.Since)
		}
	}
	l, err := openReader(ctx, o.DataDir, o.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	out := bufio.NewWriter(w)
	err = l.ChainLines(ctx, f, func(line []byte) error {
		_, err := out.Write(append(line, '\n'))
		return err
	})
	return chainError(errors.Join(err, out.Flush()))
}
