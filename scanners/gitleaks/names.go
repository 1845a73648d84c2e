package gitleaks

import (
	"strings"
)

// spelling has the parts of the ids of rules that are no plain words.
var spelling = map[string]string{
	"1password": "1Password", "adafruit": "Adafruit", "adobe": "Adobe", "airtable": "Airtable", "algolia": "Algolia", "alibaba": "Alibaba Cloud",
	"anthropic": "Anthropic", "api": "API", "artifactory": "Artifactory", "asana": "Asana", "atlassian": "Atlassian", "authress": "Authress",
	"aws": "AWS", "azure": "Azure", "beamer": "Beamer", "bitbucket": "Bitbucket", "bittrex": "Bittrex", "buildkite": "Buildkite", "ca": "CA", "cicd": "CI/CD",
	"circleci": "CircleCI", "cisco": "Cisco", "meraki": "Meraki", "clickhouse": "ClickHouse", "cloud": "Cloud", "clojars": "Clojars", "cloudflare": "Cloudflare", "codecov": "Codecov",
	"cohere": "Cohere", "coinbase": "Coinbase", "confluent": "Confluent", "contentful": "Contentful", "databricks": "Databricks", "datadog": "Datadog",
	"digitalocean": "DigitalOcean", "discord": "Discord", "docker": "Docker", "doppler": "Doppler", "droneci": "Drone CI", "dropbox": "Dropbox", "duffel": "Duffel",
	"dynatrace": "Dynatrace", "easypost": "EasyPost", "etsy": "Etsy", "facebook": "Facebook", "fastly": "Fastly", "figma": "Figma", "finicity": "Finicity",
	"finnhub": "Finnhub", "flickr": "Flickr", "flutterwave": "Flutterwave", "flyio": "Fly.io", "frameio": "Frame.io", "freemius": "Freemius", "freshbooks": "FreshBooks",
	"gcp": "Google Cloud", "github": "GitHub", "gitlab": "GitLab", "gitter": "Gitter", "gocardless": "GoCardless", "grafana": "Grafana", "groq": "Groq",
	"harness": "Harness", "hashicorp": "HashiCorp", "heroku": "Heroku", "hubspot": "HubSpot", "huggingface": "Hugging Face", "id": "ID", "infracost": "Infracost",
	"intercom": "Intercom", "intra42": "Intra 42", "jfrog": "JFrog", "jwt": "JWT", "kraken": "Kraken", "kubernetes": "Kubernetes", "kucoin": "KuCoin", "langfuse": "Langfuse",
	"langsmith": "LangSmith", "launchdarkly": "LaunchDarkly", "linear": "Linear", "linkedin": "LinkedIn", "lob": "Lob", "looker": "Looker", "mailchimp": "Mailchimp",
	"mailgun": "Mailgun", "mapbox": "Mapbox", "mattermost": "Mattermost", "maxmind": "MaxMind", "messagebird": "MessageBird", "microsoft": "Microsoft", "teams": "Teams",
	"netlify": "Netlify", "notion": "Notion", "npm": "npm", "nuget": "NuGet", "nvidia": "NVIDIA", "nytimes": "New York Times", "oauth": "OAuth", "octopus": "Octopus", "deploy": "deploy",
	"okta": "Okta", "openai": "OpenAI", "openrouter": "OpenRouter", "openshift": "OpenShift", "pat": "personal access token", "perplexity": "Perplexity", "personnal": "personal", "pinecone": "Pinecone",
	"plaid": "Plaid", "planetscale": "PlanetScale", "posthog": "PostHog", "postman": "Postman", "prefect": "Prefect", "privateai": "Private AI", "pulumi": "Pulumi", "pypi": "PyPI",
	"rapidapi": "RapidAPI", "readme": "ReadMe", "replicate": "Replicate", "rubygems": "RubyGems", "scalingo": "Scalingo", "scim": "SCIM", "sendbird": "Sendbird", "sendgrid": "SendGrid",
	"sendinblue": "Brevo (Sendinblue)", "sentry": "Sentry", "settlemint": "SettleMint", "shippo": "Shippo", "shopify": "Shopify", "sidekiq": "Sidekiq", "slack": "Slack",
	"snyk": "Snyk", "sonar": "Sonar", "sourcegraph": "Sourcegraph", "square": "Square", "squarespace": "Squarespace", "stripe": "Stripe", "sumologic": "Sumo Logic", "supabase": "Supabase",
	"tailscale": "Tailscale", "tavily": "Tavily", "telegram": "Telegram", "tf": "Terraform", "travisci": "Travis CI", "twilio": "Twilio", "twitch": "Twitch", "twitter": "Twitter",
	"typeform": "Typeform", "url": "URL", "vault": "Vault", "xai": "xAI", "yandex": "Yandex", "zendesk": "Zendesk",
}

