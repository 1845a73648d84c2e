package design

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A controlRule knows controls of one kind. The key is the first named group, or the match.
type controlRule struct {
	kind  string
	in    []language
	words []string // one of them is in each file with the control
	re    *lazyRegexp
}

// The kinds of controls, see [Control].
const (
	authnCheck        = "authn-check"
	rateLimit         = "rate-limit"
	csrfCheck         = "csrf"
	browserHeaders    = "browser-headers"
	signatureCheck    = "signature-check"
	workloadHardening = "workload-hardening"
)

var controlRules = sync.OnceValue(func() []controlRule {
	code := langs(golang, javascript, python, ruby, java, csharp, php, rust)
	auth := []string{"uth", "equire", "ecured", "Roles", "ermission", "ogin", "verify", "ensure", "protected", "Guard", "current_", "admin"}
	return []controlRule{
		{authnCheck, langs(ruby), auth, rex(`\b(?:prepend_)?before_action\s+:(?P<k>(?:authenticate|require|authori[sz]e|verify|ensure|check)_?\w*(?:user|login|logged|signed|admin|auth|permission|access|token|account|member|staff|role)\w*[!?]?|authenticate\w*[!?]?|authorize\w*[!?]?)|\bload_and_authorize_resource\b|(?m:^\s*)authorize!?\s+[@:\w]+|\bverify_authorized\b`)},
		{authnCheck, langs(python), auth, rex(`@(?P<k>(?:\w+\.)?(?:login_required|permission_required|jwt_required|auth_required|requires_auth|require_auth|user_passes_test|staff_member_required|superuser_required|admin_required|token_required|roles_required|roles_accepted|fresh_login_required|permission_classes|authentication_classes|requires_permission|has_permission|require_permission|login_or_\w+|\w*(?:auth|login|permission)_?\w*))\b|\bpermission_classes\s*=\s*[\[(][^\])]*\b(?P<p>Is\w+|Has\w+|\w*Permission\w*)|\b(?P<m>LoginRequiredMixin|PermissionRequiredMixin|UserPassesTestMixin)\b|\bDepends\(\s*(?P<d>(?:\w+\.)?(?:get_|require_|verify_)?(?:current|active|auth)\w*|(?:require|verify)_\w+)\s*[,)]|\bSecurity\(\s*(?P<s>\w+)`)},
		{authnCheck, langs(java), auth, rex(`@(?P<k>Secured|RolesAllowed|Requires?\w*(?:Permission|Role|Auth|Login)\w*|SaCheck\w+|\w*(?:Authorize|Authenticated|Permission|LoginRequired)\w*)\b|\.(?P<m>authenticated|hasRole|hasAnyRole|hasAuthority|hasAnyAuthority|fullyAuthenticated)\(|\bauthenticate\(\s*"(?P<a>[\w-]+)"\s*\)\s*\{`)},
		{authnCheck, langs(csharp), auth, rex(`\[(?:\w+(?:\([^)\]]*\))?,\s*)*(?P<k>Authorize)\b|\.(?P<m>RequireAuthorization|RequireRole|RequireClaim|RequireAuthenticatedUser)\(`)},
		{authnCheck, langs(javascript), auth, rex(`@(?P<k>UseGuards|\w*(?:Auth|Guard|Permission|Role)\w*)\(|\b(?P<f>(?:require|ensure|check|verify|validate)(?:Auth\w*|Login|LoggedIn|Session|User|Admin|Role|Permissions?|Token|Jwt|JWT|ApiKey|Owner|Authenticated|Authorization)|isAuthenticated|isAuthorized|isLoggedIn|isAdmin|authMiddleware|authenticateToken|authenticateUser|authenticateJWT|passport\.authenticate|protectedProcedure|adminProcedure|privateProcedure|withAuth|getServerSession|jwtAuth|hasPermission|checkJwt)\b`)},
		{authnCheck, langs(golang), auth, rex(`\b(?:\w+\.)?(?P<k>(?:Require|Ensure|Must|Check|Verify|Validate|With|Req)(?:Auth\w*|Login|LoggedIn|Session|User|Admin|Role\w*|Perm\w*|Scope\w*|SignIn|SignedIn|Token|JWT|APIKey)|[aA]uthMiddleware|[aA]uthenticationMiddleware|[jJ]wtMiddleware|JWTMiddleware|Authenticator|BasicAuth|KeyAuth|IsAuthenticated|IsAdmin|reqSignIn|requireAuth\w*|requireLogin|requireAdmin|requireUser|authRequired|AuthRequired|jwtauth\.Verifier)\b`)},
		{authnCheck, langs(php), auth, rex(`->middleware\(\s*\[?\s*['"](?P<k>auth[\w:.-]*|can:[\w,.-]+|role:[\w|,.-]+|permission:[\w|,.-]+)|(?P<s>#\[IsGranted|denyAccessUnlessGranted|\$this->authorize|Gate::authorize)\(|@IsGranted\b`)},
		{authnCheck, langs(rust), auth, rex(`\b(?P<k>require_auth\w*|RequireAuthorizationLayer|AuthenticatedUser|AuthUser|CurrentUser|HttpAuthentication::\w+)\b`)},
		{rateLimit, code, []string{"imit", "hrottl", "rack_attack", "Rack::Attack", "ucket"}, rex(`\b(?P<k>rateLimit|expressRateLimit|RateLimiterMemory|RateLimiterRedis|slowDown|ThrottlerGuard|ThrottlerModule|rate\.NewLimiter|httprate\.Limit\w*|tollbooth\.\w+|limiter\.New\w*|ulule|middleware\.RateLimiter\w*|throttle_classes|UserRateThrottle|AnonRateThrottle|ScopedRateThrottle|ratelimit|limiter\.limit|RateLimiter|Bucket4j|AddRateLimiter|UseRateLimiter|RequireRateLimiting|EnableRateLimiting|Rack::Attack|rate_limit|RateLimiter::for|GovernorLayer|GovernorConfigBuilder)\b\s*[(<.{:\]]|@(?P<a>Throttle|RateLimiter|RateLimit|ratelimit|limiter\.limit)\(|['"](?P<m>throttle:[\w,:]+)['"]`)},
		{csrfCheck, code, []string{"srf", "SRF", "orgery"}, rex(`\b(?P<k>csrf\.Protect|nosurf\.New|csurf|csrfProtection|lusca\.csrf|CsrfViewMiddleware|CSRFProtect|csrf_protect|protect_from_forgery|ValidateAntiForgeryToken|AutoValidateAntiforgeryToken|UseAntiforgery|VerifyCsrfToken|middleware\.CSRF\w*|CsrfTokenRepository|csrfTokenRepository|verify_authenticity_token)\b`)},
		{browserHeaders, code, []string{"elmet", "Security-Policy", "SecurityPolicy", "security_policy", "SECURE_", "HSTS", "Hsts", "X-Frame", "X_FRAME", "X-Content", "Strict-Transport", "secure.New"}, rex(`\b(?P<k>helmet)\(|\b(?P<s>SecurityMiddleware|CSPMiddleware|XFrameOptionsMiddleware|UseHsts|UseHttpsRedirection|SECURE_SSL_REDIRECT|SECURE_HSTS_SECONDS|SECURE_CONTENT_TYPE_NOSNIFF|SESSION_COOKIE_SECURE|CSRF_COOKIE_SECURE|secure\.New)\b|\.content_security_policy do|['"](?P<h>Content-Security-Policy|X-Frame-Options|Strict-Transport-Security|X-Content-Type-Options)['"]`)},
		{signatureCheck, code, []string{"hmac", "timingSafe", "onstantTime", "compare_digest", "secure_compare", "constructEvent", "construct_event", "hash_equals", "FixedTimeEquals", "ValidatePayload", "erifySignature", "erify_signature", "MessageDigest.isEqual"}, rex(`\b(?P<k>hmac\.Equal|subtle\.ConstantTimeCompare|timingSafeEqual|compare_digest|secure_compare|constructEvent|construct_event|ConstructEvent\w*|hash_equals|FixedTimeEquals|ValidatePayload|ValidateSignature|verifySignature|VerifySignature|verify_signature|MessageDigest\.isEqual)\(`)},
	}
})

