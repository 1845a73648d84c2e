package workflows

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// places returns where a rule reports a workflow: its lines.
func places(t *testing.T, rule, text string) (lines []int) {
	t.Helper()
	for _, f := range scan(t, path, text) {
		if f.Rule == rule {
			lines = append(lines, f.Line)
		}
	}
	return lines
}

// wantAt checks that a rule reports exactly the lines that have the mark "!here".
func wantAt(t *testing.T, rule, text string) {
	t.Helper()
	var want []int
	for i, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "!here") {
			want = append(want, i+1)
		}
	}
	text = strings.ReplaceAll(text, "!here", "")
	if got := places(t, rule, text); !slices.Equal(got, want) {
		t.Errorf("%s in lines %v, want %v:\n%s", rule, got, want, text)
	}
}

// steps is a workflow on an event with one job of these steps.
func stepsOn(event, steps string) string {
	return fmt.Sprintf("on: %s\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n%s\n", event, steps)
}

// Untrusted input stays untrusted on its way through outputs, variables and files.
func TestTaintThroughSteps(t *testing.T) {
	t.Parallel()
	const use = "      - run: echo \"${{ steps.t.outputs.title }}\" #!here\n"
	const quiet = "      - run: echo \"${{ steps.t.outputs.title }}\"\n"
	const title = "        env: {TITLE: \"${{ github.event.issue.title }}\"}\n"
	for name, steps := range map[string]string{
		"by a variable":     "      - id: t\n" + title + "        run: echo \"title=$TITLE\" >> \"$GITHUB_OUTPUT\"\n" + use,
		"by an expression":  "      - id: t\n        run: |\n          T='${{ github.event.issue.title }}'\n          echo title=$T >> $GITHUB_OUTPUT\n" + use,
		"by tee":            "      - id: t\n" + title + "        run: echo \"title=$TITLE\" | tee -a $GITHUB_OUTPUT\n" + use,
		"by a document":     "      - id: t\n" + title + "        run: |\n          cat <<EOF >> $GITHUB_OUTPUT\n          title=$TITLE\n          EOF\n" + use,
		"by a block":        "      - id: t\n" + title + "        run: |\n          { echo 'title<<EOF'; echo \"$TITLE\"; echo EOF; } >> $GITHUB_OUTPUT\n" + use,
		"by set-output":     "      - id: t\n" + title + "        run: echo \"::set-output name=title::$TITLE\"\n" + use,
		"by PowerShell":     "      - id: t\n        shell: pwsh\n" + title + "        run: '\"title=$env:TITLE\" >> $env:GITHUB_OUTPUT'\n" + use,
		"by Python":         "      - id: t\n        shell: python\n" + title + "        run: |\n          import os\n          with open(os.environ['GITHUB_OUTPUT'], 'a') as f:\n              f.write(f\"title={os.environ['TITLE']}\")\n" + use,
		"changed":           "      - id: t\n" + title + "        run: echo \"title=$(echo \"$TITLE\" | tr a-z A-Z)\" >> $GITHUB_OUTPUT\n" + use,
		"by the event":      "      - id: t\n        run: echo \"title=$(jq -r .issue.title \"$GITHUB_EVENT_PATH\")\" >> $GITHUB_OUTPUT\n" + use,
		"by JavaScript":     "      - id: t\n        uses: actions/github-script@v8\n        with:\n          script: |\n            core.setOutput('title', context.payload.issue.title)\n" + use,
		"by a constant":     "      - id: t\n        uses: actions/github-script@v8\n        with:\n          script: |\n            const { title } = context.payload.issue;\n            core.setOutput('title', title);\n" + use,
		"by process.env":    "      - id: t\n        uses: actions/github-script@v8\n" + title + "        with: {script: \"core.setOutput('title', process.env.TITLE)\"}\n" + use,
		"two steps on":      "      - id: s\n" + title + "        run: echo \"x=$TITLE\" >> $GITHUB_OUTPUT\n      - id: t\n        env: {X: \"${{ steps.s.outputs.x }}\"}\n        run: echo \"title=$X\" >> $GITHUB_OUTPUT\n" + use,
		"in JavaScript":     "      - id: t\n" + title + "        run: echo \"title=$TITLE\" >> \"$GITHUB_OUTPUT\"\n      - uses: actions/github-script@v8\n        with: {script: \"const t = '${{ steps.t.outputs.title }}'\"} #!here\n",
		"by env of the job": "      - run: echo \"TITLE=$T\" >> $GITHUB_ENV\n        env: {T: \"${{ github.event.issue.title }}\"}\n      - run: echo ${{ env.TITLE }} #!here\n",
		"by env and output": "      - run: echo \"TITLE=$T\" >> $GITHUB_ENV\n        env: {T: \"${{ github.event.issue.title }}\"}\n      - id: t\n        run: echo \"title=$TITLE\" >> $GITHUB_OUTPUT\n" + use,
		"in another case":   "      - id: T\n" + title + "        run: echo \"Title=$TITLE\" >> \"$GITHUB_OUTPUT\"\n      - run: echo ${{ Steps.t.Outputs['title'] }} #!here\n",

		"a constant":           "      - id: t\n" + title + "        run: |\n          echo \"$TITLE\"\n          echo \"title=fixed\" >> \"$GITHUB_OUTPUT\"\n" + quiet,
		"one of two constants": "      - id: t\n" + title + "        run: |\n          if [[ \"$TITLE\" == *breaking* ]]; then title=major; else title=minor; fi\n          echo \"title=$title\" >> \"$GITHUB_OUTPUT\"\n" + quiet,
		"another output":       "      - id: t\n" + title + "        run: |\n          echo \"raw=$TITLE\" >> \"$GITHUB_OUTPUT\"\n          echo \"title=x\" >> \"$GITHUB_OUTPUT\"\n" + quiet,
		"another step":         "      - id: u\n" + title + "        run: echo \"title=$TITLE\" >> \"$GITHUB_OUTPUT\"\n" + quiet,
		"a number":             "      - id: t\n        env: {N: \"${{ github.event.issue.number }}\"}\n        run: echo \"title=$N\" >> \"$GITHUB_OUTPUT\"\n" + quiet,
		"a checked text":       "      - id: t\n" + title + "        run: |\n          [[ \"$TITLE\" =~ ^[a-z]+$ ]] || exit 1\n          echo \"title=$TITLE\" >> \"$GITHUB_OUTPUT\"\n" + quiet,
		"a slug":               "      - id: t\n" + title + "        run: echo \"title=${TITLE//[^a-zA-Z0-9]/-}\" >> \"$GITHUB_OUTPUT\"\n" + quiet,
		"an answer":            "      - id: t\n" + title + "        run: echo \"title=$(gh label list --search \"$TITLE\" | wc -l)\" >> \"$GITHUB_OUTPUT\"\n" + quiet,
		"a comparison":         "      - id: t\n        uses: actions/github-script@v8\n        with: {script: \"core.setOutput('title', context.payload.issue.title === 'x')\"}\n" + quiet,
		"by env of the step":   "      - id: t\n" + title + "        run: echo \"title=$TITLE\" >> \"$GITHUB_OUTPUT\"\n      - run: echo \"$T\"\n        env: {T: \"${{ steps.t.outputs.title }}\"}\n",
		"in a condition":       "      - id: t\n" + title + "        run: echo \"title=$TITLE\" >> \"$GITHUB_OUTPUT\"\n      - run: echo ${{ steps.t.outputs.title == 'x' && 'yes' || 'no' }}\n",
		"of itself":            "      - id: t\n        run: echo \"title=${{ steps.t.outputs.title }}\" >> $GITHUB_OUTPUT\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAt(t, templateInjection.ID, stepsOn("issues", steps))
		})
	}
}

