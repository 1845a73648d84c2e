package demo

import (
	"math/rand/v2"

	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// madeUp makes a random text that looks like a key and opens nothing. The source of this program must not hold one,
// since it would be taken for a real key, so they are made when the demo runs.
func madeUp(prefix, alphabet string, n int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 0))
	b := []byte(prefix)
	for range n {
		b = append(b, alphabet[rng.IntN(len(alphabet))])
	}
	return string(b)
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

var (
	oldKey    = madeUp("AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, 1)
	uploadKey = madeUp("AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, 2)
	stripeKey = madeUp("sk_live_", letters, 24, 3)
	ghToken   = madeUp("ghp_", letters, 36, 4)
)

var base = map[string]string{
	"README.md":          "# Shop\n\nSells things.\n",
	".github/CODEOWNERS": owners,
	".secbydesign.yml":   designPolicy,
	"shop/settings.py": `"""Settings of the shop."""

import os

DEBUG = os.environ.get("DEBUG") == "1"
LEGACY_UPLOAD_KEY = "` + oldKey + `"
PAGE_SIZE = 20
`,
	"deploy/release.sh": "#!/bin/sh\nset -eu\n\nmake test\nmake build\n",
	"requirements.txt":  "flask==3.0.3\n",
	"deploy/shop.yaml":  manifest(""),
	"deploy/probe.yaml": probe(""),
	".github/workflows/test.yml": `name: Test
on: pull_request
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v6
      - run: make test
`,
}

// manifest is the deployment of the shop, with more lines for its container.
func manifest(more string) string {
	return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: shop
          image: registry.example.com/shop:1.4.2
          ports: [{containerPort: 8000}]
` + more
}

const privileged = `          securityContext:
            privileged: true
`

const unprivileged = `          securityContext:
            privileged: false
`

// preview is a workflow that runs a fork author's code with the repository's own secrets.
const preview = `name: Preview
on: pull_request_target
permissions:
  contents: read
jobs:
  preview:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v6
        with:
          ref: ${{ github.event.pull_request.head.sha }}
          allow-unsafe-pr-checkout: true
      - run: make preview
        env:
          PREVIEW_KEY: ${{ secrets.PREVIEW_KEY }}
`

// A step is a push and the expected state of the pull request after it.
type step struct {
	title          string
	message        string
	files          map[string]string
	rewrite        bool // from the base, replacing all commits so far
	open, resolved int
}

func (s step) parent(base string) string {
	if s.rewrite {
		return base
	}
	return ""
}

const payments = `"""Takes payments by card."""

import os

import stripe

`

var clean = map[string]string{
	"shop/payments.py": payments + `stripe.api_key = os.environ["STRIPE_KEY"]


def charge(amount, card):
    return stripe.Charge.create(amount=amount, currency="eur", source=card)
`,
	"deploy/release.sh": "#!/bin/sh\nset -eu\n\nmake test\nmake build\nmake publish TOKEN=\"$GITHUB_TOKEN\"\n",
}

// repaired are the fixed files: in each the suggestion of a comment was committed.
var repaired = map[string]string{
	"requirements.txt": "flask==3.0.3\nrequests==2.31.0\n",
	"deploy/shop.yaml": manifest(unprivileged),
}

var steps = []step{
	{
		title: `Mona opens the pull request "Take payments". GitHub delivers the signed webhook.`,
		open:  6, resolved: 0,
	},
	{
		title:   "Mona commits the two suggestions and takes the keys out. These are still in the history.",
		message: "Read the keys from the environment", files: merge(clean, repaired),
		open: 4, resolved: 2,
	},
	{
		title:   "Mona rewrites the branch without the keys and the preview, and pushes it by force.",
		message: "Take payments", rewrite: true, files: merge(clean, repaired, settings),
		open: 0, resolved: 6,
	},
}

// settings is the settings file after the change: the key that was there before has moved and is indented, which makes
// it not new.
var settings = map[string]string{"shop/settings.py": `"""Settings of the shop."""

import os

CURRENCY = "eur"
DEBUG = os.environ.get("DEBUG") == "1"
PAGE_SIZE = 20
if DEBUG:
    LEGACY_UPLOAD_KEY = "` + oldKey + `"
`}

func merge(maps ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// scene installs the App on an organisation whose repository has a branch with real problems.
func scene(gh *fakegithub.Server) (repo *fakegithub.Repo, head string) {
	gh.CreateOrg(owner)
	repo = gh.CreateRepo(owner, name, true)
	gh.Install(owner)
	head = repo.Commit("main", "", "Begin the shop", base)
	repo.SetPermission("mona", "write")
	repo.Commit("payments", head, "Add the payments module", merge(settings, map[string]string{
		"shop/payments.py": payments + `stripe.api_key = "` + stripeKey + `"


def charge(amount, card):
    return stripe.Charge.create(amount=amount, currency="eur", source=card)
`,
		"requirements.txt": "flask==3.0.3\nrequests==2.19.1\n",
	}))
	repo.Commit("payments", "", "Publish releases", map[string]string{
		"deploy/release.sh": "#!/bin/sh\nset -eu\n\nexport AWS_ACCESS_KEY_ID=" + uploadKey + "\nmake test\nmake build\nmake publish TOKEN=" + ghToken + "\n",
	})
	repo.Commit("payments", "", "Upload with the machine's own role", map[string]string{
		"deploy/release.sh":             "#!/bin/sh\nset -eu\n\nmake test\nmake build\nmake publish TOKEN=" + ghToken + "\n",
		"deploy/shop.yaml":              manifest(privileged),
		".github/workflows/preview.yml": preview,
	})
	return repo, head
}