var (
	// An import or an export of a name, and its declaration, are no use of it.
	importLine = rex(`^\s*(?:import\b|from\b.*\bimport\b|export\s+(?:\{|\*|default\s+\w+;?$)|using\b|use\s|(?:const|let|var)\s+\{?[\w,\s]+\}?\s*=\s*require\()`)
	declared   = rex(`(?:\bfunc(?:\s*\([^)]*\))?|\bdef|\bfunction\*?|\bclass|\binterface|\btype|\bfn|\bconst|\blet|\bvar|\benum)\s+\w*$|^\s*(?:public|private|protected|internal)\s[^=(\["']*$`)
	nameAlone  = rex(`^\s*\w+,?\s*$`) // of an import, mostly
)

// controlled adds the protective controls of a file. A file has as many facts as it has controls, so that one that
// goes shows.
func (v *sinkView) controlled() {
	if v.class != production {
		return
	}
	taken := map[int]bool{}
	for _, rule := range controlRules() {
		if !v.is(rule.in...) {
			continue
		}
		v.controlsOf(rule.kind, rule.words, rule.re, taken)
	}
	kinds := make([]string, 0, len(v.controls))
	for kind := range v.controls {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		if re := teamNames(v.controls[kind]); re != nil {
			v.controlsOf(kind, v.controls[kind], re, taken)
		}
	}
	v.hardening()
}

