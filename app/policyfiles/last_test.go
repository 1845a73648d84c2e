package policyfiles_test

import (
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestLast is the policy that was in force last, by what is kept: 3 comments and 7 renewals are the organisation's, 5
// comments the repository's; without a file there are 10 and 2. Proposed are 4 and 8, or 6.
func TestLast(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	const org, own = "version: 1\ncomments: {limit: 3}\nguardrails: {accept: {max_renewals: 7}}\n", "version: 1\ncomments: {limit: 5}\n"
	layer := func(text string) *policy.Layer {
		l, err := policy.Parse(policy.File, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return &l
	}
	newOrg := layer("version: 1\ncomments: {limit: 4}\nguardrails: {accept: {max_renewals: 8}}\n")
	newOwn := layer(limit("6"))
	for name, c := range map[string]struct {
		kept            map[string]string
		repo            string
		with            policyfiles.Proposed
		limit, renewals int
	}{
		"nothing is kept":                         {nil, "shop", policyfiles.Proposed{}, 10, 2},
		"the organisation's":                      {map[string]string{".github": org}, "shop", policyfiles.Proposed{}, 3, 7},
		"the organisation's, in the second place": {map[string]string{"secbydesign": org}, "shop", policyfiles.Proposed{}, 3, 7},
		"the organisation's, in both places":      {map[string]string{".github": org, "secbydesign": own}, "shop", policyfiles.Proposed{}, 3, 7},
		"a first place without a file":            {map[string]string{".github": "", "secbydesign": org}, "shop", policyfiles.Proposed{}, 3, 7},
		"a first place with what nobody reads":    {map[string]string{".github": "of old\n", "secbydesign": org}, "shop", policyfiles.Proposed{}, 3, 7},
		"the repository's":                        {map[string]string{"shop": own}, "shop", policyfiles.Proposed{}, 5, 2},
		"both":                                    {map[string]string{".github": org, "shop": own}, "shop", policyfiles.Proposed{}, 5, 7},
		"the repository's, which nobody reads":    {map[string]string{".github": org, "shop": "of old\n"}, "shop", policyfiles.Proposed{}, 3, 7},
		"of another repository":                   {map[string]string{"shop": own}, "store", policyfiles.Proposed{}, 10, 2},
		"of the organisation's repository":        {map[string]string{".github": org}, ".github", policyfiles.Proposed{Repository: newOwn}, 3, 7},
		"of the second place, which is used":      {map[string]string{"secbydesign": org}, "secbydesign", policyfiles.Proposed{Repository: newOwn}, 3, 7},
		"of the second place, which is not":       {map[string]string{".github": org, "secbydesign": own}, "secbydesign", policyfiles.Proposed{}, 5, 7},
		"with another of the repository":          {map[string]string{".github": org, "shop": own}, "shop", policyfiles.Proposed{Repository: newOwn}, 6, 7},
		"with another of the organisation":        {map[string]string{".github": org, "shop": own}, "shop", policyfiles.Proposed{Organisation: newOrg}, 5, 8},
		"with another of the organisation, alone": {map[string]string{".github": org}, ".github", policyfiles.Proposed{Organisation: newOrg}, 4, 8},
		"with others":                             {nil, "shop", policyfiles.Proposed{Organisation: newOrg, Repository: newOwn}, 6, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := all.another(t)
			for repo, text := range c.kept {
				w.keep(repo, "c0ffee", text)
			}
			pol, err := policyfiles.Last(t.Context(), w.files.Ledger.Reader, w.owner, c.repo, c.with)
			if err != nil || pol.CommentLimit != c.limit || pol.Guardrails.Accept.MaxRenewals != c.renewals {
				t.Errorf("%d comments and %d renewals, %v; want %d and %d", pol.CommentLimit, pol.Guardrails.Accept.MaxRenewals, err, c.limit, c.renewals)
			}
		})
	}
	t.Run("the ledger cannot be read", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.files.Ledger.Close()
		if pol, err := policyfiles.Last(t.Context(), w.files.Ledger.Reader, "acme", "shop", policyfiles.Proposed{}); err == nil || pol.CommentLimit != 10 {
			t.Errorf("%d comments, %v", pol.CommentLimit, err)
		}
	})
}

// TestEachLineIsOfItsFile: what is in force names the file that says so.
func TestEachLineIsOfItsFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep(".github", "c0ffee", "version: 1\ngates: {secrets: {mode: block}}\n")
	w.keep("shop", "c0ffee", "version: 1\ngates: {code: {mode: block}}\n")
	pol, err := policyfiles.Last(t.Context(), w.files.Ledger.Reader, "acme", "shop", policyfiles.Proposed{})
	if err != nil {
		t.Fatal(err)
	}
	for gate, want := range map[scanners.Gate]string{scanners.Secrets: "acme/.github/.secbydesign.yml", scanners.Code: ".secbydesign.yml"} {
		if got := pol.Decide(gate, "x", "y", scanners.High, "a").Origin.File; got != want {
			t.Errorf("%s: the line is of %q, want %q", gate, got, want)
		}
	}
}
