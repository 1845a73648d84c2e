package design

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// address finds the host in a URL. A first label may be filled in later ("https://%s.api.example.net").
var address = rex(`(?i)(?:https?|wss?)://(?:(?:\$\{[^}\s]*\}|\{[^}\s]*\}|#\{[^}\s]*\}|%[sv]|<[\w-]+>)\.)?((?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,24})(?:[:/?#"'\x60\s,;)}\]]|$|\\|%[sv]/)`)

// hostOf returns the public host of an address that a text begins with; empty for none.
func hostOf(text string) string {
	at := address.FindStringSubmatchIndex(text[:min(len(text), 400)])
	if at == nil || at[0] != 0 {
		return ""
	}
	if host := strings.ToLower(text[at[2]:at[3]]); isPublic(host) {
		return host
	}
	return ""
}

// isPublic reports whether a host has a name of the internet, and programs call it.
func isPublic(host string) bool {
	suffix, official := publicsuffix.PublicSuffix(host)
	return (official || strings.Contains(suffix, ".")) && suffix != host && !elsewhere.MatchString(host)
}

// elsewhere are hosts that no program calls for its work: names inside of networks, placeholders, documentation and
// the names of schemas.
var elsewhere = rex(`(^|\.)(localhost|example|invalid|test|local|internal|svc|lan|home|corp|intranet|docker|cluster|localdomain|consul)$` +
	`|(^|\.)(example|test|domain|yourdomain|your-domain|mydomain|mysite|yoursite|company|acme|foo|bar|foobar|contoso|host|hostname|yourcompany|your-company|my-company|mycompany)\.(com|org|net|io|edu|dev|co)$` +
	`|^(your|my|local|some)-|^localhost\.|tobedefined|placeholder|changeme|replace-?me|\.(svc|cluster)\.|^(www\.)?w3\.org$|^(json-schema|schema|xmlpull|purl|ogp|spdx|creativecommons|opensource|unlicense|swagger|semver|editorconfig|keepachangelog|conventionalcommits|ietf|iana|xmlns|relaxng|dublincore|docbook|oasis-open)\.(com|org|io|net|me)$` +
	`|^(schemas?|docs?|doc|developers?|documentation|help|support|learn|wiki|blog|status|community|forums?|tools|datatracker|spec|specs|www\.schemas|xmlns|ns|go|aka|golang|pkg|godoc|javadoc|cwe|owasp|badge|badges|img)\.[\w.-]+$` +
	`|^(aka\.ms|golang\.org|shields\.io|youtu\.be|goo\.gl|bit\.ly|nodejs\.org|reactjs\.org|vuejs\.org|angular\.io|react\.dev|tailwindcss\.com|nextjs\.org|python\.org|peps\.python\.org|rfc-editor\.org|readthedocs\.io|wikipedia\.org|stackoverflow\.com|stackexchange\.com|medium\.com|mozilla\.org|springframework\.org|maven\.apache\.org|typescriptlang\.org|eslint\.org|npmjs\.com|caniuse\.com)$` +
	`|^www\.(rfc-editor|python|apache|gnu|mozilla|iana|ietf|mongodb|springframework|opengis|xmlsoap|sqlite|postgresql|nuget|npmjs|typescriptlang|terraform|jhipster|youtube|linkedin|facebook|instagram|twitter|reddit)\.(org|com|net|io|tech)$` +
	`|(^|\.)(wikipedia\.org|stackoverflow\.com|stackexchange\.com|readthedocs\.(io|org)|mozilla\.org|medium\.com|cheatsheetseries\.owasp\.org|xmlsoap\.org|openxmlformats\.org|springframework\.org|microsoft\.com/fwlink)$`)

// codeHosts are linked to much more often than they are called.
var codeHosts = rex(`^((www\.)?github\.com|gitlab\.com|bitbucket\.org|raw\.githubusercontent\.com|(www\.)?(google|twitter|x|facebook|linkedin|youtube|instagram|reddit|discord|npmjs|t)\.(com|me))$`)

// A weight says how sure a place is that its address is called.
type weight int

const (
	linked weight = iota // it may be a link, or a text
	likely               // an address in a file that calls
	called
)

// addHost adds a host that is called.
func (s *source) addHost(host string, line int, w weight) {
	if host == "" || w == linked || w < called && codeHosts.MatchString(host) || noProduct.MatchString(s.path) {
		return
	}
	s.add("outbound-host", host, line, with("host", host), with("search", host))
}

