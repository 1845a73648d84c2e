package workflows

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// The code of a fork comes by any command of git, and only what puts it into the working folder counts.
func TestForksByGit(t *testing.T) {
	t.Parallel()
	const env = "    env:\n      URL: ${{ github.event.pull_request.head.repo.clone_url }}\n      REPO: ${{ github.event.pull_request.head.repo.full_name }}\n" +
		"      REF: ${{ github.event.pull_request.head.ref }}\n      SHA: ${{ github.event.pull_request.head.sha }}\n      N: ${{ github.event.number }}\n" +
		"      OWN: ${{ github.event.pull_request.base.repo.clone_url }}\n      BASE: ${{ github.base_ref }}\n"
	critical, medium := []scanners.Severity{scanners.Critical}, []scanners.Severity{scanners.Medium}
	for script, want := range map[string][]scanners.Severity{
		`git clone "$URL" src; cd src && make`:                                                              critical,
		`git clone --depth 1 -b "$REF" "https://github.com/$REPO.git" . ; make`:                             critical,
		"u=\"https://github.com/${REPO}\"\ngit clone \"$u\"\n./build.sh":                                    critical,
		`git clone ${{ github.event.pull_request.head.repo.ssh_url }}`:                                      medium,
		`gh repo clone "$REPO" . && npm ci`:                                                                 critical,
		"git remote add fork \"$URL\"\ngit fetch fork\ngit checkout fork/$REF\nmake":                        critical,
		"git remote set-url origin $URL; git fetch origin $REF; git checkout FETCH_HEAD":                    medium,
		"git remote add f $URL\ngit fetch f \"$REF\"\ngit merge f/$REF\nnpm test":                           critical,
		"git remote add f $URL && git pull f $REF && make":                                                  critical,
		"git pull \"$URL\" \"$REF\"; make":                                                                  critical,
		"git fetch $URL $REF && git checkout FETCH_HEAD && make":                                            critical,
		"git fetch \"$URL\" \"$REF:pr\"\ngit switch pr\nmake":                                               critical,
		"git fetch $URL $REF\ngit worktree add ../pr FETCH_HEAD\nmake -C ../pr":                             critical,
		"git fetch $URL $REF\ngit branch pr FETCH_HEAD\ngit checkout pr\nmake":                              critical,
		"git fetch origin pull/$N/head:pr\ngit switch pr\nmake":                                             critical,
		"git fetch origin +refs/pull/$N/merge:refs/remotes/pull/$N/merge\ngit checkout pull/$N/merge\nmake": critical,
		"git fetch origin '+refs/pull/*/head:refs/remotes/pr/*'\ngit checkout pr/$N\nmake":                  critical,
		"git restore --source=$SHA -- src\nmake":                                                            critical,
		"gh api repos/$GITHUB_REPOSITORY/tarball/$SHA > t.tgz; tar xzf t.tgz; make":                         critical,
		"curl -L https://github.com/$REPO/archive/refs/heads/x.tar.gz | tar xz\nmake":                       critical,

		"gh pr diff $N | git apply\nmake":                                                  critical,
		"curl -sL ${{ github.event.pull_request.patch_url }} | git am\nmake":               critical,
		"curl -sL https://github.com/a/b/pull/$N.diff > d\npatch -p1 < d\nmake":            critical,
		"git init . && git remote add origin \"$URL\" && git pull origin \"$REF\" && make": critical,
		"git clone git@github.com:$REPO.git src\nnpm --prefix src ci":                      critical,
		"git fetch $URL $REF && git checkout -B pr FETCH_HEAD && make":                     critical,
		"git remote add fork $URL\ngit fetch fork\ngit switch -c pr --track fork/$REF":     medium,

		"gh pr diff $N > changes\nmake": nil,
		"git apply fixes.patch\nmake":   nil,
		"git fetch origin pull/$N/head\ngit show FETCH_HEAD:data.json > data.json\nmake": nil, // only shown
		"git fetch origin pull/$N/head:pr\ngit diff --stat main pr\nmake":                nil,
		"git remote add fork $URL\ngit fetch fork $REF\ngit log fork/$REF\nmake":         nil,
		"git fetch $URL $REF\ngit merge-base HEAD FETCH_HEAD\nmake":                      nil,
		"git clone \"$OWN\" src; cd src && make":                                         nil,
		"git clone -b $REF https://github.com/$GITHUB_REPOSITORY . ; make":               nil, // a branch of this repository
		"git remote add up $OWN; git fetch up; git checkout up/$BASE; make":              nil,
		"git fetch $URL $REF\ngit fetch origin main\ngit checkout FETCH_HEAD\nmake":      nil,
		"git checkout $BASE; make":                                                       nil,
		"git fetch origin $BASE; git checkout FETCH_HEAD; make":                          nil,
		"echo git clone $URL\nmake":                                                      nil,
		"curl -sSf https://api.github.com/repos/$REPO | jq .stargazers_count\nmake":      nil,
		"curl -L https://github.com/acme/tool/archive/v1.tar.gz | tar xz\nmake":          nil,
		"git remote add fork $URL\ngit push fork HEAD:$REF\nmake":                        nil,
	} {
		wantCheckout(t, "on: pull_request_target\npermissions: {contents: write}\njobs:\n  a:\n    runs-on: x\n"+env+"    steps:\n      - run: |\n          "+
			strings.ReplaceAll(script, "\n", "\n          ")+"\n", want...)
	}
}