// secretNames are those of secrets that the words of their rules' ids do not give.
var secretNames = map[string]string{
	"adobe-client-id":                             "Adobe client ID",
	"age-secret-key":                              "age secret key",
	"artifactory-reference-token":                 "Artifactory reference token",
	"authress-service-client-access-key":          "Authress service client access key",
	"aws-access-token":                            "AWS access key ID",
	"aws-amazon-bedrock-api-key-long-lived":       "long-lived Amazon Bedrock API key",
	"aws-amazon-bedrock-api-key-short-lived":      "short-lived Amazon Bedrock API key",
	"azure-ad-client-secret":                      "Microsoft Entra ID (Azure AD) client secret",
	"cisco-meraki-api-key":                        "Cisco Meraki API key",
	"clickhouse-cloud-api-secret-key":             "ClickHouse Cloud API secret key",
	"cloudflare-global-api-key":                   "Cloudflare global API key",
	"cloudflare-origin-ca-key":                    "Cloudflare Origin CA key",
	"defined-networking-api-token":                "Defined Networking API token",
	"discord-api-token":                           "Discord bot token",
	"dropbox-long-lived-api-token":                "long-lived Dropbox API token",
	"dropbox-short-lived-api-token":               "short-lived Dropbox API token",
	"easypost-test-api-token":                     "EasyPost test API token",
	"facebook-secret":                             "Facebook app secret",
	"flutterwave-public-key":                      "Flutterwave public key",
	"gcp-api-key":                                 "Google API key",
	"github-app-token":                            "GitHub App token",
	"github-app-installation-token":               "GitHub App installation token",
	"github-fine-grained-pat":                     "fine-grained GitHub personal access token",
	"github-oauth":                                "GitHub OAuth token",
	"gitlab-oauth-app-secret":                     "GitLab OAuth application secret",
	"gitlab-pat-routable":                         "GitLab personal access token",
	"gitlab-ptt":                                  "GitLab pipeline trigger token",
	"gitlab-rrt":                                  "GitLab runner registration token",
	"gitlab-runner-authentication-token-routable": "GitLab runner authentication token",
	"gitlab-kubernetes-agent-token":               "GitLab agent token for Kubernetes",
	"hashicorp-tf-api-token":                      "HCP Terraform API token",
	"heroku-api-key-v2":                           "Heroku API key",
	"huggingface-access-token":                    "Hugging Face access token",
	"huggingface-organization-api-token":          "Hugging Face organization API token",
	"intra42-client-secret":                       "Intra 42 client secret",
	"jwt":                                         "JSON Web Token",
	"jwt-base64":                                  "JSON Web Token in base64",
	"lob-pub-api-key":                             "Lob publishable API key",
	"mailgun-pub-key":                             "Mailgun public validation key",
	"mailgun-private-api-token":                   "Mailgun private API key",
	"microsoft-teams-webhook":                     "Microsoft Teams webhook address",
	"new-relic-browser-api-token":                 "New Relic browser API token",
	"new-relic-insert-key":                        "New Relic insert key",
	"new-relic-user-api-id":                       "New Relic user API ID",
	"new-relic-user-api-key":                      "New Relic user API key",
	"octopus-deploy-api-key":                      "Octopus Deploy API key",
	"sentry-access-token":                         "Sentry access token",
	"sentry-org-token":                            "Sentry organization token",
	"sidekiq-secret":                              "Sidekiq Enterprise credential",
	"sidekiq-sensitive-url":                       "address with a Sidekiq Enterprise credential",
	"slack-app-token":                             "Slack app-level token",
	"slack-config-access-token":                   "Slack configuration access token",
	"slack-config-refresh-token":                  "Slack configuration refresh token",
	"slack-legacy-bot-token":                      "legacy Slack bot token",
	"slack-legacy-token":                          "legacy Slack token",
	"slack-legacy-workspace-token":                "legacy Slack workspace token",
	"slack-webhook-url":                           "Slack webhook address",
	"square-access-token":                         "Square access token",
	"vault-batch-token":                           "HashiCorp Vault batch token",
	"vault-service-token":                         "HashiCorp Vault service token",
	"yandex-aws-access-token":                     "Yandex Cloud static access key",
}