// noProduct are paths of code that does not run in the product.
var noProduct = rex(`(?i)(^|/)(scripts?|hack|ci|dev|\.[a-z][\w-]*|website|www|playgrounds?|migrations?|db/migrate|_vendor|[\w-]*[bmpsgdkx_-]tests?)/` +
	`|(^|/)(docusaurus|next|nuxt|vite|vitest|astro|gatsby|tailwind|webpack|rollup|playwright|remix|svelte|jest|karma|eslint|commitlint|release)\.config\.\w+$|(^|/)(build|make|gulpfile|Gruntfile|conf)\.(py|js|rs|go|ts)$|(^|/)setup\.py$`)

var (
	// A name of an address by its words in snake case: one that a program calls, if its file calls anything; one that
	// is surely called; and one of a page for people.
	addressWord  = rex(`(^|_)(url|uri|urls|endpoint|endpoints|host|hosts|origin|server|address|addr|base|api|domain|issuer|authority|registry|webhook)(_\d+)?$|^(url|uri|api|base|host|endpoint|issuer)(_|$)`)
	calledWord   = rex(`(^|_)(api|apis|endpoint|endpoints|webhook|graphql|rpc|gateway|ingest|backend|collector|authority|issuer|jwks|token|oauth|oidc|userinfo|authorize|discovery|metadata|upstream)(_(base|root|prefix|server|service))?(_(url|uri|urls|host|origin|address|endpoint|server|base))?$|^service_(url|endpoint)$`)
	documentWord = rex(`(^|_)(docs?|documentation|help|home|homepage|licen[cs]e|terms|privacy|policy|legal|links?|href|website|web|site|page|repo|repository|source|schema|namespace|xmlns|image|images|img|icon|logo|avatar|badge|issues?|bug|support|changelog|example|examples|placeholder|description|title|message|text|blog|social|store|redirect|callback|more|learn|readme|contact|about|faq|guide|tutorial|wiki|canonical|share|twitter|github|discord|referer|referrer|reference|package|photo|font|fonts|css|video|demo|dashboard|console|portal|frontend|download|install|upgrade|pricing|billing_page|mdn|rfc|spec|note|notes|hint|label|tooltip|allowed|allowlist|whitelist|cors|origins|audience|scope|claim|prefix|pattern|regex|feedback|survey|release|releases|sponsor|donate|community|marketing|landing|expected|mock|fake|test|dummy|sample|id|ids|key|realm|vocab|context|publication|shop_page|credits?|attribution)(_|$)`)
)

// named returns how sure it is that an address with a name is called. In says that the file calls something.
func weigh(name string, in bool) weight {
	words := snake(strings.NewReplacer(".", "_", "-", "_", `"`, "", "'", "", "$", "", ":", "_", "__", "_").Replace(name))
	switch {
	case len(words) > 80 || documentWord.MatchString(words):
		return linked
	case calledWord.MatchString(words):
		return likely
	case in && addressWord.MatchString(words):
		return likely
	}
	return linked
}

// A caller is how a language calls an address.
type caller struct {
	// uses says that a file calls anything. call is what comes before the address's quote in a call.
	uses, call *lazyRegexp
}

