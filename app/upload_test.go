package app_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/secbydesign/secbydesign/app/upload"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

const (
	audience   = "https://secbydesign.example.com"
	codeqlFile = ".github/workflows/codeql.yml"
	codeqlText = "on: {push: {branches: [main]}, pull_request: {}}\npermissions: {}\njobs:\n  analyze:\n    runs-on: ubuntu-latest\n    timeout-minutes: 60\n    steps: [{run: \"true\"}]\n"
)

// uploadStage is a stage that takes uploads. Its repository has a workflow, and a file with an old problem.
func uploadStage(t *testing.T, more map[string]string) *stage {
	t.Helper()
	files := map[string]string{codeqlFile: codeqlText, "app.js": handler(query(1))}
	for name, text := range more {
		files[name] = text
	}
	s := newStage(t, files)
	s.restart(func() { s.Settings.PublicURL = audience })
	return s
}

// query is a line that CodeQL complains about.
func query(n int) string {
	return fmt.Sprintf("  db.query(\"SELECT %d FROM t WHERE x = \" + req.q);\n", n)
}

func handler(lines ...string) string {
	return "const db = open();\nfunction handle(req) {\n" + strings.Join(lines, "") + "}\n"
}

// codeql writes CodeQL's results for a version of app.js, in the form of its 2.2x releases: written by hand after
// documents in public repositories.
func codeql(language, file, text string) string {
	type object = map[string]any
	var results []object
	for i, line := range strings.Split(text, "\n") {
		if !strings.Contains(line, "req.q") {
			continue
		}
		place := object{"artifactLocation": object{"uri": file, "uriBaseId": "%SRCROOT%", "index": 0},
			"region": object{"startLine": i + 1, "startColumn": strings.Index(line, `"`) + 1, "endColumn": strings.Index(line, ")") + 1}}
		source := object{"id": 1, "physicalLocation": place, "message": object{"text": "user-provided value"}}
		results = append(results, object{
			"ruleId": "js/sql-injection", "ruleIndex": 0, "rule": object{"id": "js/sql-injection", "index": 0},
			"message":   object{"text": "This query string depends on a [user-provided value](1)."},
			"locations": []object{{"physicalLocation": place}}, "relatedLocations": []object{source},
			"partialFingerprints": object{"primaryLocationLineHash": fmt.Sprintf("%016x:1", i), "primaryLocationStartColumnFingerprint": "4"},
			"codeFlows":           []object{{"threadFlows": []object{{"locations": []object{{"location": source}, {"location": source}}}}}},
		})
	}
	rule := object{
		"id": "js/sql-injection", "name": "js/sql-injection", "shortDescription": object{"text": "Database query built from user-controlled sources"},
		"fullDescription":      object{"text": "Building a database query from user-controlled sources is vulnerable to insertion of malicious code by the user."},
		"defaultConfiguration": object{"enabled": true, "level": "error"},
		"properties":           object{"tags": []string{"security", "external/cwe/cwe-089"}, "kind": "path-problem", "precision": "high", "security-severity": "8.8"},
	}
	doc := object{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": []object{{
		"tool": object{
			"driver":     object{"name": "CodeQL", "organization": "GitHub", "semanticVersion": "2.23.3", "rules": []object{rule}},
			"extensions": []object{{"name": "codeql/" + language + "-queries", "semanticVersion": "2.1.1"}},
		},
		"invocations": []object{{"executionSuccessful": true, "toolExecutionNotifications": []object{}}},
		"artifacts":   []object{{"location": object{"uri": file, "uriBaseId": "%SRCROOT%", "index": 0}}},
		"results":     results, "automationDetails": object{"id": "/language:" + language + "/"}, "columnKind": "utf16CodeUnits",
		"properties": object{"semmle.formatSpecifier": "sarif-latest"},
	}}}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// githubForm is a body as GitHub's own interface takes it.
