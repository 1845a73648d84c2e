package webhook_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/webhook"
)

var (
	saneOwner = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
	saneRepo  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	saneSHA   = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// FuzzDelivery signs all of its input, because even a delivery with a valid signature may be invalid.
func FuzzDelivery(f *testing.F) {
	files, err := filepath.Glob("testdata/deliveries/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no deliveries found: %v", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		event, _, _ := strings.Cut(filepath.Base(file), ".")
		f.Add(event, body)
	}
	f.Add("push", []byte(`{"repository":{"owner":5}}`))
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		a := ask(t, deliver(event, body), nil)
		switch a.Code {
		case 202, 400:
		default:
			t.Errorf("answered %d", a.Code)
		}
		if a.outcome == "" {
			t.Error("not observed")
		}
		if (len(a.accepted) == 1) != (a.outcome == string(webhook.Accepted)) {
			t.Errorf("accepted %d deliveries, observed %s", len(a.accepted), a.outcome)
		}
		for _, d := range a.accepted {
			checkSane(t, d.Intent)
		}
	})
}

func checkSane(t *testing.T, in webhook.Intent) {
	repo := func(installation, id int64, owner, name string, shas ...string) {
		if installation < 1 || id < 1 || !saneOwner.MatchString(owner) || !saneRepo.MatchString(name) || name == "." || name == ".." {
			t.Errorf("not sane: %+v", in)
		}
		for _, sha := range shas {
			if !saneSHA.MatchString(sha) {
				t.Errorf("not sane: %+v", in)
			}
		}
	}
	list := func(installation int64, account string, repositories []webhook.Repository) {
		if installation < 1 || account != "" && !saneOwner.MatchString(account) {
			t.Errorf("not sane: %+v", in)
		}
		for _, r := range repositories {
			repo(installation, r.ID, r.Owner, r.Name)
		}
	}
	switch in := in.(type) {
	case webhook.Review:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo, in.BaseSHA, in.HeadSHA)
		if in.Number < 1 || in.Reason == "" {
			t.Errorf("not sane: %+v", in)
		}
	case webhook.Closed:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo, in.BaseSHA, in.HeadSHA)
		if in.Number < 1 {
			t.Errorf("not sane: %+v", in)
		}
	case webhook.Rerun:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo, in.HeadSHA)
		if in.Number < 0 {
			t.Errorf("not sane: %+v", in)
		}
	case webhook.Comment:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo)
		if in.Number < 1 || in.ID < 1 || in.Thread < 0 || !saneOwner.MatchString(in.Sender) || !strings.Contains(strings.ToLower(in.Body), webhook.CommandPrefix) {
			t.Errorf("not sane: %+v", in)
		}
	case webhook.Edited:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo)
		if in.Number < 1 || in.ID < 1 || !saneOwner.MatchString(in.Sender) || in.OldBody == in.NewBody || !strings.Contains(in.OldBody, "<!-- secbydesign:v1 card=") {
			t.Errorf("not sane: %+v", in)
		}
	case webhook.Labeled:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo)
		if in.Number < 1 || !saneOwner.MatchString(strings.TrimSuffix(in.Sender, "[bot]")) {
			t.Errorf("not sane: %+v", in)
		}
	case webhook.Button:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo, in.HeadSHA)
		if in.Number < 0 || in.CheckRun < 1 || in.Identifier == "" || !saneOwner.MatchString(in.Sender) {
			t.Errorf("not sane: %+v", in)
		}
	case webhook.MergeGroup:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo, in.HeadSHA)
		if !strings.HasPrefix(in.Branch, "gh-readonly-queue/") || in.BaseRef == "" || strings.ContainsAny(in.Branch+in.BaseRef, " \n~^:") {
			t.Errorf("not sane: %+v", in)
		}
	case webhook.PolicyChanged:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo, in.HeadSHA)
	case webhook.Renamed:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo)
	case webhook.Transferred:
		repo(in.Installation, in.RepoID, in.Owner, in.Repo)
	case webhook.Installed:
		list(in.Installation, in.Account, in.Repositories)
	case webhook.RepositoriesAdded:
		list(in.Installation, in.Account, in.Repositories)
	case webhook.RepositoriesRemoved:
		list(in.Installation, in.Account, in.Repositories)
	case webhook.Uninstalled:
		list(in.Installation, in.Account, nil)
	case webhook.Suspended:
		list(in.Installation, in.Account, nil)
	case webhook.Unsuspended:
		list(in.Installation, in.Account, nil)
	case webhook.PermissionsAccepted:
		list(in.Installation, in.Account, nil)
	case webhook.Ping:
	default:
		t.Errorf("unknown intent %T", in)
	}
}
