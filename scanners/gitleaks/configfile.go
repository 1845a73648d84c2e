package gitleaks

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/zricethezav/gitleaks/v8/config"
	libregexp "github.com/zricethezav/gitleaks/v8/regexp"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
)

// The rules for passwords without a form of their own, by the files that hold them.
const (
	credentialsFile = "credentials-file-password"
	configPassword  = "config-password"
)

func fileRules() []config.Rule {
	return []config.Rule{{
		// https://everything.curl.dev/usingcurl/netrc.html
		RuleID:   credentialsFile + "#generic-netrc",
		Path:     libregexp.MustCompile(`(?:^|/)[._]netrc$`),
		Regex:    libregexp.MustCompile(`(?:^|\s)password\s+("[^"\n]+"|\S+)`),
		Keywords: []string{"password"},
	}, {
		// https://packaging.python.org/en/latest/specifications/pypirc/ and MySQL's option file
		RuleID:   credentialsFile + "#generic-ini",
		Path:     libregexp.MustCompile(`(?:^|/)(?:\.pypirc|\.my\.cnf|\.mylogin\.cnf|\.s3cfg|\.boto|\.fetchmailrc|\.msmtprc|\.smbcredentials|\.cifs-?credentials)$`),
		Regex:    libregexp.MustCompile(`(?m)^[ \t]*(?i:password|passwd|secret_key|gs_secret_access_key)[ \t]*[=: ][ \t]*("[^"\n]+"|'[^'\n]+'|[^\s#]+)`),
		Keywords: []string{"passw", "secret"},
	}, {
		// https://www.postgresql.org/docs/current/libpq-pgpass.html
		RuleID:   credentialsFile + "#generic-pgpass",
		Path:     libregexp.MustCompile(`(?:^|/)(?:\.pgpass|pgpass\.conf)$`),
		Regex:    libregexp.MustCompile(`(?m)^[^#:\s][^:\n]*:[^:\n]*:[^:\n]*:[^:\n]*:([^\s]+)$`),
		Keywords: []string{":"},
	}, {
		// https://docs.npmjs.com/cli/v11/configuring-npm/npmrc#auth-related-configuration
		RuleID:   credentialsFile + "#generic-npmrc",
		Path:     libregexp.MustCompile(`(?:^|/)\.npmrc$`),
		Regex:    libregexp.MustCompile(`(?m)(?:^|:)_(?:password|auth|authToken)[ \t]*=[ \t]*("[^"\n]+"|[^\s"]+)`),
		Keywords: []string{"_password", "_auth"},
	}, {
		// https://docs.docker.com/reference/cli/docker/login/#credential-stores
		RuleID:   credentialsFile + "#generic-docker",
		Path:     libregexp.MustCompile(`(?:^|/)(?:\.docker/config\.json|\.dockercfg|\.dockerconfigjson)$`),
		Regex:    libregexp.MustCompile(`"auth"\s*:\s*"([A-Za-z0-9+/=]{8,})"`),
		Keywords: []string{"auth"},
	}, {
		RuleID:   configPassword + "#generic",
		Path:     libregexp.MustCompile(`(?i)\.(?:ya?ml|json|json5|jsonc|toml|ini|cfg|conf|properties|env)$|(?:^|/)\.env(?:$|\.|rc$)|(?:^|/)(?:group|host)_vars/`),
		Regex:    libregexp.MustCompile(`(?m)(?:^|[\s{,"'.])["']?[\w.:-]{0,80}?(?i:password|passwd|passphrase|pwd|pass)["']?[ \t]*[:=][ \t]*("[^"\n]{1,200}"|'[^'\n]{1,200}'|[^\s"'{\[#,;][^\s,#}\]]{0,200})[ \t]*[,}\]]?[ \t]*(?:#.*)?\r?$`),
		Keywords: []string{"pass", "pwd"},
	}}
}

// configuration lists the files that programs are configured with.
var configuration = []string{
	"**/{application,bootstrap,appsettings,settings,config,configuration,conf,secrets,secret,credentials,database,db,parameters,params,values,local.settings,connections,datasource,datasources,persistence,mail,smtp,production,prod,staging,development,dev,server,service,app,env,environment,default,local}.{yml,yaml,json,json5,jsonc,toml,ini,cfg,conf,properties}",
	"**/{application,bootstrap,appsettings,settings,config,conf,secrets,credentials,database,values,parameters,env}[-_.]*.{yml,yaml,json,toml,ini,conf,properties}",
	"**/*[-_.]{config,conf,settings,credentials,secrets,env,values,parameters,prod,production,staging}.{yml,yaml,json,toml,ini,conf,properties}",
	"**/{config,configs,conf,settings,environments,env,envs,group_vars,host_vars,inventory,secrets,credentials,vars,WEB-INF,META-INF}/**/*.{yml,yaml,json,toml,ini,cfg,conf,properties}",
	"**/{.env,.env.*,*.env,.envrc}", "**/*.{properties,ini}", "**/{group_vars,host_vars}/**",
	"**/*.{auto.,}config.json",
}