// The commit comes from another step or job, or from GitHub's answer about the pull request.
func TestHeadFromElsewhere(t *testing.T) {
	t.Parallel()
	const checkout = "      - uses: actions/checkout@v4.2.2\n        with: {ref: \"${{ steps.pr.outputs.sha }}\"}\n      - run: make\n"
	critical := []scanners.Severity{scanners.Critical}
	for steps, want := range map[string][]scanners.Severity{
		"      - id: pr\n        run: echo \"sha=$(gh pr view $N --json headRefOid --jq .headRefOid)\" >> $GITHUB_OUTPUT\n" + checkout:                                                                                                                     critical,
		"      - id: pr\n        run: |\n          sha=$(gh api \"repos/$GITHUB_REPOSITORY/pulls/$N\" --jq .head.sha)\n          echo \"sha=$sha\" >> $GITHUB_OUTPUT\n" + checkout:                                                                         critical,
		"      - id: pr\n        run: |\n          pr=$(gh api repos/x/y/pulls/$N)\n          echo \"sha=$(jq -r .head.sha <<< \"$pr\")\" >> $GITHUB_OUTPUT\n" + checkout:                                                                                  critical,
		"      - id: pr\n        uses: actions/github-script@v8\n        with:\n          script: |\n            const pr = await github.rest.pulls.get({ owner, repo, pull_number });\n            core.setOutput('sha', pr.data.head.sha);\n" + checkout: critical,
		"      - id: pr\n        uses: xt0rted/pull-request-comment-branch@v3\n" + strings.Replace(checkout, "outputs.sha", "outputs.head_sha", 1):                                                                                                         critical,
		"      - run: echo \"SHA=$(gh pr view $N --json headRefOid -q .headRefOid)\" >> $GITHUB_ENV\n      - run: git fetch origin $SHA; git checkout $SHA; make\n":                                                                                        critical,
		"      - id: pr\n        run: echo \"sha=$(gh pr view $N --json baseRefOid --jq .baseRefOid)\" >> $GITHUB_OUTPUT\n" + checkout:                                                                                                                     nil,
		"      - id: pr\n        run: echo \"sha=$(gh pr view $N --json mergeCommit --jq .mergeCommit.oid)\" >> $GITHUB_OUTPUT\n" + checkout:                                                                                                               nil,
		"      - id: pr\n        run: echo \"sha=$(git rev-parse HEAD)\" >> $GITHUB_OUTPUT\n" + checkout:                                                                                                                                                   nil,
		"      - id: pr\n        uses: actions/github-script@v8\n        with:\n          script: core.setOutput('sha', pr.data.base.sha)\n" + checkout:                                                                                                    nil,
	} {
		wantCheckout(t, "on: issue_comment\npermissions: {contents: write}\njobs:\n  a:\n    runs-on: x\n    steps:\n"+steps, want...)
	}
	const two = "on: pull_request_target\npermissions: {contents: write}\njobs:\n  get:\n    runs-on: x\n    outputs: {sha: \"${{ steps.s.outputs.sha }}\"}\n    steps:\n" +
		"      - {id: s, run: 'echo \"sha=${{ github.event.pull_request.head.sha }}\" >> $GITHUB_OUTPUT'}\n" +
		"  build:\n    needs: get\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4.2.2\n        with: {ref: \"${{ needs.get.outputs.sha }}\"}\n      - run: make\n"
	wantCheckout(t, two, critical...)
	wantCheckout(t, strings.Replace(two, "head.sha", "base.sha", 1))
}

// What GitHub answers about a pull request is as untrusted as its author.
func TestAnswersOfGitHub(t *testing.T) {
	t.Parallel()
	const use = "      - run: git log ${{ steps.pr.outputs.x }}"
	for script, found := range map[string]bool{
		`echo "x=$(gh pr view $N --json headRefName --jq .headRefName)" >> $GITHUB_OUTPUT`: true,
		`echo "x=$(gh pr view $N --json title -q '.title')" >> $GITHUB_OUTPUT`:             true,
		`echo "x=$(gh api repos/o/r/pulls/$N --jq .head.ref)" >> $GITHUB_OUTPUT`:           true,
		`echo "x=$(gh issue view $N --json body --jq .body)" >> $GITHUB_OUTPUT`:            true,
		`echo "x=$(gh pr view $N --json title | jq -r .title)" >> $GITHUB_OUTPUT`:          true,
		`echo "x=$(gh pr view $N --json number --jq .number)" >> $GITHUB_OUTPUT`:           false,
		`echo "x=$(gh pr view $N --json headRefOid --jq .headRefOid)" >> $GITHUB_OUTPUT`:   false,
		`echo "x=$(gh pr view $N --json state --jq .state)" >> $GITHUB_OUTPUT`:             false,
		`echo "x=$(gh api repos/o/r/releases/latest --jq .tag_name)" >> $GITHUB_OUTPUT`:    false,
		`echo "x=$(gh api repos/o/r --jq .description)" >> $GITHUB_OUTPUT`:                 false,
	} {
		steps := "      - id: pr\n        run: |\n          " + script + "\n" + use
		if found {
			steps += " #!here"
		}
		wantAt(t, templateInjection.ID, stepsOn("issue_comment", steps))
	}
	const get = "      - id: pr\n        uses: actions/github-script@v8\n        with:\n          script: |\n            const { data: pr } = await github.rest.pulls.get({ owner, repo, pull_number });\n            core.setOutput('x', pr."
	wantAt(t, templateInjection.ID, stepsOn("issue_comment", get+"title);\n"+use+" #!here"))
	wantAt(t, templateInjection.ID, stepsOn("issue_comment", get+"head.ref);\n"+use+" #!here"))
	wantAt(t, templateInjection.ID, stepsOn("issue_comment", get+"number);\n"+use))
	wantAt(t, templateInjection.ID, stepsOn("issue_comment", get+"head.sha);\n"+use))
}
