// Package apptest has what the tests of the whole App share: secrets that open nothing, trees of files that hold them, and
// a PATH without scanners. Only tests import it.
package apptest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/gitleaks"
)

// Token makes up a GitHub token that opens nothing: the same one for the same seed. The source must not hold one, since
// it would be taken for a real one.
func Token(seed int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	rng := rand.New(rand.NewPCG(uint64(seed), 99))
	b := []byte("ghp_")
	for range 36 {
		b = append(b, letters[rng.IntN(len(letters))])
	}
	return string(b)
}

// Leak returns a line of Python, without its end, in which gitleaks finds [Token] of the seed.
func Leak(seed int) string { return fmt.Sprintf("key%d = %q", seed, Token(seed)) }

// Leaked returns the seed of the [Leak] that a line is, indented or not; 0 for any other line.
func Leaked(line string) (seed int) {
	if _, err := fmt.Sscanf(strings.TrimLeft(line, " "), "key%d", &seed); err != nil {
		return 0
	}
	return seed
}

// LeakKey returns the part of a fingerprint that the findings of all copies of a [Leak] share. It panics if gitleaks does
// not find exactly one secret there.
func LeakKey(seed int) string {
	s := gitleaks.Scanner{}
	found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{
		{Path: "x.py", Content: []byte(Leak(seed) + "\n")},
	}})
	if err != nil || len(found) != 1 {
		panic(fmt.Sprintf("leak %d gives %d findings, %v", seed, len(found), err))
	}
	sum := sha256.Sum256([]byte(baseline.Normalise(found[0].Identity))) // a review keeps only this digest
	found[0].Identity = hex.EncodeToString(sum[:])
	key, _, _ := strings.Cut(baseline.Compare(s.Info(), baseline.Input{Head: found})[0].Fingerprint, ":")
	return key
}

// A Tree is the model of one commit: lines, without their ends, by path. Nil is an empty one.
type Tree map[string][]string

// Clone returns a copy that shares nothing with t.
func (t Tree) Clone() Tree {
	out := Tree{}
	for path, lines := range t {
		out[path] = slices.Clone(lines)
	}
	return out
}

// Changes returns what turns before into t, as [fakegithub.Repo.Commit] takes it.
func (t Tree) Changes(before Tree) map[string]string {
	out := map[string]string{}
	for path := range before {
		out[path] = fakegithub.Delete
	}
	for path, lines := range t {
		out[path] = strings.Join(lines, "\n") + "\n"
		if slices.Equal(lines, before[path]) {
			delete(out, path)
		}
	}
	return out
}

// Leaks counts the lines of a tree that are a [Leak], by its seed.
func (t Tree) Leaks() map[int]int {
	n := map[int]int{}
	for _, lines := range t {
		for _, l := range lines {
			if seed := Leaked(l); seed > 0 {
				n[seed]++
			}
		}
	}
	return n
}

// WithFewPrograms calls run with a PATH that holds only git and grep, which the App and its tests start, and returns its
// result: so the findings of a review do not depend on the scanners of the machine. It is for TestMain, changes the
// environment of the process, and panics if one of the two is not installed.
func WithFewPrograms(run func() int) int {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"git", "grep"} {
		if err := os.Symlink(installed(name), filepath.Join(dir, name)); err != nil {
			panic(err)
		}
	}
	if err := os.Setenv("PATH", dir); err != nil {
		panic(err)
	}
	return run()
}

// installed returns the path of a program.
func installed(name string) string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	panic(name + " is not installed")
}