func githubForm(commit, ref, doc string) string {
	b, err := json.Marshal(map[string]string{"commit_sha": commit, "ref": ref, "sarif": base64.StdEncoding.EncodeToString([]byte(packed(doc))), "tool_name": "CodeQL"})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// post sends a body as a job with these claims would.
func (s *stage) post(claims fakegithub.Claims, query, body string) (status int, answer string) {
	s.t.Helper()
	return s.postAs("Bearer "+s.GitHub.JobToken(audience, claims), "acme/shop", query, body, nil)
}

func (s *stage) postAs(authorization, repo, query, body string, header http.Header) (status int, answer string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.Address()+"/api/v1/repos/"+repo+"/sarif"+query, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	status, answer = exchange(s.t, req)
	return status, strings.TrimSpace(answer)
}

// pushed sends CodeQL's findings at the tip of main.
func (s *stage) pushed(text string) {
	s.t.Helper()
	tip := s.repo.Tip("main")
	if status, answer := s.post(s.repo.PushClaims("main", codeqlFile), "?commit_sha="+tip, codeql("javascript-typescript", "app.js", text)); status != http.StatusAccepted {
		s.t.Fatalf("%d: %s", status, answer)
	}
}

// analysed sends CodeQL's findings at the head of a pull request.
func (s *stage) analysed(n int, text string) string {
	s.t.Helper()
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	body := githubForm(head, fmt.Sprintf("refs/pull/%d/merge", n), codeql("javascript-typescript", "app.js", text))
	status, answer := s.post(s.repo.PullClaims(n, codeqlFile), "", body)
	if status != http.StatusAccepted {
		s.t.Fatalf("%d: %s", status, answer)
	}
	return answer
}

// saying waits until the verdict of the head says something.
func (s *stage) saying(n int, what string) fakegithub.CheckRun {
	s.t.Helper()
	for deadline := time.Now().Add(patience / 3); ; time.Sleep(50 * time.Millisecond) {
		run := s.verdict(n)
		if strings.Contains(run.Summary, what) {
			return run
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the verdict never says %q, but:\n%s", what, run.Summary)
		}
	}
}

func TestCodeQLFromAWorkflow(t *testing.T) {
	t.Parallel()
	s := uploadStage(t, nil)
	s.pushed(handler(query(1)))
	change := handler("  log(req);\n", query(1), query(2)) // an old one that moved, and a new one
	n := s.open("change", map[string]string{"app.js": change})
	s.want(n, "success")
	s.saying(n, "codeql: Its workflow has not sent results of this commit yet")

	if answer, want := s.analysed(n, change), fmt.Sprintf(`{"commit":%q,"scanners":["codeql"],"findings":2,"pulls":[1]}`, s.GitHub.Pull("acme", "shop", n).HeadSHA); answer != want {
		t.Errorf("the sender reads %s\nwant %s", answer, want)
	}
	run := s.saying(n, "scanned by")
	if !strings.Contains(run.Summary, "codeql 2.23.3") || strings.Contains(run.Summary, "not sent") {
		t.Errorf("the summary:\n%s", run.Summary)
	}
	s.want(n, "neutral", "app.js:5 open")
	first := s.GitHub.Threads("acme", "shop", n)[0].Comments[0].Body
	for _, want := range []string{"**High: Database query built from user-controlled sources**", "This query string depends on a user-provided value", "CWE-89", "`codeql/js/sql-injection`"} {
		if !strings.Contains(first, want) {
			t.Errorf("the comment lacks %q:\n%s", want, first)
		}
	}

	// The next head has no results until they come, and nothing is called fixed before.
	fixed := handler("  log(req);\n", query(1))
	s.push(n, "change", map[string]string{"app.js": fixed})
	s.saying(n, "not sent results of this commit yet")
	for _, thread := range s.threads(n) {
		if strings.HasSuffix(thread, "settled") {
			t.Errorf("%s before anybody looked", thread)
		}
	}
	s.analysed(n, fixed)
	s.saying(n, "codeql 2.23.3")
	s.want(n, "success", "app.js settled")

	// The same again changes nothing, and another upload for the same head counts instead of it.
	s.analysed(n, fixed)
	s.analysed(n, handler("  log(req);\n", query(1), query(1)))
	s.until("the newest results count", func() bool { return s.verdict(n).Conclusion == "neutral" })
}

func TestAWorkflowThatThePullRequestEdits(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]string{
		"the workflow":       {codeqlFile: codeqlText + "# nothing to see here\n"},
		"an action":          {".github/actions/scan/action.yml": "runs: {using: composite, steps: []}\n"},
		"settings of CodeQL": {".github/codeql/config.yml": "paths-ignore: ['**']\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := uploadStage(t, nil)
			s.pushed(handler(query(1)))
			change["app.js"] = handler(query(1), query(2))
			n := s.open("change", change)
			s.analysed(n, handler(query(1))) // it says that there is nothing new
			run := s.saying(n, "a finding that is missing proves nothing")
			if run.Conclusion == "success" || !strings.Contains(run.Title, "codeql did not finish") {
				t.Errorf("%s: %s", run.Conclusion, run.Title)
			}
			s.analysed(n, change["app.js"]) // what it finds is shown all the same
			s.until("the finding has a thread", func() bool { return slices.Contains(s.threads(n), "app.js:4 open") })
			s.analysed(n, handler(query(1))) // and is not taken back
			s.reviewed(n)
			if got := s.threads(n); slices.Contains(got, "app.js settled") || slices.Contains(got, "app.js:4 settled") {
				t.Errorf("the finding is called fixed: %q", got)
			}
		})
	}
}

