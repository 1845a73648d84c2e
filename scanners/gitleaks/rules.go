package gitleaks

import (
	"slices"
	"strings"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/regexp"
)

// provider returns a rule for tokens that begin with a fixed text of their own.
func provider(id, expression string, keywords ...string) config.Rule {
	return config.Rule{RuleID: id, Regex: regexp.MustCompile(`\b(?:` + expression + `)`), Keywords: keywords, Entropy: 3}
}

// ownRules returns rules that the library does not have yet.
func ownRules() []config.Rule {
	return slices.Concat([]config.Rule{
		// Since 2026 GitHub issues installation tokens that carry their own claims: "ghs_", the App's id
		// and a JSON Web Token, some 520 characters. The library's rule github-app-token matches only 36
		// letters and digits.
		// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
		provider("github-app-installation-token", `ghs_[0-9]+_[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}`, "ghs_"),

		// The tokens of claude.ai's sign-in: of access, to renew it, and of a session.
		provider("anthropic-oauth-token", `sk-ant-(?:oat|ort|sid)\d\d-[0-9A-Za-z_-]{60,140}`, "sk-ant-"),
		provider("groq-api-key", `gsk_[0-9A-Za-z]{48,56}\b`, "gsk_"),
		provider("xai-api-key", `xai-[0-9A-Za-z]{70,90}\b`, "xai-"),
		provider("replicate-api-token", `r8_[0-9A-Za-z]{37}\b`, "r8_"),
		provider("langsmith-api-key", `lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}\b`, "lsv2_"),
		provider("langfuse-secret-key", `sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`, "sk-lf-"),
		provider("openrouter-api-key", `sk-or-v1-[0-9a-f]{64}\b`, "sk-or-v1-"),
		provider("nvidia-api-key", `nvapi-[0-9A-Za-z_-]{60,70}\b`, "nvapi-"),
		provider("tavily-api-key", `tvly-(?:dev-|prod-)?[0-9A-Za-z]{32}\b`, "tvly-"),
		provider("pinecone-api-key", `pcsk_[0-9A-Za-z]{5,6}_[0-9A-Za-z]{60,66}\b`, "pcsk_"),

		// https://supabase.com/docs/guides/api/api-keys
		provider("supabase-secret-key", `sb_secret_[0-9A-Za-z_-]{22}_[0-9A-Za-z_-]{8}`, "sb_secret_"),
		provider("supabase-access-token", `sbp_(?:v\d_|oauth_)?[0-9a-f]{40}\b`, "sbp_"),

		// https://docs.docker.com/security/access-tokens/
		provider("docker-access-token", `dckr_(?:pat|oat)_[0-9A-Za-z_-]{27,40}`, "dckr_pat_", "dckr_oat_"),
		provider("tailscale-key", `tskey-(?:auth|api|client|scim|webhook)-[0-9A-Za-z]{8,24}(?:CNTRL)?-[0-9A-Za-z]{20,40}\b`, "tskey-"),
		provider("figma-access-token", `figd_[0-9A-Za-z_-]{38,46}`, "figd_"),
		provider("buildkite-api-token", `bkua_[0-9a-f]{40}\b`, "bkua_"),
		provider("circleci-access-token", `CCIPAT_[0-9A-Za-z]{20,24}_[0-9a-f]{40}\b`, "ccipat_"),
		provider("posthog-personal-api-key", `phx_[0-9A-Za-z]{40,52}\b`, "phx_"),

		// https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string
		{RuleID: "azure-storage-account-key", Regex: regexp.MustCompile(`\bAccountKey=([0-9A-Za-z+/]{86}==)`), Keywords: []string{"accountkey="}, Entropy: 4},
	}, connectionRules(), fileRules())
}

// withOwnRules adds ownRules to the library's rules.
func withOwnRules(c config.Config) config.Config {
	for _, r := range ownRules() {
		c.Rules[r.RuleID] = r
		c.OrderedRules = append(c.OrderedRules, r.RuleID)
		for _, k := range r.Keywords {
			c.Keywords[k] = struct{}{}
		}
	}
	return c
}

// public returns the id of a rule that people see. Some of our rules have a part after "#" in the library:
// there a rule has one expression only, and a rule that is not named "generic" hides the findings of
// generic-api-key with the same secret, also if we leave the finding out.
func public(id string) string {
	id, _, _ = strings.Cut(id, "#")
	return id
}

// vagueness ranks rules that match the same text: the rule with the lowest rank is the most
// specific. Rules that recognize a secret by its context, and rules for tokens that have often
// expired, are wrong more often than the rest, which recognize a provider's own format.
func vagueness(rule string) int {
	switch rule {
	case configPassword:
		return 4
	case "generic-api-key":
		return 3
	case "curl-auth-header", "curl-auth-user", "hashicorp-tf-password", "kubernetes-secret-yaml", "nuget-config-password",
		urlPassword, connectionPassword, credentialsFile:
		return 2
	case "jwt", "jwt-base64":
		return 1
	default:
		return 0
	}
}

// fragmentary reports whether the rule's groups match only a part of the secret.
func fragmentary(rule string) bool {
	return rule == "jwt-base64" || rule == "microsoft-teams-webhook"
}