// elsewhere lists files that other scanners judge, and such as only speak of passwords: translations, schemas,
// documents, and settings of programs for developers.
var elsewhere = []string{
	"**/{docker-,}compose*.{yml,yaml}", "**/*.tf.json", "**/*.tfvars.json", ".github/**", ".gitlab-ci.yml", "**/.circleci/**", "**/.travis.yml", "**/azure-pipelines*.yml", "**/bitbucket-pipelines.yml", "**/.drone.yml", "**/.devcontainer/**", "**/.vscode/**", "**/.idea/**",
	"**/{i18n,l10n,locale,locales,lang,langs,language,languages,translation,translations,nls,messages,Resources,strings,_locales,texts,copy}/**",
	"**/{messages,strings,labels,translation,translations,locale,errors,validation,ValidationMessages,text,texts,en,de,fr,es,it,pt,nl,ja,zh,ko,ru,pl}{,_*,-*,.*}.{properties,json,yml,yaml,ini}", "**/*[._-]{en,de,fr,es,it,pt,nl,ja,zh,ko,ru,pl,en_US,en-US,de_DE,pt_BR,zh_CN}.{properties,json,yml,yaml,ini}",
	"**/{schema,schemas,openapi,swagger,asyncapi,postman,docs,doc,documentation}/**", "**/*{schema,openapi,swagger,asyncapi}*.{json,yml,yaml}", "**/{package,composer,tsconfig,jsconfig,angular,nx,lerna,turbo,renovate,bower,.eslintrc,.prettierrc}*.json",
	"**/{mkdocs,_config}.yml",
}

// configNoise reports whether a value that goes by its name is no password, or one that belongs to other scanners.
func (m match) configNoise() bool {
	if !isConfiguration(m.path) || isMadeUp(m.path) || isComputed(m.path) || m.manifest() {
		return true
	}
	value := strings.TrimSuffix(m.value, ",")
	bare := strings.Trim(value, `"'`)
	return len(bare) < 6 || strings.ContainsAny(bare, " \t") || isCall(bare) || bare == value && inCode(bare) || placeholder(bare) || !passwordName(m.variable()) || onlyWords(bare)
}

func isConfiguration(name string) bool {
	is := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return doublestar.MatchUnvalidated(p, name) })
	}
	return is(configuration) && !is(elsewhere)
}

var (
	manifestKey = lazy.MustCompile(`(?m)^["' ]*apiVersion["']?\s*:`)
	composeFile = lazy.MustCompile(`(?m)^services\s*:`)
	schemas     = lazy.MustCompile(`(?m)"\$schema"\s*:\s*"[^"]*json-schema|^(?:openapi|swagger|asyncapi)["']?\s*:|"(?:openapi|swagger)"\s*:`)
)

// manifest reports whether the file, whatever its name, is one for Kubernetes or Compose, which have scanners of
// their own, or a schema.
func (m match) manifest() bool {
	switch path.Ext(m.path) {
	case ".yml", ".yaml", ".json":
		const most = 64 << 10
		text := m.raw[:min(len(m.raw), most)]
		return manifestKey.MatchString(text) || composeFile.MatchString(text) || schemas.MatchString(text)
	}
	return false
}

// variable returns the name in front of the value.
func (m match) variable() string {
	name := strings.TrimRight(m.name(), " \t:=\"'")
	return name[strings.LastIndexAny(name, " \t\n{,\"'")+1:]
}

var (
	nameWord = lazy.MustCompile(`[A-Z]+[a-z]*|[a-z]+`)

	// about are words in the names of settings about passwords, and of texts of a page that asks for one.
	aboutWords = []string{
		"forgot", "forget", "forgotten", "reset", "show", "hide", "confirm", "confirmation", "change", "changed", "new", "current", "enter", "invalid", "wrong", "require",
		"requires", "required", "use", "enable", "enabled", "disable", "allow", "allowed", "has", "is", "no", "without", "min", "max", "update", "lost", "set", "verify", "repeat",
		"retype", "weak", "strong", "encrypted", "hashed", "hash", "bad", "missing", "incorrect", "validate", "check", "generate", "create", "label", "placeholder", "error", "msg", "message", "by", "test", "tests", "example", "sample", "low", "high", "band", "bypass", "compass", "second", "pre", "post", "multi", "single", "render", "build", "first",
	}
)

// passwordName reports whether a variable of this name holds a password.
func passwordName(name string) bool {
	words := nameWord.FindAllString(name, -1)
	if len(words) == 0 {
		return false
	}
	for i := range words {
		words[i] = strings.ToLower(words[i])
	}
	last := words[len(words)-1]
	whole := slices.Contains([]string{"password", "passwd", "passphrase", "pwd", "pass"}, last) ||
		strings.HasSuffix(last, "password") && !slices.Contains(aboutWords, strings.TrimSuffix(last, "password")) || strings.HasSuffix(last, "passwd")
	if last == "pwd" && len(words) == 1 && strings.ToUpper(name) == name || last == "oldpwd" {
		return false // PWD is a folder
	}
	if last == "pass" && len(words) == 1 {
		whole = strings.EqualFold(name, "pass")
	}
	return whole && !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(aboutWords, w) })
}

var wordOnly = lazy.MustCompile(`^[a-z]+$|^[A-Z][a-z]+$|^(?:[A-Za-z]+\d?[-_.])+[A-Za-z]+\d?$`)

// onlyWords reports whether a value is a word, or a name of such: more often a type, a reference or a sentence than
// a password.
func onlyWords(value string) bool { return wordOnly.MatchString(value) }
