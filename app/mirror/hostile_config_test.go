package mirror

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners/programtest"
)

// A hostileKey is a key of git's configuration with which a repository could make git run a program, use another
// address, or show other content. In value, PROGRAM is a program that leaves a mark, and DIR its folder.
type hostileKey struct {
	key, value string
	control    []string // arguments of a git that does run it, if that needs no network or terminal
}

var hostileKeys = []hostileKey{
	{"core.fsmonitor", "PROGRAM", []string{"status"}},
	{"core.hooksPath", "DIR", []string{"commit", "--allow-empty", "-m", "x"}},
	{"core.pager", "PROGRAM", nil},
	{"core.editor", "PROGRAM", []string{"commit", "--allow-empty"}},
	{"core.sshCommand", "PROGRAM", []string{"ls-remote", "ssh://host/x"}},
	{"core.gitProxy", "PROGRAM", []string{"ls-remote", "git://host/x"}},
	{"core.askPass", "PROGRAM", nil},
	{"core.alternateRefsCommand", "PROGRAM", nil},
	{"core.attributesFile", "DIR/attributes", nil},
	{"core.excludesFile", "DIR/excludes", nil},
	{"core.worktree", "DIR", nil},
	{"core.preloadIndex", "true", nil},
	{"core.splitIndex", "true", nil},
	{"core.untrackedCache", "true", nil},
	{"core.commitGraph", "true", nil},
	{"core.multiPackIndex", "true", nil},
	{"core.repositoryFormatVersion", "1", nil},
	{"core.logAllRefUpdates", "always", nil},
	{"core.createObject", "rename", nil},
	{"sequence.editor", "PROGRAM", nil},
	{"diff.external", "PROGRAM", []string{"diff", "HEAD~"}},
	{"diff.evil.command", "PROGRAM", []string{"diff", "HEAD~"}},
	{"diff.evil.textconv", "PROGRAM", []string{"diff", "HEAD~"}},
	{"diff.evil.cachetextconv", "true", nil},
	{"diff.orderFile", "DIR/order", nil},
	{"diff.tool", "evil", nil},
	{"difftool.evil.cmd", "PROGRAM", []string{"difftool", "--no-prompt", "--tool=evil", "HEAD~"}},
	{"difftool.evil.path", "PROGRAM", nil},
	{"mergetool.evil.cmd", "PROGRAM", nil},
	{"merge.evil.driver", "PROGRAM", nil},
	{"merge.tool", "evil", nil},
	{"filter.evil.clean", "PROGRAM", []string{"add", "--renormalize", "."}},
	{"filter.evil.smudge", "PROGRAM", []string{"checkout", "HEAD~", "--", "f"}},
	{"filter.evil.process", "PROGRAM", []string{"add", "--renormalize", "."}},
	{"filter.evil.required", "true", nil},
	{"filter.lfs.process", "PROGRAM", nil},
	{"interactive.diffFilter", "PROGRAM", nil},
	{"credential.helper", "!PROGRAM", []string{"credential", "fill"}},
	{"credential.https://github.com.helper", "!PROGRAM", nil},
	{"gpg.program", "PROGRAM", []string{"-c", "commit.gpgSign=true", "commit", "--allow-empty", "-m", "x"}},
	{"gpg.ssh.program", "PROGRAM", nil},
	{"gpg.x509.program", "PROGRAM", nil},
	{"gpg.ssh.defaultKeyCommand", "PROGRAM", []string{"-c", "gpg.format=ssh", "-c", "commit.gpgSign=true", "commit", "--allow-empty", "-m", "x"}},
	{"log.showSignature", "true", nil},
	{"alias.rev-parse", "!PROGRAM", nil},
	{"alias.evil", "!PROGRAM", []string{"evil"}},
	{"pager.rev-parse", "PROGRAM", nil},
	{"pager.log", "PROGRAM", nil},
	{"uploadpack.packObjectsHook", "PROGRAM", nil},
	{"uploadpack.allowAnySHA1InWant", "true", nil},
	{"uploadarchive.allowUnreachable", "true", nil},
	{"remote.origin.url", "ext::PROGRAM", nil},
	{"remote.origin.uploadpack", "PROGRAM", []string{"fetch", "--upload-pack=PROGRAM", "."}},
	{"remote.origin.receivepack", "PROGRAM", nil},
	{"remote.origin.vcs", "ext", nil},
	{"remote.origin.proxy", "http://127.0.0.1:9", nil},
	{"remote.origin.promisor", "true", nil},
	{"extensions.partialClone", "origin", nil},
	{"extensions.worktreeConfig", "true", nil},
	{"extensions.refStorage", "reftable", nil},
	{"extensions.unknown", "true", nil},
	{"url.ext::PROGRAM #.insteadOf", "https://", nil},
	{"protocol.ext.allow", "always", []string{"ls-remote", "ext::PROGRAM x"}},
	{"protocol.allow", "always", nil},
	{"http.proxy", "http://127.0.0.1:9", nil},
	{"http.sslCert", "DIR/cert", nil},
	{"http.sslKey", "DIR/key", nil},
	{"http.cookieFile", "DIR/cookies", nil},
	{"http.extraHeader", "X: y", nil},
	{"ssh.variant", "simple", nil},
	{"submodule.module.update", "!PROGRAM", nil},
	{"submodule.module.url", "ext::PROGRAM", nil},
	{"submodule.recurse", "true", nil},
	{"fetch.recurseSubmodules", "true", nil},
	{"fetch.writeCommitGraph", "true", nil},
	{"include.path", "DIR/more", nil},
	{"includeIf.gitdir:/.path", "DIR/more", nil},
	{"trailer.evil.command", "PROGRAM", []string{"interpret-trailers", "--trailer", "evil", "f"}},
	{"trailer.evil.cmd", "PROGRAM", nil},
	{"init.templateDir", "DIR", nil},
	{"gc.auto", "1", nil},
	{"gc.recentObjectsHook", "PROGRAM", nil},
	{"maintenance.auto", "true", nil},
	{"maintenance.strategy", "incremental", nil},
	{"browser.evil.cmd", "PROGRAM", nil},
	{"web.browser", "evil", nil},
	{"man.evil.cmd", "PROGRAM", nil},
	{"help.browser", "evil", nil},
	{"help.autoCorrect", "immediate", nil},
	{"tar.evil.command", "PROGRAM", []string{"archive", "--format=evil", "HEAD"}},
	{"tar.tar.gz.command", "PROGRAM", []string{"archive", "--format=tar.gz", "HEAD"}},
	{"sendemail.smtpServer", "PROGRAM", nil},
	{"sendemail.toCmd", "PROGRAM", nil},
	{"instaweb.httpd", "PROGRAM", nil},
	{"guitool.evil.cmd", "PROGRAM", nil},
	{"imap.tunnel", "PROGRAM", nil},
	{"receive.procReceiveRefs", "refs", nil},
	{"rebase.instructionFormat", "%H", nil},
	{"notes.rewriteRef", "refs/notes/x", nil},
	{"blame.ignoreRevsFile", "DIR/revs", nil},
	{"mailmap.file", "DIR/mailmap", nil},
	{"commit.template", "DIR/template", nil},
	{"versionsort.suffix", "-", nil},
	{"transfer.fsckObjects", "true", nil},
	{"safe.directory", "", nil},
	{"user.signingKey", "DIR/key", nil},
	{"status.submoduleSummary", "true", nil},
	{"color.ui", "always", nil},
	{"diff.noprefix", "true", nil},
	{"diff.mnemonicPrefix", "true", nil},
	{"diff.algorithm", "histogram", nil},
	{"diff.ignoreSubmodules", "all", nil},
	{"diff.suppressBlankEmpty", "true", nil},
	{"diff.renames", "copies", nil},
	{"core.quotePath", "false", nil},
	{"core.abbrev", "4", nil},
	{"core.warnAmbiguousRefs", "false", nil},
	{"core.sparseCheckout", "true", nil},
	{"core.ignoreStat", "true", nil},
	{"core.checkStat", "minimal", nil},
	{"core.trustctime", "false", nil},
	{"core.bigFileThreshold", "1", nil},
	{"core.useReplaceRefs", "true", nil},
}

