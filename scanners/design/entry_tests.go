package design

import (
	"sort"
	"strings"
)

// A testFunc is one test in a file.
type testFunc struct {
	name       string
	begin, end int
}

var (
	goTest   = rex(`(?m)^func\s+(?:\([^)]*\)\s*)?(?P<name>(?:Test|Benchmark|Example|test)\w*)\s*\([^{\n]*(?P<open>\{)`)
	jsTest   = rex(`\b(?:it|test|Deno\.test)(?:\.\w+)*(?:\((?:[^()'"]*|\[[^\]]*\])\))?(?P<open>\()\s*(?P<name>'[^'\n]*'|"[^"\n]*"|` + "`[^`\n]*`" + `)`)
	pyTest   = rex(`(?m)^(?P<in>[ \t]*)(?:async\s+)?def\s+(?P<name>test\w*)\s*\(`)
	javaTest = rex(`@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Fact|Theory)\b(?:\([^)\n]*\))?(?:\s*@\w+(?:\([^)\n]*\))?)*\s*(?:(?:public|protected|private|internal|suspend|open)\s+)*(?:void|fun|def|\w+)\s+(?P<name>\w+|` + "`[^`\n]*`" + `)\s*\([^{;]*(?P<open>\{)`)
	csTest   = rex(`\[(?:Fact|Theory|Test|TestMethod|TestCase|BitAutoData|InlineData)\b[^\n]*\n(?:\s*\[[^\n]*\n)*\s*(?:public|internal|private)?\s*(?:async\s+)?(?:[\w<>]+)\s+(?P<name>\w+)\s*\([^{;]*(?P<open>\{)`)
	phpTest  = rex(`\bfunction\s+(?P<name>test\w*)\s*\([^{;]*(?P<open>\{)|\b(?:it|test)(?P<call>\()\s*(?P<title>'[^'\n]*'|"[^"\n]*")`)
	rbTest   = rex(`(?m)^(?P<in>[ \t]*)(?:it|specify|example|scenario|test|should|its)\b[ (]*(?P<name>"[^"\n]*"|'[^'\n]*'|:?\w*)[^\n]*\bdo\b[^\n]*$|^(?P<in2>[ \t]*)def\s+(?P<def>test_\w+)`)
	rsTest   = rex(`#\[(?:\w+::)*test[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:pub\s+)?(?:async\s+)?fn\s+(?P<name>\w+)\s*\([^{;]*(?P<open>\{)`)
)

var testPatterns = map[language]*lazyRegexp{
	golang: goTest, javascript: jsTest, python: pyTest, java: javaTest, csharp: csTest, php: phpTest, ruby: rbTest, rust: rsTest,
}

// testFuncs returns the tests of a file, in their order.
func (s *source) testFuncs() (all []testFunc) {
	re := testPatterns[s.language]
	if re == nil {
		return nil
	}
	for _, h := range s.hits(re) {
		t := testFunc{name: strings.Trim(first(h, "name", "title", "def"), "'\"`"), begin: h.begin(), end: h.end()}
		if at := max(h.offset("open"), h.offset("call")); at >= 0 {
			t.end = s.past(at)
		} else {
			t.end = s.dedent(h.end(), len(h.group("in")+h.group("in2")))
		}
		if n := len(all); n > 0 && t.begin < all[n-1].end {
			continue // a test in a test
		}
		all = append(all, t)
	}
	return all
}

// dedent returns the offset of the first line after an offset that is indented by no more than some blanks.
func (s *source) dedent(at, indent int) int {
	code := s.code()
	for at < len(code) {
		next := until(code, at, '\n') + 1
		if next >= len(code) {
			break
		}
		end := until(code, next, '\n')
		line := string(code[next:end])
		if text := strings.TrimLeft(line, " \t"); strings.TrimSpace(text) != "" && len(line)-len(text) <= indent && !strings.HasPrefix(text, ")") {
			return next
		}
		at = end
	}
	return len(code)
}