var callers = map[language]caller{
	javascript: {
		rex(`\bfetch\(|\baxios\b|\bgot\b|\bky\b|node-fetch|superagent|\bundici\b|\bhttps?\.(get|request)\(|\bHttpClient\b|HttpService|graphql-request|\bWebSocket\(|ofetch|\$fetch|\bneedle\b|\brequest-promise`),
		rex(`(?:\b\w*[fF]etch\w*|\$fetch|\baxios|\bgot|\bky|\bneedle|\bsuperagent|\brequest|\brp)(?:\.(?:get|post|put|patch|delete|head|request|create|stream))?(?:<[^<>()]*>)?\(\s*$` +
			`|(?:\bhttps?|\b[hH]ttp\w*|\w*[cC]lient|\bapi|\$http|\bagent|\baxios\w*|\bsession)\.(?:get|post|put|patch|delete|head|request)(?:<[^<>()]*>)?\(\s*$` +
			`|\bnew (?:WebSocket|EventSource|Request|GraphQLClient)\(\s*$|\bsendBeacon\(\s*$|\b(?:axios|request|got|rp|\$\.ajax|\w*[hH]ttp\w*)(?:\.request|\.create)?\(\s*\{[^{}]{0,200}\b(?:url|uri|baseURL)\s*:\s*$`),
	},
	python: {
		rex(`\b(requests|httpx|aiohttp|urllib\d?|urlopen|http\.client|pycurl|websockets?|zeep|gql)\b`),
		rex(`\b(?:requests|httpx|aiohttp|(?:\w+\.)*\w*(?:session|client|http|api)|s)\.(?:get|post|put|patch|delete|head|request|stream|ws_connect)\(\s*(?:["']\w+["'],\s*)?(?:url\s*=\s*)?$|\b(?:urlopen|urlretrieve|Request)\(\s*$|\b(?:Async)?Client\([^()]{0,120}\bbase_url\s*=\s*$`),
	},
	ruby: {
		rex(`\b(Faraday|HTTParty|Net::HTTP|RestClient|HTTP\.|Typhoeus|Excon|HTTPX|URI\.open|OpenURI)`),
		rex(`\b(?:Faraday|HTTParty|RestClient|HTTP|HTTPX|Typhoeus|Excon|conn|connection|client|http)\.(?:new|get|post|put|patch|delete|head)[ (]\s*(?:url:\s*)?$|\bNet::HTTP\.\w+\(\s*(?:URI\.?(?:parse)?\(\s*)?$|\bURI(?:\.parse|\.open|\.join)?\(\s*$|\bbase_uri\s+$`),
	},
	java: {
		rex(`\b(RestTemplate|RestClient|WebClient|HttpClient|OkHttp\w*|FeignClient|HttpURLConnection|Retrofit|HttpRequest|Jsoup|URLConnection|HttpGet|HttpPost|Unirest|ktor\.client|sttp|WSClient)\b`),
		rex(`(?:\bURI\.create|\bnew URI|\bnew URL|\bURL|\.uri|\.url|\.baseUrl|\bWebClient\.create|\bRestClient\.create|\.rootUri|\.target|\bgetForObject|\bgetForEntity|\bpostForObject|\bpostForEntity|\.exchange|\bnew Http(?:Get|Post|Put|Delete|Patch)|\bJsoup\.connect|\b(?:client|httpClient|http)\.(?:get|post|put|delete|patch))\(\s*$|@FeignClient\([^()]{0,200}\burl\s*=\s*$`),
	},
	csharp: {
		rex(`\b(HttpClient|IHttpClientFactory|RestClient|HttpRequestMessage|Refit|Flurl|WebClient|AddHttpClient)\b`),
		rex(`\.(?:Get|Post|Put|Delete|Patch|Send|GetString|GetFromJson|PostAsJson|PutAsJson|GetStream|GetByteArray|DownloadString|DownloadFile)(?:Async)?(?:<[^<>()]*>)?\(\s*$|\bnew HttpRequestMessage\(\s*HttpMethod\.\w+,\s*$|\bnew (?:RestClient|RestRequest)\(\s*$|\bBaseAddress\s*=\s*new(?: Uri)?\(\s*$`),
	},
	php: {
		rex(`\bHttp::|GuzzleHttp|curl_init|HttpClient|wp_remote_|file_get_contents\(|->request\(`),
		rex(`\bHttp::(?:\w+\([^()]*\)\s*->\s*)*(?:get|post|put|patch|delete|baseUrl)\(\s*$|->(?:get|post|put|delete|patch|request)\(\s*(?:["']\w+["'],\s*)?$|\bcurl_init\(\s*$|\bCURLOPT_URL\s*(?:,|=>)\s*$|\bwp_remote_\w+\(\s*$|\bfile_get_contents\(\s*$`),
	},
	rust: {
		rex(`\b(reqwest|ureq|hyper|surf|isahc|awc)\b`),
		rex(`\breqwest::(?:blocking::)?get\(\s*$|\bureq::(?:get|post|put)\(\s*$|\b(?:\w*client|http)(?:\(\))?\s*\.(?:get|post|put|patch|delete|head)\(\s*$|\bClient::new\(\)\s*\.(?:get|post|put|patch|delete|head)\(\s*$|\bUrl::parse\(\s*$`),
	},
}