// TestAWorkflowOfAnotherBase has a pull request change its base after a workflow ran that only the other
// base has: the change itself does not touch it.
func TestAWorkflowOfAnotherBase(t *testing.T) {
	t.Parallel()
	s := uploadStage(t, nil)
	s.pushed(handler(query(1)))
	s.repo.Commit("evil", s.base, "another base", map[string]string{codeqlFile: codeqlText + "# finds nothing\n"})
	s.repo.Commit("change", s.base, "change", map[string]string{"app.js": handler(query(1), query(2))})
	n := s.repo.OpenPull("Change", "", "evil", "change", "mona", false)
	s.reviewed(n) // the first results of this base come later
	s.analysed(n, handler(query(1)))
	s.saying(n, "codeql 2.23.3") // at this base that is how it is done
	s.GitHub.ChangeBase("acme", "shop", n, "mona", "main")
	s.saying(n, "a finding that is missing proves nothing")
	s.analysed(n, handler(query(1), query(2))) // the workflow runs again, now that of main
	s.saying(n, "codeql 2.23.3")
	s.want(n, "neutral", "app.js:4 open")
}

func TestNothingIsNewWithoutTheBase(t *testing.T) {
	t.Parallel()
	s := uploadStage(t, map[string]string{policyFile: "version: 1\nscanners: {codeql: {enabled: true}}\n"})
	n := s.open("change", map[string]string{"app.js": handler(query(1), query(2))})
	run := s.saying(n, "Its workflow has not sent results of this commit yet")
	if run.Conclusion != "neutral" || !strings.Contains(run.Title, "codeql did not finish") {
		t.Errorf("required and missing: %s, %s", run.Conclusion, run.Title)
	}
	s.analysed(n, handler(query(1), query(2)))
	run = s.saying(n, fmt.Sprintf("There are no results of /language:javascript-typescript of the base, commit %.10s", s.base))
	if run.Conclusion != "neutral" || len(s.threads(n)) != 0 {
		t.Errorf("%s, threads %q", run.Conclusion, s.threads(n))
	}
	s.pushed(handler(query(1))) // late, and about a commit that is nobody's head
	s.saying(n, "codeql 2.23.3")
	s.want(n, "neutral", "app.js:4 open")
}