var (
	testedPath = rex("(?:\"|'|`)(?:(?:GET|POST|PUT|PATCH|DELETE|HEAD) )?(?:https?://[^/\"'`\\s]+|\\$?\\{[^}\"'`\\s]*\\})?(/[^\"'`\\s]*)(?:\"|'|`)")
	refused    = rex(`\b(?P<number>401|403)\b|(?:Status(?:Code)?(?:es)?\.?_?|HTTP_40[13]_|HttpStatus\.|HttpStatusCode\.|Response\.Status\.|Status\.|:|is|assert|toBe)(?P<name>UNAUTHORIZED|FORBIDDEN|Unauthorized|Forbidden|unauthorized|forbidden)\b`)
	expecting  = rex(`(?i)status|code|expect|assert|want|should|tobe|equal|refus|is\(|have_http|throws|,\s*40[13]\s*[,})\]]`)
	contrary   = rex(`NotEqual|NotEquals|NotContains|\.not\.|\.not_to|to_not|\bisNot|AssertNot|assertNot|\bassert\b.*!=|\bNotTo\(|ShouldNot|not\.be\.`)
	goContrary = rex(`\bif\b[^{]*==\s*(?:http\.Status(?:Unauthorized|Forbidden)|40[13])\b`)
	fakes      = rex(`WriteHeader|http\.Error|\.reply\(|willReturn|thenReturn|respondWith|return_value|\.respond\(|NewStringResponder|setResponseCode|Response\{|new Response\(|HttpResponse\(|HttpResponse\.json|to_return|aResponse|\.status\(40[13]\)\.(send|json|end)|fulfill\(|mockRe(solved|jected|turn)|status_code\s*=[^=]|responses\.add|nock\(|side_effect|rw\.|reply\.code|statusCode\s*=[^=]`)
)

// refusals reads tests that send a request to a path and expect it to be refused.
func refusals(s *source) {
	if s.class != test {
		return
	}
	paths := testedPath.FindAllSubmatchIndex(s.code(), -1)
	codes := refused.FindAllSubmatchIndex(s.code(), -1)
	if len(paths) == 0 || len(codes) == 0 {
		return
	}
	for _, t := range s.testFuncs() {
		in := within(paths, t.begin, t.end)
		done := map[string]bool{}
		for _, c := range within(codes, t.begin, t.end) {
			code := s.refusal(c)
			if code == "" {
				continue
			}
			for _, p := range s.pathsOf(in, t.begin, c[0]) {
				key := interpolated.ReplaceAllString(string(s.code()[p[2]:p[3]]), "{$1}")
				if !staticPart.MatchString(key) {
					continue
				}
				if i := strings.IndexAny(key, "?#"); i > 0 {
					key = key[:i]
				}
				if done[key] || key == "/" && len(in) > 1 {
					continue
				}
				done[key] = true
				s.add(RefusalTest, key, s.lineAt(c[0]), with("test", t.name), with("code", code))
			}
		}
	}
}

var (
	interpolated = rex(`[#$]?\{([^{}]*)\}|%[sdvq]`)
	staticPart   = rex(`/([\w.~-]|$)`)
)

// within returns the matches between two offsets. They are sorted.
func within(all [][]int, begin, end int) [][]int {
	from := sort.Search(len(all), func(i int) bool { return all[i][0] >= begin })
	to := sort.Search(len(all), func(i int) bool { return all[i][0] >= end })
	return all[from:max(from, to)]
}

// refusal returns the code that a match expects, "" if it expects none.
func (s *source) refusal(c []int) string {
	line := s.line(s.lineAt(c[0]))
	if len(line) > maxLine || contrary.MatchString(line) || fakes.MatchString(line) || s.language == golang && goContrary.MatchString(line) {
		return ""
	}
	if c[2] >= 0 { // a number
		if s.brackets()[c[2]] == inString && !strings.Contains(line, "toContain") || !expecting.MatchString(line) {
			return ""
		}
		return string(s.code()[c[2]:c[3]])
	}
	if s.brackets()[c[0]] == inString {
		return ""
	}
	if strings.EqualFold(string(s.code()[c[4]:c[5]]), "forbidden") {
		return "403"
	}
	return "401"
}

// pathsOf returns the paths of the requests that an expectation at an offset is about: those in the smallest bracket
// around both, the last one before the expectation. If that one is in a list, all of the list.
func (s *source) pathsOf(paths [][]int, begin, at int) [][]int {
	if len(paths) == 0 {
		return nil
	}
	open := s.around(at, begin)
	for open > begin {
		if in := within(paths, open, s.past(open)); len(in) > 0 {
			paths = in
			break
		}
		open = s.around(open, begin)
	}
	i := sort.Search(len(paths), func(i int) bool { return paths[i][0] >= at }) - 1
	chosen := paths[max(0, i)]
	list := s.around(chosen[0], begin)
	if list >= begin && (s.code()[list] == '[' || s.code()[list] == '{') && s.past(list) <= at {
		if all := within(paths, list, s.past(list)); len(all) > 1 {
			return all
		}
	}
	return [][]int{chosen}
}