var (
	// What stands between a call or a name and the quote of the address.
	quotePrefix = rex(`(?:\b[fFrRbBuUcs]{1,2}|[@$]{1,2})?["'\x60]{1,3}$`)
	formatted   = rex(`(?:&?format!|\bString\.format|\bstring\.Format|\bsprintf|\bnew Uri|\bURI\.create|\bnew URL|\bhttp\.parse|\bURI(?:\.parse)?|\bUrl::parse|\bparse_url|\bstr|\bHttpUrl|\bAnyHttpUrl)\(\s*$`)

	assigned = rex(`([A-Za-z_$][\w$.]*|["'][\w.-]+["'])\s*(?:\??:[ \t]*[&'\w<>\[\] |.?]{1,40})?\s*(?:=|:|=>|:=)\s*$`)
	fallback = rex(`(?:\.|["'])([A-Z][A-Z0-9_]*)["'\])]*\s*(?:\|\||\?\?|,\s*(?:default(?:_value)?\s*[=:]\s*)?|\bor\b)\s*$`)
	property = rex(`\$\{([\w.-]+):$`)
	views    = rex(`(?i)\.(tsx|jsx|vue|svelte)$|(^|/)(pages|components|views|locales|translations|lang|templates|emails?)/`)
)

// leftOf is how much of the text before an address says what it is for, in bytes.
const leftOf = 300

// integration are names of files that call others, though their base class may do it.
var integration = rex(`(?i)(client|gateway|adapter|connector|integration|[a-z](_api|Api))(_?service)?\.\w+$`)

// maxAddresses bounds how many addresses of one file are read. Files with more are lists.
const maxAddresses = 1000

// scriptHosts finds the hosts that programs call, in languages other than Go.
func scriptHosts(s *source) {
	how, ok := callers[s.language]
	if !ok || !bytes.Contains(s.text, []byte("://")) {
		return
	}
	text := s.product()
	calls := sync.OnceValue(func() bool { return how.uses.Match(text) || integration.MatchString(path.Base(s.path)) })
	inDocs := s.docStrings()
	for at, n := 0, 0; at < len(text) && n < maxAddresses; {
		i := bytes.Index(text[at:], []byte("://"))
		if i < 0 {
			return
		}
		colon := at + i
		at = colon + 3
		begin := colon
		for begin > 0 && colon-begin < 5 && text[begin-1] >= 'a' && text[begin-1] <= 'z' {
			begin--
		}
		if begin == 0 || strings.IndexByte("\"'`:", text[begin-1]) < 0 || inDocs(begin) {
			continue
		}
		if host := hostOf(string(text[begin:min(len(text), begin+400)])); host != "" {
			n++
			left, right := string(text[max(0, begin-leftOf):begin]), string(text[begin:min(len(text), begin+leftOf)])
			s.addHost(host, s.lineAt(begin), s.weightOf(how, left, right, calls))
		}
	}
}

// docStrings reports of offsets, in rising order, whether they are inside of a string of several lines in Python, whose
// examples look like code.
func (s *source) docStrings() func(int) bool {
	var list []stringAt
	if s.is(python) && s.has(`"""`, "'''") {
		list = slices.DeleteFunc(s.literals(), func(l stringAt) bool { return !bytes.Contains(s.text[l.start:l.end], []byte("\n")) })
	}
	return func(at int) bool {
		for len(list) > 0 && list[0].end <= at {
			list = list[1:]
		}
		return len(list) > 0 && list[0].start < at
	}
}

// weightOf decides by the text around an address whether it is called.
func (s *source) weightOf(how caller, left, right string, calls func() bool) weight {
	if m := property.FindStringSubmatch(left); m != nil {
		return weigh(m[1], calls())
	}
	quote := quotePrefix.FindStringIndex(left)
	if quote == nil {
		return linked
	}
	left = left[:quote[0]]
	direct := left
	if wrap := formatted.FindStringIndex(left); wrap != nil {
		direct = left[:wrap[0]]
	}
	if how.call.MatchString(left) || how.call.MatchString(direct) {
		if s.language != javascript && !calls() {
			return likely
		}
		return called
	}
	if m := fallback.FindStringSubmatch(direct); m != nil {
		return weigh(m[1], true)
	}
	if m := assigned.FindStringSubmatch(direct); m != nil && !views.MatchString(s.path) && (!described(m[0]) || request.MatchString(left) || request.MatchString(right)) {
		return weigh(m[1], calls())
	}
	return linked
}

