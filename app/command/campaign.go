package command

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// MaxCampaign is how many days a campaign lasts at most.
const MaxCampaign = 365

// maxGlob bounds a pattern. Whether it can match something is for the policy to say, which has the same patterns.
const maxGlob = 200

var campaignID = regexp.MustCompile(`(?i)^C-[A-Z2-7]{8}$`)

// severities are the words that a campaign can begin with.
func severities() (list []string) {
	for s := scanners.Low; s <= scanners.Critical; s++ {
		list = append(list, s.String())
	}
	return list
}

// campaign reads the words after the verb: none for the list, "stop" and an id, or what a new campaign is about.
func (p *parser) campaign(words []string) {
	if len(words) > 0 && strings.EqualFold(bare(words[0]), "stop") {
		p.c.Stop = true
		words = words[1:]
	}
	nothing := len(words) == 0 && !p.c.Stop
	for i := 0; i < len(words); i++ {
		name, value, joined := cutWord(words[i])
		take := func() string {
			if !joined && i+1 < len(words) {
				i++
				value = words[i]
			}
			return strings.Trim(value, "`'\"“”‘’")
		}
		switch {
		case name == "because":
			rest := words[i+1:]
			if joined {
				rest = append([]string{value}, rest...)
			}
			p.reason(rest)
			i = len(words)
		case p.c.Stop:
			p.stopped(bare(words[i]))
		case name == "rule":
			p.c.Rule = p.glob("rule", take())
		case name == "path":
			p.c.Path = p.glob("path", take())
		case name == "severity":
			p.least(bare(take()))
		case name == "until":
			p.until(bare(take()))
		case team.MatchString(bare(words[i])) && p.c.Team == "":
			p.c.Team = bare(words[i])
		case bare(words[i]) == "":
		default:
			p.wrong("%s is not understood: a campaign takes rule=, path=, severity=, until= and “because”.", quote(words[i]))
		}
	}
	p.whole(nothing)
}

func (p *parser) stopped(w string) {
	switch {
	case w == "":
	case !campaignID.MatchString(w):
		p.wrong("%s is no campaign; their ids begin with C-.", quote(w))
	case p.c.Campaign != "":
		p.wrong("One command stops one campaign; write several.")
	default:
		p.c.Campaign = strings.ToUpper(w)
	}
}

func (p *parser) glob(name, w string) string {
	switch {
	case w == "":
		p.wrong("The pattern after “%s” is missing.", name)
	case strings.ContainsAny(w, "`<>"):
		p.wrong("The pattern after “%s” has a character that stands in Markdown for something else: write ? in its place.", name)
		return ""
	case len(w) > maxGlob:
		p.wrong("The pattern after “%s” is longer than %d characters; make it shorter.", name, maxGlob)
		return ""
	}
	return w
}

func (p *parser) least(w string) {
	w = strings.ToLower(w)
	if !slices.Contains(severities(), w) {
		p.wrong("%s is no severity; write one of %s.", quote(w), list(severities()))
		return
	}
	p.c.Code = w
}

// whole reports what is missing. nothing says that there are no words.
func (p *parser) whole(nothing bool) {
	c := p.c
	switch {
	case c.Stop && c.Campaign == "":
		p.wrong("campaign stop needs the id of the campaign, which begins with C-.")
	case c.Stop || nothing:
	case c.Rule == "" && c.Path == "" && c.Code == "":
		p.wrong("Say which old findings the campaign is about: by rule=, path= or severity=.")
	case c.Until.IsZero():
		p.wrong("A campaign needs a last day after “until”.")
	case c.Until.After(p.today.AddDate(0, 0, MaxCampaign)):
		p.wrong("A campaign lasts at most %d days, until %s.", MaxCampaign, p.today.AddDate(0, 0, MaxCampaign).Format(time.DateOnly))
		p.c.Until = p.today.AddDate(0, 0, MaxCampaign)
	}
}

// campaignLine returns the words of a campaign.
func (c Command) campaignLine() string {
	parts := []string{Prefix, string(c.Verb)}
	add := func(prefix, value string) {
		if value != "" {
			parts = append(parts, prefix+value)
		}
	}
	if c.Stop {
		parts = append(parts, "stop")
	}
	add("", c.Campaign)
	add("", c.Team)
	add("rule=", c.Rule)
	add("path=", c.Path)
	add("severity=", c.Code)
	if !c.Until.IsZero() {
		add("until=", c.Until.Format(time.DateOnly))
	}
	add("because ", c.Reason)
	return strings.Join(parts, " ")
}
