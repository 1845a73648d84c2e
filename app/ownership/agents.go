package ownership

import (
	"slices"
	"strings"
)

// Agents define what holds in pull requests that no person opened. What they bring is decided by people. The zero value
// is as strict as the default, except that it needs nobody: see [Default].
type Agents struct {
	SelfAccept bool     // the person who started the agent counts as one of the people who are needed
	People     int      // the least number of people who have to agree to each decision
	List       []string // further accounts of coding agents, with or without "[bot]"
}

// codingAgents are the accounts of coding agents, which open pull requests for people. All of them are Apps, whose
// accounts are bots for GitHub.
func codingAgents() []string {
	return []string{
		"copilot", "copilot-swe-agent", "claude", "chatgpt-codex-connector", "codex", "cursor", "devin-ai-integration",
		"google-labs-jules", "gemini-code-assist", "amazon-q-developer", "openhands-agent", "sweep-ai", "factory-droid",
	}
}

// Listed reports whether the policy lists an account as that of a coding agent.
func (a Agents) Listed(login string) bool {
	return slices.ContainsFunc(a.List, func(listed string) bool { return bareLogin(listed) == bareLogin(login) })
}

// Coding reports whether an account is that of a coding agent, which works for a person. bot says that it is no person
// for GitHub: a person may have the name of an agent.
func (a Agents) Coding(login string, bot bool) bool {
	return bot && slices.Contains(codingAgents(), bareLogin(login)) || a.Listed(login)
}

// Automated reports whether an account is not a person's: a bot or a coding agent.
func (a Agents) Automated(login string, bot bool) bool { return bot || a.Listed(login) }

// Starter returns the person who started the agent that opened a pull request: its first assignee who is a person. It
// is empty for other authors, and if nobody is known to have started it.
func (a Agents) Starter(author string, bot bool, assignee string) string {
	if !a.Coding(author, bot) || a.Listed(assignee) {
		return ""
	}
	return assignee
}

func bareLogin(login string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimPrefix(login, "@")), "[bot]")
}