// Untrusted input stays untrusted on its way through other jobs and the matrix.
func TestTaintThroughJobs(t *testing.T) {
	t.Parallel()
	const first = `on: pull_request_target
permissions: {}
jobs:
  first:
    runs-on: ubuntu-latest
    outputs:
      branch: ${{ steps.b.outputs.name }}
      list: ${{ steps.b.outputs.list }}
      fixed: ${{ steps.b.outputs.fixed }}
    steps:
      - id: b
        env: {REF: "${{ github.head_ref }}"}
        run: |
          echo "name=$REF" >> "$GITHUB_OUTPUT"
          echo "list=$(jq -nc --arg r "$REF" '[$r]')" >> "$GITHUB_OUTPUT"
          echo "fixed=[1]" >> "$GITHUB_OUTPUT"
`
	const second = "  second:\n    needs: first\n    runs-on: ubuntu-latest\n"
	const runs = "    steps:\n      - run: git log "
	for name, text := range map[string]string{
		"needs":              first + second + runs + "${{ needs.first.outputs.branch }} #!here\n",
		"needs, by env":      first + second + "    env: {B: \"${{ needs.first.outputs.branch }}\"}\n" + runs + "${{ env.B }} #!here\n",
		"needs, as JSON":     first + second + runs + "'${{ toJSON(needs.first.outputs) }}' #!here\n",
		"matrix of needs":    first + second + "    strategy: {matrix: {b: \"${{ fromJSON(needs.first.outputs.list) }}\"}}\n" + runs + "${{ matrix.b }} #!here\n",
		"whole matrix":       first + second + "    strategy:\n      matrix: ${{ fromJSON(needs.first.outputs.list) }}\n" + runs + "${{ matrix.b }} #!here\n",
		"include of needs":   first + second + "    strategy: {matrix: {include: \"${{ fromJSON(needs.first.outputs.list) }}\"}}\n" + runs + "${{ matrix.b.name }} #!here\n",
		"matrix":             first + second + "    strategy:\n      matrix:\n        b: [main, \"${{ github.head_ref }}\"]\n" + runs + "${{ matrix.b }} #!here\n",
		"include":            first + second + "    strategy:\n      matrix:\n        include:\n          - b: ${{ github.event.pull_request.title }}\n" + runs + "${{ matrix.b }} #!here\n",
		"objects":            first + second + "    strategy:\n      matrix:\n        b: [{name: \"${{ github.head_ref }}\", n: 1}]\n" + runs + "${{ matrix.b.name }} #!here\n",
		"other of an object": first + second + "    strategy:\n      matrix:\n        b: [{name: \"${{ github.head_ref }}\", n: 1}]\n" + runs + "${{ matrix.b.n }}\n",
		"other of a matrix":  first + second + "    strategy:\n      matrix:\n        b: [\"${{ github.head_ref }}\"]\n        c: [1]\n" + runs + "${{ matrix.c }}\n",
		"fixed needs":        first + second + runs + "${{ needs.first.outputs.fixed }}\n",
		"fixed matrix":       first + second + "    strategy: {matrix: {b: \"${{ fromJSON(needs.first.outputs.fixed) }}\"}}\n" + runs + "${{ matrix.b }}\n",
		"no such job":        first + second + runs + "${{ needs.other.outputs.branch }}\n",
		"the runner's own":   first + second + "    steps:\n      - id: x\n        run: echo \"b=${GITHUB_HEAD_REF:-main}\" >> $GITHUB_OUTPUT\n      - run: git log ${{ steps.x.outputs.b }} #!here\n",
		"on push":            strings.Replace(first, "pull_request_target", "push", 1) + second + "    steps:\n      - id: x\n        run: echo \"b=${GITHUB_HEAD_REF:-main}\" >> $GITHUB_OUTPUT\n      - run: git log ${{ steps.x.outputs.b }}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAt(t, templateInjection.ID, text)
		})
	}
}