// described reports whether a name is the plain "url:" of an object, which mostly describes what the object is about.
func described(text string) bool {
	name, value, ok := strings.Cut(text, ":")
	return ok && strings.TrimSpace(value) == "" && strings.Trim(strings.TrimSpace(name), `"'`) == "url"
}

// request are properties that stand beside the address of a request.
var request = rex(`["']?\b(method|headers|data|params|timeout|responseType|body|json)["']?\s*:`)

var (
	propertyFiles = rex(`(^|/)(application|bootstrap)(-[\w-]+)?\.(ya?ml|properties)$|(^|/)appsettings(\.\w+)?\.json$`)
	envFiles      = rex(`(^|/)\.?env(\.(example|sample|template|dist|defaults?|prod|production|default\.\w+))?$|(^|/)[\w-]+\.env(\.(example|sample|template|dist))?$|(^|/)\.env\.[\w-]+\.(example|sample|template)$`)
	localHost     = rex(`(?i)[.-](dev|development|local|test|testing|ci)\b`)
	keyValue      = rex(`^\s*(?:export\s+)?([A-Za-z][\w.-]*)\s*[=:]\s*["']?(?:\$\{[\w.-]+:-?)?(https?://\S+)`)
)

// configuredHosts finds the hosts in the configuration of programs: of Spring and ASP.NET, in files of environment
// variables, and in the environment of containers.
func configuredHosts(s *source) {
	switch {
	case localHost.MatchString(path.Base(s.path)):
	case strings.HasSuffix(s.path, ".properties") && propertyFiles.MatchString(s.path), envFiles.MatchString(s.path):
		for i, line := range strings.Split(string(s.text), "\n") {
			if m := keyValue.FindStringSubmatch(line); m != nil {
				s.addHost(hostOf(m[2]), i+1, configWeight(m[1]))
			}
		}
	case s.is(yaml, jsonText) && propertyFiles.MatchString(s.path):
		for _, doc := range s.yaml() {
			s.configured(doc, "", 0)
		}
	case s.is(yaml) && (bytes.Contains(s.text, []byte("environment:")) || bytes.Contains(s.text, []byte("env:"))):
		for _, v := range s.containerVariables() {
			s.addHost(hostOf(v.value), v.line, configWeight(v.name))
		}
	}
}

// configWeight weighs a name of a setting. Those of addresses are for calls, unless they are for people.
func configWeight(name string) weight {
	words := snake(strings.NewReplacer(".", "_", "-", "_", ":", "_").Replace(name))
	if own.MatchString(words) || !settingWord.MatchString(words) {
		return linked
	}
	return weigh(name, true)
}

// settingWord is in names of settings that hold an address.
var settingWord = rex(`(^|_)(url|uri|urls|endpoint|endpoints|host|hosts|address|authority|issuer|webhook|server|origin|base)(_|$)`)

// own are settings with the program's own address.
var own = rex(`^((next_)?public_|vite_|react_app_)?(app|site|base|server|root|self|external|public|frontend|client|instance|nextauth|auth|backend|web|domain|my|our|service|host|front|widget|dashboard|socket|ws|api)_?(base_?|root_?|public_?|external_?)?(url|uri|host|origin|domain|address)$`)

// configured walks a tree of settings. Under depth 30 there are none.
func (s *source) configured(n *yamlpos.Node, name string, depth int) {
	if n == nil || depth > 30 {
		return
	}
	for _, e := range n.Pairs() {
		s.configured(e.Value, strings.TrimPrefix(name+"."+e.Key, "."), depth+1)
	}
	for _, item := range n.List() {
		s.configured(item, name, depth+1)
	}
	value := n.String()
	if m := property.FindStringSubmatchIndex(value[:max(0, strings.Index(value, "http"))]); m != nil {
		value = value[m[1]:]
	}
	if strings.HasPrefix(value, "http") {
		keys := strings.Split(name, ".")
		last, both := keys[len(keys)-1], strings.Join(keys[max(0, len(keys)-2):], ".")
		if configWeight(both) != linked && (strings.HasPrefix(last, "base") || configWeight(last) != linked) {
			s.addHost(hostOf(value), n.Line, likely)
		}
	}
}

// A variable is one of a container's environment.
type variable struct {
	name, value string
	line        int
}