// teamNames returns a pattern for whole names, nil for none.
func teamNames(names []string) *lazyRegexp {
	var quoted []string
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			quoted = append(quoted, regexp.QuoteMeta(n))
		}
	}
	if len(quoted) == 0 {
		return nil
	}
	re, err := regexp.Compile(`(?:^|[^\w$])(?P<k>` + strings.Join(quoted, "|") + `)(?:[^\w$]|$)`)
	if err != nil { // a name that is not UTF-8
		return nil
	}
	return &lazyRegexp{"", func() *regexp.Regexp { return re }}
}

func (v *sinkView) controlsOf(kind string, words []string, re *lazyRegexp, taken map[int]bool) {
	for _, span := range v.linesWith(words) {
		text := v.code()[span[0]:span[1]]
		if importLine.Match(text) || v.language == javascript && nameAlone.Match(text) {
			continue
		}
		for _, m := range findAll(re, text) {
			from := m[0] + leading(text[m[0]:m[1]])
			if end := span[0] + m[1]; !taken[end] && !declared.Match(text[:from]) {
				taken[end] = true
				name, _ := keyOf(re, text, m)
				v.control(kind, name, span[2])
			}
		}
	}
}

// linesWith returns the start, the end and the number of each line of the code that has one of the words.
func (v *sinkView) linesWith(words []string) (spans [][3]int) {
	code := v.code()
	if !holdsAny(code, words) {
		return nil
	}
	for start, n := 0, 1; start < len(code); n++ {
		end := until(code, start, '\n')
		if end-start <= maxSinkLine && holdsAny(code[start:end], words) {
			spans = append(spans, [3]int{start, end, n})
		}
		start = end + 1
	}
	return spans
}

// leading returns how much white space a text begins with.
func leading(text []byte) int {
	n := 0
	for n < len(text)-1 && (text[n] == ' ' || text[n] == '\t' || text[n] == '\n' || text[n] == '\r') {
		n++
	}
	return n
}

func (v *sinkView) control(kind, name string, line int) {
	v.add(Control, kind+" "+name, line, named(name), with("kind", kind))
}

var (
	hardened   = rex(`(?m)^[ \t-]*(?P<k>runAsNonRoot:\s*true|readOnlyRootFilesystem:\s*true|allowPrivilegeEscalation:\s*false|kind:\s*NetworkPolicy|kind:\s*PodDisruptionNone|drop:|cap_drop:|read_only:\s*true)|["']?(?P<n>no-new-privileges)[:=]?(?:true)?["']?`)
	dockerUser = rex(`(?mi)^\s*USER\s+(?P<k>[\w${}.:-]+)`)
)

// hardening adds what limits workloads.
func (v *sinkView) hardening() {
	switch {
	case v.language == yaml && holdsAny(v.text, []string{"runAsNonRoot", "readOnlyRoot", "allowPrivilege", "NetworkPolicy", "drop:", "no-new-privileges", "read_only"}):
		for _, m := range findAll(hardened, v.code()) {
			name, _ := keyOf(hardened, v.code(), m)
			if line, ok := v.at(m[0] + leading(v.code()[m[0]:m[1]])); ok {
				v.control(workloadHardening, strings.TrimRight(name, ":"), line)
			}
		}
	case v.language == docker:
		for _, m := range findAll(dockerUser, v.code()) {
			user := string(v.code()[m[2]:m[3]])
			if name, _, _ := strings.Cut(user, ":"); name == "root" || name == "0" {
				continue
			}
			if line, ok := v.at(m[0] + leading(v.code()[m[0]:m[1]])); ok {
				v.control(workloadHardening, "USER", line)
			}
		}
	}
}