// hostileHooks are the names of all hooks that git runs, for the repository and for DIR.
var hostileHooks = []string{
	"applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg", "commit-msg", "post-commit",
	"pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-receive", "update", "proc-receive", "post-receive", "post-update",
	"reference-transaction", "push-to-checkout", "pre-auto-gc", "post-rewrite", "sendemail-validate", "fsmonitor-watchman", "query-watchman",
	"p4-changelist", "p4-prepare-changelist", "p4-post-changelist", "p4-pre-submit", "post-index-change",
}

// TestHostileConfiguration uses a repository whose configuration names a program wherever git can run one:
// nothing may run, nothing may be written, and the content must be the same.
func TestHostileConfiguration(t *testing.T) {
	t.Parallel()
	if len(hostileKeys) < 60 {
		t.Fatalf("only %d keys", len(hostileKeys))
	}
	clone := workTree(t)
	clone.write(t, ".gitattributes", "* filter=evil diff=evil merge=evil ident\nenc.txt working-tree-encoding=UTF-16LE\n*.lfs filter=lfs diff=lfs export-subst\n")
	clone.write(t, "f", "2\n")
	clone.write(t, "enc.txt", "a\x00\n\x00")
	clone.write(t, ".gitmodules", "[submodule \"module\"]\n\tpath = module\n\turl = ext::nothing\n\tupdate = !nothing\n")
	clone.git(t, "", "-c", "core.attributesFile=/dev/null", "add", "--all")
	clone.git(t, "", "commit", "--quiet", "--message=2")
	head := clone.git(t, "", "rev-parse", "HEAD")
	clone.write(t, "f", "3\n")
	clone.write(t, "new.lfs", "large\n")
	want, err := hostileReview(t, clone.dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(want, "modified f f") || !slices.Contains(want, "added  new.lfs") || !slices.Contains(want, "@"+head) {
		t.Fatalf("seen is %q", want)
	}
	// prepare creates a copy with some of the keys.
	prepare := func(t *testing.T, keys ...hostileKey) (b *builder, program, mark string) {
		b = clone.copyOf(t)
		dir := t.TempDir()
		program, mark = filepath.Join(dir, "program"), filepath.Join(dir, "mark")
		programtest.Write(t, program, "#!/bin/sh\necho \"$0 $*\" >> "+mark+"\nexit 1\n")
		for _, hook := range hostileHooks {
			check(t, errors.Join(os.MkdirAll(b.dir+"/.git/hooks", 0o700), os.RemoveAll(b.dir+"/.git/hooks/"+hook)))
			check(t, errors.Join(os.Symlink(program, filepath.Join(b.dir, ".git/hooks", hook)), os.Symlink(program, filepath.Join(dir, hook))))
		}
		b.write(t, ".git/info/attributes", "* filter=evil diff=evil merge=evil\n")
		for name, text := range map[string]string{
			"attributes": "* filter=evil\n", "excludes": "*\n", "order": "z\n", "more": "[core]\n\tfsmonitor = " + program + "\n[alias]\n\trev-parse = !" + program + "\n",
		} {
			check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		named := strings.NewReplacer("PROGRAM", program, "DIR", dir)
		for _, k := range keys {
			section, name := k.key[:strings.LastIndex(k.key, ".")], k.key[strings.LastIndex(k.key, ".")+1:]
			if kind, of, ok := strings.Cut(named.Replace(section), "."); ok {
				section = fmt.Sprintf("%s %q", kind, of)
			}
			f, err := os.OpenFile(filepath.Join(b.dir, ".git/config"), os.O_APPEND|os.O_WRONLY, 0)
			check(t, err)
			_, err = fmt.Fprintf(f, "[%s]\n\t%s = %q\n", section, name, named.Replace(k.value))
			check(t, errors.Join(err, f.Close()))
		}
		return b, program, mark
	}
	look := func(t *testing.T, keys ...hostileKey) {
		b, _, mark := prepare(t, keys...)
		before := list(t, b.dir)
		got, err := hostileReview(t, b.dir)
		if ran, err := os.ReadFile(mark); err == nil {
			t.Errorf("it ran:\n%s", ran)
		}
		// A repository that git does not understand, or whose files are elsewhere, is refused.
		if err == nil && !slices.Equal(got, want) {
			t.Errorf("seen is\n%q, want\n%q", got, want)
		}
		unchanged(t, b.dir, before)
	}
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		var keys []hostileKey
		for _, k := range hostileKeys {
			if !strings.HasPrefix(k.key, "extensions.") && k.key != "core.worktree" {
				keys = append(keys, k)
			}
		}
		look(t, keys...)
	})
	for _, k := range hostileKeys {
		if !strings.Contains(k.value, "PROGRAM") && !strings.HasPrefix(k.key, "extensions.") && !strings.Contains(k.value, "DIR") {
			continue // git runs nothing for it by itself
		}
		t.Run(k.key, func(t *testing.T) {
			t.Parallel()
			look(t, k)
			if len(k.control) == 0 {
				return
			}
			b, program, mark := prepare(t, k)
			var args []string
			for _, a := range k.control {
				args = append(args, strings.ReplaceAll(a, "PROGRAM", program))
			}
			plain := exec.CommandContext(t.Context(), "git", append([]string{"-C", b.dir}, args...)...)
			plain.Env, plain.Stdin = testEnv(), strings.NewReader("protocol=https\nhost=x\n\n")
			out, _ := plain.CombinedOutput()
			if _, err := os.Stat(mark); err != nil {
				t.Errorf("an unguarded git %q does not run it either, so this shows nothing:\n%s", args, out)
			}
		})
	}
}

