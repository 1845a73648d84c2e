package record

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners"
)

// Runs reports whether the campaign has not ended by its day: it runs until the end of that day, UTC.
func (c Campaign) Runs(now time.Time) bool { return now.Before(c.Until.AddDate(0, 0, 1)) }

// Covers reports whether a finding of a rule ("scanner/rule") in a file with these owners belongs to the campaign. A
// campaign of a team covers only what the team owns, one of the policy also what has no owner.
func (c Campaign) Covers(rule, path string, severity scanners.Severity, owners []string) bool {
	if severity < c.Severity || c.Rule != "" && !doublestar.MatchUnvalidated(c.Rule, rule) || c.Path != "" && !doublestar.MatchUnvalidated(c.Path, path) {
		return false
	}
	if c.Team == "" {
		return true
	}
	for _, o := range owners {
		if strings.EqualFold(o, c.Team) {
			return true
		}
	}
	return false
}

// Label returns what people call the campaign: its id, or its name in the policy.
func (c Campaign) Label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// CampaignID derives the id of a campaign from what makes it the same one.
func CampaignID(parts ...any) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%v\x00", p)
	}
	return "C-" + base32.StdEncoding.EncodeToString(h.Sum(nil)[:5])
}

// NamedCampaign returns a campaign of the policy. It is the same one as long as it is about the same findings, until
// whichever day.
func NamedCampaign(name, rule, path string, severity scanners.Severity, until time.Time) Campaign {
	return Campaign{ID: CampaignID(name, rule, path, severity), Name: name, Rule: rule, Path: path, Severity: severity, Until: until}
}

// A Progress counts the old findings of a campaign that pull requests met.
type Progress struct {
	Known int // in files that pull requests changed
	Fixed int // those of them that a merged pull request removed
}
