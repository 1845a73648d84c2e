package workflows

import (
	"strings"
	"testing"
)

// Who caused an event is no proof of who wrote the pull request, however the condition asks.
func TestBotConditions(t *testing.T) {
	t.Parallel()
	const author, same = "github.event.pull_request.user.login == 'dependabot[bot]'", "github.event.pull_request.head.repo.full_name == github.repository"
	for cond, want := range map[string]bool{
		"github.actor == 'renovate[bot]'":                                    true,
		"'renovate[bot]' == github.actor":                                    true,
		"github.triggering_actor == 'renovate[bot]'":                         true,
		"github.event.sender.login == 'renovate[bot]'":                       true,
		"github.event.pull_request.sender.login == 'renovate[bot]'":          true,
		"github['actor'] == 'renovate[bot]'":                                 true,
		"${{ github.actor == 'renovate[bot]' }}":                             true,
		"github.actor_id == 49699333":                                        true,
		"github.actor_id == '49699333'":                                      true,
		"github.event.sender.id == 29139614":                                 true,
		"github.event.sender.type == 'Bot'":                                  true,
		"startsWith(github.actor, 'dependabot')":                             true,
		"endsWith(github.triggering_actor, '[bot]')":                         true,
		"contains(github.actor, '[bot]')":                                    true,
		"contains(fromJSON('[\"dependabot[bot]\"]'), github.actor)":          true,
		"contains('dependabot[bot],renovate[bot]', github.actor)":            true,
		"!(github.actor != 'renovate[bot]')":                                 true,
		"(github.actor == 'renovate[bot]') == true":                          true,
		"github.actor == 'renovate[bot]' && github.event.action == 'opened'": true,
		"github.actor == 'renovate[bot]' || github.actor == 'alice'":         true,
		"github.actor == 'renovate[bot]' || " + author:                       true,
		"github.actor != 'renovate[bot]'":                                    false,
		"!startsWith(github.actor, 'dependabot')":                            false,
		"!contains(fromJSON('[\"dependabot[bot]\"]'), github.actor)":         false,
		"!(github.actor == 'renovate[bot]')":                                 false,
		"github.actor == 'alice'":                                            false,
		"github.actor_id == 12345":                                           false,
		"contains(fromJSON('[\"alice\", \"bob\"]'), github.actor)":           false,
		"github.event.sender.type != 'Bot'":                                  false,
		author:                                                               false,
		"github.event.pull_request.user.id == 49699333":                      false,
		author + " && github.actor == 'dependabot[bot]'":                     false, // the author is checked, too
		"github.actor == 'dependabot[bot]' && " + author:                     false,
		"(" + author + ") && (github.actor == 'dependabot[bot]' || true)":    false,
		"contains(fromJSON('[\"dependabot[bot]\"]'), github.event.pull_request.user.login) && github.actor == 'dependabot[bot]'": false,
		same + " && github.actor == 'dependabot[bot]'":                     false, // not from a fork
		"github.event_name == 'push' && github.actor == 'dependabot[bot]'": false,
	} {
		cond := strings.ReplaceAll(cond, `"`, `\"`)
		text := "on: [pull_request_target, push]\npermissions: {}\njobs:\n  a:\n    if: \"" + cond + "\"\n    runs-on: ubuntu-latest\n    steps: [{run: make}]\n"
		if got := len(places(t, botCondition.ID, text)); got > 0 != want {
			t.Errorf("%s: %d findings", cond, got)
		}
		if got := places(t, unsoundContains.ID, text); len(got) > 0 {
			t.Errorf("%s: unsound contains, too", cond)
		}
		onPull := strings.Replace(text, "pull_request_target", "pull_request", 1)
		if got := places(t, botCondition.ID, onPull); len(got) > 0 {
			t.Errorf("%s: found on pull_request", cond)
		}
	}
	const step = "on: pull_request_target\npermissions: {}\njobs:\n  a:\n    if: " + author + "\n    runs-on: ubuntu-latest\n    steps: [{run: make, if: \"github.actor == 'dependabot[bot]'\"}]\n"
	if got := places(t, botCondition.ID, step); len(got) > 0 {
		t.Error("the job checks the author, and the step is found")
	}
}