// hostileReview uses a repository in every way that a review does, and returns the content that it saw.
func hostileReview(t *testing.T, dir string) (seen []string, err error) {
	t.Helper()
	ctx := t.Context()
	r, err := OpenLocal(ctx, dir)
	if err != nil {
		return nil, err
	}
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	base, err := r.Resolve(ctx, "HEAD~")
	if err != nil {
		return nil, err
	}
	if _, err := r.Resolve(ctx, strings.Repeat("1", 40)); err == nil {
		t.Error("a missing commit is resolved")
	}
	seen = append(seen, "@"+head, "@"+base)
	if _, err := r.MergeBase(ctx, base, head); err != nil {
		return seen, err
	}
	if _, err := r.Commits(ctx, base, head); err != nil {
		return seen, err
	}
	if _, err := r.Versions(ctx, []string{head}); err != nil {
		return seen, err
	}
	tree, done, err := r.Snapshot(ctx)
	if err != nil {
		return seen, err
	}
	defer done()
	d, err := r.Diff(ctx, base, tree)
	if err != nil {
		return seen, err
	}
	for _, c := range d.Changes {
		seen = append(seen, string(c.Kind)+" "+c.OldPath+" "+c.NewPath)
	}
	seen = append(seen, string(d.Patch))
	for _, path := range []string{"f", "new.lfs", ".gitattributes"} {
		text, _, err := r.ReadFile(ctx, tree, path)
		if err != nil {
			return seen, err
		}
		seen = append(seen, path+": "+string(text))
	}
	lacking(t, r)
	return seen, nil
}