// Each hop of the way is a step of the finding.
func TestTaintShowsTheWay(t *testing.T) {
	t.Parallel()
	for _, f := range scan(t, path, stepsOn("issues", `      - id: t
        env: {TITLE: "${{ github.event.issue.title }}"}
        run: |
          x=$TITLE
          echo "title=$x" >> "$GITHUB_OUTPUT"
      - run: echo ${{ steps.t.outputs.title }}`)) {
		if f.Rule != templateInjection.ID {
			continue
		}
		if len(f.Flow) != 2 || f.Flow[0].Line != 11 || f.Flow[1].Line != 12 {
			t.Errorf("flow %+v", f.Flow)
		}
		if want := "The code contains steps.t.outputs.title, which holds github.event.issue.title, and anybody can write that."; f.Message != want {
			t.Errorf("message %q", f.Message)
		}
		return
	}
	t.Error("no finding")
}

// What goes into GITHUB_ENV and GITHUB_PATH, in every shape of a script.
func TestEnvironmentFiles(t *testing.T) {
	t.Parallel()
	const body = "      - env: {BODY: \"${{ github.event.comment.body }}\", TITLE: \"${{ github.event.issue.title }}\", N: \"${{ github.event.issue.number }}\"}\n"
	script := func(lines ...string) string {
		return body + "        run: |\n          " + strings.Join(lines, "\n          ") + "\n"
	}
	pwsh := func(lines ...string) string {
		return body + "        shell: pwsh\n        run: |\n          " + strings.Join(lines, "\n          ") + "\n"
	}
	for name, steps := range map[string]string{
		"tee":                script(`echo "B=$BODY" | tee -a "$GITHUB_ENV" #!here`),
		"group":              script(`{`, `  echo "A=1"`, `  echo "B=$BODY" #!here`, `} >> "$GITHUB_ENV"`),
		"document":           script(`cat <<EOF >> $GITHUB_ENV`, `A=1`, `B=$BODY !here`, `EOF`),
		"quoted document":    script(`cat <<'EOF' >> $GITHUB_ENV`, `B=$BODY`, `EOF`),
		"document of tee":    script(`tee -a "$GITHUB_ENV" <<EOF`, `B=$BODY !here`, `EOF`),
		"path in a variable": script(`f="$GITHUB_ENV"`, `echo "B=$BODY" >> "$f" #!here`),
		"path of a context":  script(`echo "B=$BODY" >> ${{ github.env }} #!here`),
		"by a variable":      script(`b=$(echo "$BODY" | sed s/a/b/)`, `echo "B=$b" >> $GITHUB_ENV #!here`),
		"printf":             script(`printf 'B=%s\n' "$BODY" >> $GITHUB_ENV #!here`),
		"known delimiter":    script(`{ echo 'B<<EOF'; echo "$BODY"; echo EOF; } >> $GITHUB_ENV #!here`),
		"random delimiter":   script(`d=$(uuidgen)`, `{ echo "B<<$d"; echo "$BODY"; echo "$d"; } >> $GITHUB_ENV`),
		"a name":             script(`echo "$TITLE" >> $GITHUB_ENV #!here`),
		"a title":            script(`echo "T=$TITLE" >> $GITHUB_ENV`),
		"escapes in a title": script(`echo -e "T=$TITLE" >> $GITHUB_ENV #!here`),
		"path":               script(`echo "$TITLE/bin" | tee -a $GITHUB_PATH #!here`),
		"a number":           script(`echo "N=$N" | tee -a $GITHUB_ENV`, `echo "$N" >> $GITHUB_PATH`),
		"one line":           script(`echo "B=$(echo "$BODY" | head -n1)" >> $GITHUB_ENV`),
		"JSON":               script(`echo "B=$(jq -Rs . <<< "$BODY")" >> $GITHUB_ENV`),
		"checked":            script(`[[ "$BODY" =~ ^/run\ [a-z]+$ ]] || exit 0`, `echo "B=$BODY" >> $GITHUB_ENV`),
		"an output":          script(`{ echo 'B<<EOF'; echo "$BODY"; echo EOF; } >> $GITHUB_OUTPUT`),
		"printed":            script(`echo "B=$BODY"`, `echo A=1 >> $GITHUB_ENV`),
		"Out-File":           pwsh(`"B=$env:BODY" | Out-File -FilePath $env:GITHUB_ENV -Append #!here`),
		"Add-Content":        pwsh(`Add-Content -Path $env:GITHUB_ENV -Value "B=$env:BODY" #!here`),
		"PowerShell's >>":    pwsh(`$b = $env:BODY`, `"B=$b" >> $env:GITHUB_ENV #!here`),
		"PowerShell's fixed": pwsh(`"B=1" >> $env:GITHUB_ENV`, `Write-Host $env:BODY`),
		"by an output":       "      - id: o\n        env: {BODY: \"${{ github.event.comment.body }}\"}\n        run: |\n          { echo 'b<<EOF'; echo \"$BODY\"; echo EOF; } >> $GITHUB_OUTPUT\n      - env: {B: \"${{ steps.o.outputs.b }}\"}\n        run: echo \"B=$B\" >> $GITHUB_ENV #!here\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAt(t, environmentInjection.ID, stepsOn("issue_comment", steps))
		})
	}
}