// A ruleText is what a finding says about its secret.
type ruleText struct{ title, message string }

// ruleTexts are those of rules whose secret has no name of its own.
var ruleTexts = map[string]ruleText{
	"generic-api-key":        {"Password, key or token committed", "This value looks like a password, a key or a token."},
	"curl-auth-header":       {"Token in a curl command committed", "The header of this curl command has a token or a password in it."},
	"curl-auth-user":         {"Password in a curl command committed", "This curl command has a user name and a password in it."},
	"hashicorp-tf-password":  {"Password in a Terraform file committed", "This Terraform attribute has its password written in the file."},
	"kubernetes-secret-yaml": {"Value of a Kubernetes Secret committed", "This Kubernetes Secret has its value in the file, and base64 does not protect it."},
	"nuget-config-password":  {"Password of a NuGet feed committed", "This NuGet configuration has the password of a package feed in it."},
	"pkcs12-file":            {"PKCS #12 file committed", "The file is a PKCS #12 container, which most often holds a private key."},
	"private-key":            {"Private key committed", "The file has a private key in it."},
	urlPassword:              {"Password in a URL committed", "This URL has the password of a server in it."},
	connectionPassword:       {"Password in a connection string committed", "This connection string has the password of a server in it."},
	credentialsFile:          {"Password in a credentials file committed", "This file is where a program keeps its credentials, and has a password in it."},
	configPassword:           {"Password in a configuration file committed", "This setting has its password written in the file."},
	"planetscale-password":   {"PlanetScale password committed", "The file has a PlanetScale database password in it."},
}

// textOf returns the text of a rule.
func textOf(rule string) ruleText {
	if t, ok := ruleTexts[rule]; ok {
		return t
	}
	secret := secretNames[rule]
	if secret == "" {
		parts := strings.Split(rule, "-")
		for i, p := range parts {
			if w, ok := spelling[p]; ok {
				parts[i] = w
			}
		}
		secret = strings.Join(parts, " ")
	}
	title := secret
	switch first, _, _ := strings.Cut(secret, " "); first {
	case "npm", "xAI", "age": // written so
	default:
		title = strings.ToUpper(secret[:1]) + secret[1:]
	}
	return ruleText{title + " committed", "The file has " + article(secret) + " " + secret + " in it."}
}

// article returns the indefinite article of a name, by its sound.
func article(name string) string {
	switch first, _, _ := strings.Cut(name, " "); first {
	case "HCP", "NVIDIA", "npm", "xAI":
		return "an"
	}
	if strings.ContainsRune("AEIOaeio", rune(name[0])) {
		return "an"
	}
	return "a"
}