// around returns the offset of the smallest bracket around an offset, not before another; -1 for none.
func (s *source) around(at, from int) int {
	const most = 20_000
	for i := at - 1; i >= max(0, from, at-most); i-- {
		p := s.brackets()[i]
		if p > int32(at)+1 { // opens before, closes after
			return i
		}
		if p > 0 && int(p)-1 < i { // a closed pair: skip it
			i = int(p) - 1
		}
	}
	return -1
}

var (
	// signed are calls that check who sent a message.
	signed = rex(`\b(hmac\.Equal|subtle\.ConstantTimeCompare|timingSafeEqual|hmac\.compare_digest|secrets\.compare_digest|compare_digest|constant_time_compare|secure_compare|fixed_length_secure_compare|MessageDigest\.isEqual|FixedTimeEquals|hash_equals|constructEvent(?:Async)?|construct_event|ConstructEvent|webhook\.ConstructEvent\w*|Webhook\.construct_event|EventUtility\.ConstructEvent|ValidatePayload|ValidateSignature|ParseWebhookRequest|NewSecretsVerifier|verify_slice|ed25519\.Verify|SignatureValidator\w*|(?:[\w.]+\.)?(?i:(?:verify|validate|check|is_?valid)_?(?:\w*(?:webhook|request|payload|message|event|hub|body|slack|stripe|github|gitlab|twilio|paypal)_?\w*)?(?:signature|hmac|oauth_?state|csrf_?state|state_?(?:token|param|cookie))|verify_?webhook)\w*)\s*\(`)

	// states compare the state of a redirect with the one that was issued.
	states = rex(`(?i)\(["']state["']\)\s*(?:!==?|===?)|\b(?:[\w.]*state\w*(?:\([^()\n]*\))?)\s*(?:!==?|===?)\s*[\w.]*state\w*|\b(?:cookies?|session|storage|store|redis)\w*[^\n;]{0,60}\bstate\w*["')\]]*\s*(?:!==?|===?)`)

	oauth = rex(`(?i)oauth|openid|oidc`)

	wrongSignature = rex(`(?i)(wrong|invalid|bad|forged|tampered|missing|no|without|mismatch\w*)[ _-]?(a[ _-])?(valid[ _-]?)?(webhook[ _-]?)?(hmac|signature)|(signature|hmac)[ _-]?(is[ _-]?)?(invalid|mismatch|wrong|missing)`)
)

// signatures reads checks that a message was signed, or carries a state that we issued.
func signatures(s *source) {
	if !s.is(golang, javascript, python, ruby, java, csharp, php, rust) {
		return
	}
	if s.class == test {
		for _, t := range s.testFuncs() {
			if wrongSignature.MatchString(t.name) {
				s.add(SignatureCheck, "the test "+t.name, s.lineAt(t.begin))
			}
		}
		return
	}
	if s.hasFold(signedWords...) {
		s.signed()
	}
	if !oauth.MatchString(s.path) && !s.hasFold("oauth", "openid", "oidc") {
		return
	}
	for _, h := range s.hits(states) {
		s.add(SignatureCheck, "a comparison of the state", h.line())
	}
}

// signedWords are a cheap test before signed: one of them is in each call.
var signedWords = []string{
	"hmac", "constanttime", "timingsafeequal", "compare_digest", "constant_time", "secure_compare", "messagedigest", "fixedtimeequals", "hash_equals",
	"constructevent", "construct_event", "validatepayload", "signature", "parsewebhookrequest", "newsecretsverifier", "verify_slice", "ed25519",
	"oauth", "csrf", "statetoken", "state_token", "stateparam", "state_param", "statecookie", "state_cookie", "webhook",
}

func (s *source) signed() {
	for _, h := range s.hits(signed) {
		s.add(SignatureCheck, strings.TrimSpace(strings.TrimSuffix(string(s.code()[h.begin():h.end()]), "(")), h.line())
	}
}