// What a file of an artifact holds is untrusted as an output, too.
func TestTaintOfArtifacts(t *testing.T) {
	t.Parallel()
	const download = "      - uses: actions/download-artifact@v4\n        with: {name: pr, path: pr, run-id: \"${{ github.event.workflow_run.id }}\"}\n"
	const use = "      - uses: actions/github-script@v8\n        with: {script: \"issue(${{ steps.n.outputs.n }})\"}"
	for steps, found := range map[string]bool{
		download + "      - {id: n, run: 'echo \"n=$(cat pr/number)\" >> $GITHUB_OUTPUT'}\n":                                                                               true,
		download + "      - {id: n, run: 'echo \"n=$(< ./pr/number)\" >> $GITHUB_OUTPUT'}\n":                                                                               true,
		download + "      - id: n\n        run: |\n          read -r n < pr/number\n          echo \"n=$n\" >> $GITHUB_OUTPUT\n":                                           true,
		download + "      - id: n\n        uses: actions/github-script@v8\n        with: {script: \"core.setOutput('n', fs.readFileSync('pr/number', 'utf8').trim())\"}\n": true,
		download + "      - id: n\n        uses: actions/github-script@v8\n        with: {script: \"core.setOutput('n', Number(fs.readFileSync('pr/number')))\"}\n":        false,
		download + "      - {id: n, run: 'echo \"n=$(cat VERSION)\" >> $GITHUB_OUTPUT'}\n":                                                                                 false,
		download + "      - {id: n, run: 'echo \"n=$(grep -oE \"[0-9]+\" pr/number)\" >> $GITHUB_OUTPUT'}\n":                                                               false,
		download + "      - id: n\n        run: |\n          n=$(cat pr/number)\n          [[ $n =~ ^[0-9]+$ ]] || exit 1\n          echo \"n=$n\" >> $GITHUB_OUTPUT\n":    false,
		"      - {id: n, run: 'echo \"n=$(cat pr/number)\" >> $GITHUB_OUTPUT'}\n" + download:                                                                               false,
		"      - {id: n, run: 'echo \"n=$(cat pr/number)\" >> $GITHUB_OUTPUT'}\n":                                                                                          false,
	} {
		mark := ""
		if found {
			mark = " #!here"
		}
		wantAt(t, templateInjection.ID, stepsOn("{workflow_run: {workflows: [CI]}}", steps+use+mark))
	}
	const method = "      - id: n\n        uses: actions/github-script@v8\n        with: {script: \"core.setOutput('n', context.payload.comment.body.split(' ')[1])\"}\n"
	wantAt(t, templateInjection.ID, stepsOn("issue_comment", method+use+" #!here"))
}
