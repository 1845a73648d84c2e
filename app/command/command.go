// Package command parses the commands that people write in comments: lines that begin with "/secbydesign". It is pure.
//
//	command    = "/secbydesign" [verb [arguments]]        in the first column of a line
//	accept     = [ids] until [ticket] [class] "because" text
//	confirm    = decision
//	fp         = [ids] "because" text
//	not-affected = [ids] code ["because" text]
//	defer      = [ids] until ticket [class] ["because" text]
//	reopen     = [ids]
//	revoke     = decision ["because" text]
//	assign     = [ids] team
//	not-useful = [ids] ("wrong" / "noise" / "unclear" / "too-late") [text]
//	why        = [ids]
//	answer     = question text
//	ask        = "champion" / "security"
//	voice      = [question] text
//	plan
//	campaign   = [[team] ["rule=" glob] ["path=" glob] ["severity=" word] until ["because" text]]
//	           / "stop" campaign-id ["because" text]  a new one says its rule, path or severity
//	ids        = id *("," id) ; id = "F-" 8base32 ; decision = "A-" 8base32
//	question   = "Q" 1*2DIGIT                         why and not-useful take it as an id, too
//	until      = "until" ("=" / SP) (YYYY-MM-DD / 1*3DIGIT ("d" / "w"))
//	ticket     = "ticket" ("=" / SP) url
//	class      = "reason" ("=" / SP) ("emergency" / "deadline" / "technical" / "business")
//
// Words may be in any case, and arguments may come in any order before "because", which takes the rest of the line. In
// the thread of a finding its id may be left out. The text of answer and voice needs no "because".
//
// find.go finds the lines of a comment that count; parse.go parses one, and campaign.go the arguments of a campaign.
package command

import (
	"slices"
	"strings"
	"time"
)

// A Verb is what a command asks for.
type Verb string

// The verbs.
const (
	Help        Verb = "help"
	Status      Verb = "status"
	Why         Verb = "why"
	Rescan      Verb = "rescan"
	Accept      Verb = "accept"
	Confirm     Verb = "confirm"
	FP          Verb = "fp"
	NotAffected Verb = "not-affected"
	Defer       Verb = "defer"
	Reopen      Verb = "reopen"
	Revoke      Verb = "revoke"
	Assign      Verb = "assign"
	NotUseful   Verb = "not-useful"
	Fixed       Verb = "fixed"

	// These belong to questions about the design.
	Answer Verb = "answer"
	Ask    Verb = "ask"
	Voice  Verb = "voice"
	Plan   Verb = "plan"

	// Campaign lists campaigns, starts one, or stops one.
	Campaign Verb = "campaign"
)

// A Command is one line that was understood. Which fields are filled depends on the verb.
type Command struct {
	Verb      Verb
	IDs       []string  // of findings, "F-" in upper case; may be empty, and no two are equal
	Questions []string  // "Q1"; answer has one, voice at most one; no two are equal
	Decision  string    // "A-" in upper case
	Until     time.Time // the last day, at midnight UTC
	Ticket    string    // an address that begins with http:// or https://
	Class     string    // of the reason, one of [Classes]; empty for none
	Code      string    // of not-affected, the reason of not-useful, the role of ask, or the least severity of a campaign
	Team      string    // "@org/team" or "@person"
	Campaign  string    // "C-" in upper case, of a campaign to stop
	Stop      bool      // a campaign
	Rule      string    // the pattern of a campaign; it need not be one that can match
	Path      string    // likewise
	Reason    string    // one line, at most [MaxText] characters, no white space at its ends
}

// Line returns a line that [Parse] reads as c, on any day before c.Until.
func (c Command) Line() string {
	if c.Verb == Campaign {
		return c.campaignLine()
	}
	parts := []string{Prefix, string(c.Verb)}
	add := func(prefix, value string) {
		if value != "" {
			parts = append(parts, prefix+value)
		}
	}
	add("", strings.Join(slices.Concat(c.IDs, c.Questions), ","))
	add("", c.Decision)
	add("", c.Team)
	add("", c.Code)
	if !c.Until.IsZero() {
		add("until=", c.Until.Format(time.DateOnly))
	}
	add("ticket=", c.Ticket)
	add("reason=", c.Class)
	if c.Verb == Answer || c.Verb == Voice {
		add("", c.Reason)
	} else {
		add("because ", c.Reason)
	}
	return strings.Join(parts, " ")
}

// A Mistake is a line that was not understood, or that cannot be carried out.
type Mistake struct {
	Problem string // one plain sentence; what it quotes of the line is at most 40 characters

	// Right is what was understood of the line: the verb, or the one that was probably meant, and the arguments that
	// are valid. It is zero if no command could do what the line asks for.
	Right Command
	// Like is a word that looks like an id and is none; empty if there is no such word.
	Like string
}

func (m *Mistake) Error() string { return m.Problem }

// Limits of one comment.
const (
	MaxCommands = 10    // further ones are not carried out, and the answer says so
	MaxIDs      = 20    // of one command
	MaxText     = 1_000 // characters of a reason
	MinAnswer   = 15    // characters of an answer
)

// VEX are the codes of not-affected: OpenVEX's justifications.
// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md#status-justifications
func VEX() []string {
	return []string{
		"component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path",
		"vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist",
	}
}

// Classes are the classes of reasons for accept and defer; ownership.Classes is the same.
func Classes() []string { return []string{"emergency", "deadline", "technical", "business"} }

// Roles are those whom ask asks.
func Roles() []string { return []string{"champion", "security"} }

// Opinions are the reasons of not-useful.
func Opinions() []string { return []string{"wrong", "noise", "unclear", "too-late"} }