// TestUploadsThatAreNotTaken checks the answers to refused uploads, and that nothing of them is kept.
func TestUploadsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	s := uploadStage(t, map[string]string{"b.js": "1\n"})
	s.GitHub.CreateOrg("others")
	s.GitHub.CreateRepo("others", "shop", true).Commit("main", "", "base", map[string]string{"app.js": "1\n"})
	n := s.open("change", map[string]string{"app.js": handler(query(1), query(2))})
	s.want(n, "success")
	head, base := s.GitHub.Pull("acme", "shop", n).HeadSHA, s.base
	beside, _ := s.GitHub.CreateRepo("acme", "beside", false).PushClaims("main", codeqlFile)["repository_id"].(string)
	good, at := codeql("javascript-typescript", "app.js", handler(query(1))), "?commit_sha="+base
	push, pull := s.repo.PushClaims("main", codeqlFile), s.repo.PullClaims(n, codeqlFile)
	with := func(claims fakegithub.Claims, more fakegithub.Claims) string {
		claims = maps.Clone(claims)
		maps.Copy(claims, more)
		return "Bearer " + s.GitHub.JobToken(audience, claims)
	}
	now := time.Now().Unix()
	signed := func(method jwt.SigningMethod, key any, kid string) string {
		claims := jwt.MapClaims{"iss": s.GitHub.URL() + "/_services/token", "aud": audience, "iat": now, "exp": now + 300}
		for k, v := range push {
			claims[k] = v
		}
		token := jwt.NewWithClaims(method, claims)
		token.Header["kid"] = kid
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	outsider, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&s.GitHub.ActionsKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	ok, okPull := with(push, nil), with(pull, nil)
	zip := http.Header{"Content-Encoding": {"gzip"}}
	other := strings.Repeat("a", 40)

	for name, c := range map[string]struct {
		token, repo, query, body string
		header                   http.Header
		status                   int
		says                     string
	}{
		"no token":             {token: "-", status: 401, says: "id-token: write"},
		"basic":                {token: "Basic eDp5", status: 401, says: "Authorization: Bearer"},
		"no JWT":               {token: "Bearer abc", status: 401, says: "with the audience " + audience},
		"long":                 {token: "Bearer " + strings.Repeat("a", 20<<10), status: 401},
		"alg none":             {token: signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "key-of-actions"), status: 401},
		"HS256, public key":    {token: signed(jwt.SigningMethodHS256, publicPEM, "key-of-actions"), status: 401},
		"RS512":                {token: signed(jwt.SigningMethodRS512, s.GitHub.ActionsKey(), "key-of-actions"), status: 401},
		"an outsider's key":    {token: signed(jwt.SigningMethodRS256, outsider, "key-of-actions"), status: 401},
		"an unknown key":       {token: signed(jwt.SigningMethodRS256, outsider, "another"), status: 401},
		"cut":                  {token: ok[:len(ok)-3], status: 401},
		"another audience":     {token: "Bearer " + s.GitHub.JobToken("https://github.com/acme", push), status: 401},
		"another issuer":       {token: with(push, fakegithub.Claims{"iss": "https://token.actions.githubusercontent.com"}), status: 401},
		"expired":              {token: with(push, fakegithub.Claims{"exp": now - 1}), status: 401},
		"no expiry":            {token: with(push, fakegithub.Claims{"exp": nil}), status: 401},
		"not yet":              {token: with(push, fakegithub.Claims{"nbf": now + 3600}), status: 401},
		"of the future":        {token: with(push, fakegithub.Claims{"iat": now + 3600}), status: 401},
		"no moment":            {token: with(push, fakegithub.Claims{"iat": nil}), status: 401},
		"no repository":        {token: with(push, fakegithub.Claims{"repository": nil}), status: 401},
		"no repository id":     {token: with(push, fakegithub.Claims{"repository_id": nil}), status: 401},
		"an id of letters":     {token: with(push, fakegithub.Claims{"repository_id": "shop"}), status: 401},
		"an id of zero":        {token: with(push, fakegithub.Claims{"repository_id": "0"}), status: 401},
		"an older repository":  {token: with(push, fakegithub.Claims{"repository_id": "999999"}), status: 403, says: "has had the name acme/shop"},
		"one beside it":        {token: with(push, fakegithub.Claims{"repository_id": beside}), status: 403, says: "has had the name acme/shop"},
		"no commit":            {token: with(push, fakegithub.Claims{"sha": nil}), status: 401},
		"no event":             {token: with(push, fakegithub.Claims{"event_name": nil}), status: 401},
		"another repository":   {token: with(push, fakegithub.Claims{"repository": "acme/other"}), status: 403, says: "a job in acme/other"},
		"replayed elsewhere":   {token: ok, repo: "others/shop", status: 403, says: "a job in acme/shop"},
		"not installed":        {token: with(push, fakegithub.Claims{"repository": "others/shop"}), repo: "others/shop", status: 404, says: "not installed"},
		"by an outsider":       {token: with(push, fakegithub.Claims{"event_name": "pull_request_target"}), status: 403, says: `started by "pull_request_target"`},
		"by a comment":         {token: with(push, fakegithub.Claims{"event_name": "issue_comment"}), status: 403},
		"of a tag":             {token: with(push, fakegithub.Claims{"ref": "refs/tags/v1"}), status: 403, says: "refs/tags/v1"},
		"of no pull request":   {token: with(pull, fakegithub.Claims{"ref": "refs/heads/main"}), query: "?commit_sha=" + head, status: 403, says: "no pull request"},
		"another commit":       {token: ok, query: "?commit_sha=" + head, status: 403, says: "it says nothing about " + head},
		"the merge":            {token: okPull, query: "?commit_sha=" + pull["sha"].(string), status: 400, says: "github.event.pull_request.head.sha"},
		"another ref":          {token: ok, query: at + "&ref=refs/heads/other", status: 403, says: `nothing about "refs/heads/other"`},
		"an unknown commit":    {token: okPull, query: "?commit_sha=" + other, status: 404, says: other + " is not in acme/shop"},
		"a short commit":       {token: okPull, query: "?commit_sha=abc", status: 400, says: "40 hexadecimal digits"},
		"an option":            {token: okPull, query: "?commit_sha=--upload-pack=x", status: 400, says: "40 hexadecimal digits"},
		"nothing":              {token: ok, query: at, body: " ", status: 400, says: "ends in the middle of"},
		"no JSON":              {token: ok, query: at, body: "nope", status: 400, says: "not valid JSON"},
		"no SARIF":             {token: ok, query: at, body: `{"a":1}`, status: 400, says: `it has no "version"`},
		"no run":               {token: ok, query: at, body: `{"version":"2.1.0","runs":[]}`, status: 400, says: "has no run"},
		"no tool":              {token: ok, query: at, body: `{"version":"2.1.0","runs":[{"results":[]}]}`, status: 400, says: "runs[0] has no name"},
		"a tool of no letters": {token: ok, query: at, body: `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"日本"}}}]}`, status: 400, says: "runs[0] has no name"},
		"cut document":         {token: ok, query: at, body: good[:len(good)/2], status: 400, says: "ends in the middle of"},
		"no gzip":              {token: ok, query: at, header: zip, status: 400, says: "could not be unpacked"},
		"cut gzip":             {token: ok, query: at, header: zip, body: packed(good)[:200], status: 400, says: "truncated"},
		"another encoding":     {token: ok, query: at, header: http.Header{"Content-Encoding": {"br"}}, status: 400, says: `"br"`},
		"a bomb":               {token: ok, query: at, header: zip, body: packed(strings.Repeat(" ", upload.MaxDocument+1)), status: 413, says: "more than 100 MB"},
		"a bomb in a form":     {token: ok, body: githubForm(base, "", strings.Repeat(" ", upload.MaxDocument+1)), status: 413, says: "more than 100 MB"},
		"too large":            {token: ok, query: at, body: strings.Repeat(" ", upload.MaxDocument+1), status: 413, says: "more than 100 MB"},
		"a form too large":     {token: ok, body: `{"sarif":"` + strings.Repeat("a", 33<<20) + `"}`, status: 413, says: "Content-Encoding: gzip"},
		"no form":              {token: ok, body: good, status: 400, says: "?commit_sha="},
		"a form of a list":     {token: ok, body: "[]", status: 400, says: "is not a JSON object"},
		"a form without gzip":  {token: ok, body: fmt.Sprintf(`{"commit_sha":%q,"sarif":%q}`, base, base64.StdEncoding.EncodeToString([]byte(good))), status: 400, says: "could not be unpacked"},
		"a form without base":  {token: ok, body: fmt.Sprintf(`{"commit_sha":%q,"sarif":"%%%%%%"}`, base), status: 400},
	} {
		if c.repo == "" {
			c.repo = "acme/shop"
		}
		if c.body == "" {
			c.body = good
		}
		if c.query == "" && !strings.Contains(name, "form") {
			c.query = at
		}
		status, answer := s.postAs(strings.TrimPrefix(c.token, "-"), c.repo, c.query, c.body, c.header)
		var reply struct{ Message string }
		if err := json.Unmarshal([]byte(answer), &reply); err != nil || status != c.status || !strings.Contains(reply.Message, c.says) || !strings.HasSuffix(reply.Message, ".") {
			t.Errorf("%s: %d %.300s, want %d with %q", name, status, answer, c.status, c.says)
		}
	}
	if strings.Contains(s.logs.String(), strings.TrimPrefix(ok, "Bearer ")[:200]) {
		t.Error("a token is in the log")
	}
	s.until("nothing was kept", func() bool { return s.verdict(n).Conclusion == "success" })
	if sum := s.verdict(n).Summary; strings.Contains(sum, "codeql") {
		t.Errorf("something of it is known:\n%s", sum)
	}
}