// containerVariables returns the environment of the containers of Compose and Kubernetes.
func (s *source) containerVariables() (list []variable) {
	for _, doc := range s.yaml() {
		for _, service := range doc.Get("services").Pairs() {
			env := service.Value.Get("environment")
			for _, e := range env.Pairs() {
				list = append(list, variable{e.Key, e.Value.String(), e.Line})
			}
			for _, item := range env.List() {
				name, value, _ := strings.Cut(item.String(), "=")
				list = append(list, variable{name, value, item.Line})
			}
		}
		if doc.Get("apiVersion") != nil && doc.Get("kind") != nil {
			list = append(list, podVariables(doc, 0)...)
		}
	}
	// Aliases make one line the environment of many containers.
	slices.SortStableFunc(list, func(a, b variable) int { return a.line - b.line })
	return slices.CompactFunc(list, func(a, b variable) bool { return a == b })
}

// podVariables finds the containers in a Kubernetes object of any kind. A variable from a secret has no value.
func podVariables(n *yamlpos.Node, depth int) (list []variable) {
	if n == nil || depth > 12 {
		return nil
	}
	for _, e := range n.Pairs() {
		if slices.Contains([]string{"containers", "initContainers"}, e.Key) {
			for _, c := range e.Value.List() {
				for _, v := range c.Get("env").List() {
					if v.Get("valueFrom") == nil || v.Get("valueFrom", "secretKeyRef") != nil {
						list = append(list, variable{v.Get("name").String(), v.Get("value").String(), v.Line})
					}
				}
			}
			continue
		}
		if e.Value != nil && e.Value.Kind == yamlpos.Map {
			list = append(list, podVariables(e.Value, depth+1)...)
		}
	}
	return list
}

var (
	markup    = rex(`(?i)\.(html?|erb|cshtml|razor|hbs|handlebars|ejs|tmpl|gohtml|gotmpl|tpl|twig|jinja2?|j2|mustache|njk|liquid|php|jsp|ftl|pug|haml|slim|jsx|tsx|js|ts|mjs|vue|svelte|astro)$`)
	scriptTag = rex(`<[sS](?:cript|CRIPT)\b`)
	scriptSrc = rex(`(?i)\bsrc\s*=\s*[{"'\x60]*\s*(?:https?:)?//([a-z0-9][\w-]*(?:\.[\w-]+)*\.[a-z]{2,24})`)
	injected  = rex(`\b(?:script|s|js|tag|el|element|g)\w*\.src\s*=\s*["'\x60](?:https?:)?//([a-zA-Z0-9][\w-]*(?:\.[\w-]+)*\.[a-z]{2,24})[/"'\x60?]`)
	integrity = rex(`(?i)\bintegrity\s*=\s*[{"'\x60]+\s*sha(256|384|512)-`)
)

// maxTag bounds a tag, in bytes.
const maxTag = 1500

// thirdPartyScripts finds scripts that a page loads from another host.
func thirdPartyScripts(s *source) {
	if !markup.MatchString(s.path) {
		return
	}
	text := withoutRemarks(s.code())
	for _, at := range scriptTag.FindAllIndex(text, -1) {
		tag := text[at[0]:min(len(text), at[0]+maxTag)]
		if end := bytes.IndexByte(tag, '>'); end >= 0 {
			tag = tag[:end]
		}
		if src := scriptSrc.FindSubmatchIndex(tag); src != nil {
			s.addScript(string(tag[src[2]:src[3]]), s.lineAt(at[0]+src[2]), integrity.Match(tag))
		}
	}
	if bytes.Contains(text, []byte(".src")) {
		for _, at := range injected.FindAllSubmatchIndex(text, -1) {
			s.addScript(string(text[at[2]:at[3]]), s.lineAt(at[0]), false)
		}
	}
}

func (s *source) addScript(host string, line int, pinned bool) {
	if host = strings.ToLower(host); !isPublic(host) {
		return
	}
	options := []option{with("host", host), with("search", "//"+host)}
	if pinned {
		options = append(options, closed("the tag pins the script's content with an integrity value"))
	}
	s.add("third-party-script", host, line, options...)
}

// withoutRemarks returns HTML with blanks in place of its comments.
func withoutRemarks(text []byte) []byte {
	if !bytes.Contains(text, []byte("<!--")) {
		return text
	}
	return blankBetween(text, remarkBegins, remarkEnds)
}

var (
	remarkBegins = rex(`<!--`)
	remarkEnds   = rex(`-->`)
)