// The labels of a runner, wherever they come from.
func TestSelfHostedLabels(t *testing.T) {
	t.Parallel()
	const own = "github.event.pull_request.head.repo.full_name == github.repository"
	for job, want := range map[string]bool{
		"    runs-on: self-hosted\n":                                                                                         true,
		"    runs-on: [Self-Hosted, linux]\n":                                                                                true,
		"    runs-on: {group: big, labels: [self-hosted, x64]}\n":                                                            true,
		"    runs-on: {group: big, labels: self-hosted}\n":                                                                   true,
		"    runs-on: ${{ 'self-hosted' }}\n":                                                                                true,
		"    runs-on: ${{ fromJSON('[\"self-hosted\", \"x64\"]') }}\n":                                                       true,
		"    runs-on: ${{ fromJSON('{\"group\":\"a\",\"labels\":[\"self-hosted\"]}') }}\n":                                   true,
		"    runs-on: ${{ github.repository == 'acme/app' && 'self-hosted' || 'ubuntu-latest' }}\n":                          true,
		"    runs-on: ${{ inputs.runner || 'self-hosted' }}\n":                                                               true,
		"    runs-on: ${{ github.event_name == 'push' && 'ubuntu-latest' || 'self-hosted' }}\n":                              true,
		"    strategy: {matrix: {r: [ubuntu-latest, self-hosted]}}\n    runs-on: ${{ matrix.r }}\n":                          true,
		"    strategy: {matrix: {r: [ubuntu-latest, [self-hosted, gpu]]}}\n    runs-on: ${{ matrix.r }}\n":                   true,
		"    strategy: {matrix: {include: [{r: ubuntu-latest}, {r: [self-hosted, ARM64]}]}}\n    runs-on: ${{ matrix.r }}\n": true,
		"    strategy: {matrix: {os: [{name: a, labels: [self-hosted]}]}}\n    runs-on: ${{ matrix.os.labels }}\n":           true,
		"    strategy: {matrix: {r: ['[\"self-hosted\"]']}}\n    runs-on: ${{ fromJSON(matrix.r) }}\n":                       true,
		"    strategy: {matrix: {r: [self-hosted]}}\n    runs-on: [\"${{ matrix.r }}\", linux]\n":                            true,
		"    strategy:\n      matrix: ${{ fromJSON('{\"r\":[\"self-hosted\"]}') }}\n    runs-on: ${{ matrix.r }}\n":          true,

		"    runs-on: ubuntu-latest\n":                                                                                                              false,
		"    runs-on: {group: big}\n":                                                                                                               false,
		"    runs-on: [linux, ARM64]\n":                                                                                                             false,
		"    runs-on: ${{ inputs.own && 'self-hosted' || 'ubuntu-latest' }}\n":                                                                      false,
		"    runs-on: ${{ inputs.runner == 'own' && 'self-hosted' || 'ubuntu-latest' }}\n":                                                          false,
		"    runs-on: ${{ github.event.head_commit && 'self-hosted' || 'ubuntu-latest' }}\n":                                                        false,
		"    runs-on: ${{ vars.RUNNER }}\n":                                                                                                         false,
		"    runs-on: not-self-hosted\n":                                                                                                            false,
		"    runs-on: ${{ github.event_name == 'push' && 'self-hosted' || 'ubuntu-latest' }}\n":                                                     false,
		"    runs-on: ${{ github.event_name != 'push' && 'ubuntu-latest' || 'self-hosted' }}\n":                                                     false,
		"    runs-on: ${{ " + own + " && 'self-hosted' || 'ubuntu-latest' }}\n":                                                                     false,
		"    runs-on: ${{ github.event.pull_request.head.repo.fork && 'ubuntu-latest' || 'self-hosted' }}\n":                                        false,
		"    if: " + own + "\n    strategy: {matrix: {r: [self-hosted]}}\n    runs-on: ${{ matrix.r }}\n":                                           false,
		"    strategy: {matrix: {r: [ubuntu-latest], kind: [self-hosted]}}\n    runs-on: ${{ matrix.r }}\n":                                         false,
		"    strategy: {matrix: {os: [{name: self-hosted, runner: ubuntu-latest}]}}\n    runs-on: ${{ matrix.os.runner }}\n":                        false,
		"    strategy: {matrix: {r: [\"${{ github.event_name == 'push' && 'self-hosted' || 'ubuntu-latest' }}\"]}}\n    runs-on: ${{ matrix.r }}\n": false,
	} {
		text := "on: [pull_request, push]\npermissions: {}\njobs:\n  a:\n" + job + "    steps: [{run: make}]\n"
		if got := len(places(t, selfHostedRunner.ID, text)); got > 0 != want {
			t.Errorf("%d findings:\n%s", got, text)
		}
		if got := places(t, selfHostedRunner.ID, strings.Replace(text, "[pull_request, push]", "push", 1)); len(got) > 0 {
			t.Errorf("found on push:\n%s", text)
		}
	}
}

// The label is an output of a job before, set to a constant.
func TestSelfHostedOutput(t *testing.T) {
	t.Parallel()
	const text = "on: pull_request\npermissions: {}\njobs:\n  pick:\n    runs-on: ubuntu-latest\n    outputs: {runner: \"${{ steps.r.outputs.runner }}\"}\n    steps:\n      - id: r\n        run: |\n          SCRIPT\n" +
		"  a:\n    needs: pick\n    runs-on: ${{ fromJSON(needs.pick.outputs.runner) }}\n    steps: [{run: make}]\n"
	for script, want := range map[string]int{
		`echo 'runner=["self-hosted", "x64"]' >> $GITHUB_OUTPUT`: 1,
		`echo 'runner="ubuntu-latest"' >> $GITHUB_OUTPUT`:        0,
		`if [ "$FORK" = true ]; then echo 'runner="ubuntu-latest"' >> $GITHUB_OUTPUT; else echo 'runner="self-hosted"' >> $GITHUB_OUTPUT; fi`: 0,
	} {
		if got := places(t, selfHostedRunner.ID, strings.Replace(text, "SCRIPT", script, 1)); len(got) != want {
			t.Errorf("%s: %v", script, got)
		}
	}
}