// TestUploadsAreRefusedByTheirHead holds that a sender without the right to send is answered before it sends a body,
// and that a client which sends the body first can still read the answer.
func TestUploadsAreRefusedByTheirHead(t *testing.T) {
	t.Parallel()
	s := uploadStage(t, map[string]string{"b.js": "1\n"})
	s.GitHub.CreateOrg("others")
	s.GitHub.CreateRepo("others", "shop", true).Commit("main", "", "base", map[string]string{"app.js": "1\n"})
	claims := maps.Clone(s.repo.PushClaims("main", codeqlFile))
	claims["repository"] = "others/shop"
	outsider := "Bearer " + s.GitHub.JobToken(audience, claims)
	body := make([]byte, 30<<20)
	for name, c := range map[string]struct {
		token  string
		repo   string
		sent   []byte // before the answer is read
		status int
	}{
		"no token":                       {"", "acme/shop", nil, 401},
		"no token, after a body":         {"", "acme/shop", body, 401},
		"not installed":                  {outsider, "others/shop", nil, 404},
		"not installed, after a body":    {outsider, "others/shop", body, 404},
		"another repository":             {outsider, "acme/shop", nil, 403},
		"another repository, after that": {outsider, "acme/shop", body, 403},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.Address(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(conn, "POST /api/v1/repos/%s/sarif?commit_sha=%s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n", c.repo, s.base, c.token, len(body))
		if err == nil {
			_, err = conn.Write(c.sent)
		}
		if err != nil {
			t.Fatalf("%s: the request could not be sent to its end: %v", name, err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != c.status {
			t.Errorf("%s: %d %s %v, want %d", name, resp.StatusCode, text, err, c.status)
		}
		_ = conn.Close()
	}
}

// TestWhatAToolSaysOfPlaces has results outside of the tree, and a tool that is a scanner here, too.
func TestWhatAToolSaysOfPlaces(t *testing.T) {
	t.Parallel()
	s := uploadStage(t, nil)
	doc := strings.ReplaceAll(codeql("go", "/home/runner/work/shop/shop/app.js", handler(query(1))), `"CodeQL"`, `"Gitleaks"`)
	push, at := s.repo.PushClaims("main", codeqlFile), "?commit_sha="+strings.ToUpper(s.base)
	for query, want := range map[string]string{
		at: `"findings":0,"incomplete":"Findings of the tool \"Gitleaks\" outside the repository's files are left out: 1."`,
		at + "&ref=refs/heads/main&checkout_uri=file:///home/runner/work/shop/shop/": `"findings":1}`,
	} {
		status, answer := s.post(push, query, doc)
		if status != http.StatusAccepted || !strings.Contains(answer, `"scanners":["gitleaks-upload"]`) || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s, want %s", query, status, answer, want)
		}
	}
}

// TestUploadsWhileGitHubIsAway are tried again by their senders.
func TestUploadsWhileGitHubIsAway(t *testing.T) {
	t.Parallel()
	s := uploadStage(t, nil)
	push, at, doc := s.repo.PushClaims("main", codeqlFile), "?commit_sha="+s.base, codeql("go", "app.js", handler(query(1)))
	for _, path := range []string{"/_services/token/.well-known/openid-configuration", "/_services/token/.well-known/jwks", "/acme/shop.git/info/refs"} {
		s.GitHub.Fail(fakegithub.BadGateway("GET", path, 10, false))
		if status, answer := s.post(push, at, doc); status != http.StatusServiceUnavailable || !strings.Contains(answer, "later") {
			t.Errorf("%s: %d %s", path, status, answer)
		}
		s.GitHub.ClearFaults()
	}
	if status, answer := s.post(push, at, doc); status != http.StatusAccepted {
		t.Errorf("when it is back: %d %s", status, answer)
	}
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}
