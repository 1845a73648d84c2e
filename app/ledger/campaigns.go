package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// maxCampaignFindings bounds how many findings of one event count for the progress of campaigns, because each is a row
// that one transaction writes.
const maxCampaignFindings = 200

// campaignKinds are the kinds of events from which the views of campaigns are derived.
var campaignKinds = []string{record.CampaignStarted, record.CampaignEnded, record.Finished, record.Merged}

// A campaignChange holds what an event says about campaigns.
type campaignChange struct {
	started *record.Campaign
	ended   string
	met     [][2]string // campaign and fingerprint
	gone    []string    // fingerprints
}

// campaignOf returns the change of an event to the views of campaigns, or nil.
func campaignOf(e Event) change {
	var c campaignChange
	switch e.Kind {
	case record.CampaignStarted:
		if s, err := record.ReadOwnership[record.Campaign](e.ID, e.Data); err == nil && s.ID != "" {
			c.started = &s
		}
	case record.CampaignEnded:
		if s, err := record.ReadOwnership[record.CampaignEnd](e.ID, e.Data); err == nil {
			c.ended = s.ID
		}
	case record.Finished:
		if !bytes.Contains(e.Data, []byte(`"campaigns"`)) { // most reviews; to parse one takes time
			return nil
		}
		if r, err := record.ReadReview(e.ID, e.At, e.Head, e.Data); err == nil {
			for _, f := range r.Findings {
				for _, id := range f.Campaigns {
					if len(c.met) < maxCampaignFindings {
						c.met = append(c.met, [2]string{id, f.Fingerprint})
					}
				}
			}
		}
	case record.Merged:
		if m, err := record.ReadOwnership[record.Merge](e.ID, e.Data); err == nil {
			for _, f := range m.Gone[:min(len(m.Gone), maxCampaignFindings)] {
				c.gone = append(c.gone, f.Fingerprint)
			}
		}
	}
	if c.started == nil && c.ended == "" && len(c.met)+len(c.gone) == 0 {
		return nil
	}
	return c
}

func (c campaignChange) apply(ctx context.Context, tx *sql.Tx, repo Repo, e Event) error {
	var err error
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, append([]any{repo.ID, repo.Owner, repo.Name}, args...)...)
		}
	}
	if c.started != nil {
		exec(`
			INSERT INTO view_campaigns (repo_id, owner, repo, id, event, until, ended, data)
			VALUES ($1, $2, $3, $4, $5, $6, 0, $7) ON CONFLICT DO NOTHING`, c.started.ID, e.ID, millis(c.started.Until), string(e.Data))
	}
	if c.ended != "" {
		exec(`UPDATE view_campaigns SET ended = $5 WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND id = $4 AND ended = 0`, c.ended, millis(e.At))
	}
	for _, m := range c.met {
		exec(`
			INSERT INTO view_campaign_findings (repo_id, owner, repo, id, fingerprint, fixed)
			VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT DO NOTHING`, m[0], m[1])
	}
	for _, fingerprint := range c.gone {
		exec(`
			UPDATE view_campaign_findings SET fixed = $5
			WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND fingerprint = $4 AND fixed = 0`, fingerprint, millis(e.At))
	}
	return err
}

// The queries of this file; a test reads their plans.
const (
	campaignsQuery = `
		SELECT data, event FROM view_campaigns
		WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND ended = 0 AND until > $4 ORDER BY event`

	progressQuery = `
		SELECT count(*), coalesce(sum(CASE WHEN fixed > 0 THEN 1 ELSE 0 END), 0) FROM view_campaign_findings
		WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND id = $4`
)

// Campaigns lists the campaigns that commands started in a repository and that run now, the oldest first. Those of the
// policy are not among them.
func (l *Ledger) Campaigns(ctx context.Context, repo Repo, now time.Time) (list []record.Campaign, err error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, campaignsQuery, key.ID, key.Owner, key.Name, millis(now.AddDate(0, 0, -1)))
	if err != nil {
		return nil, fmt.Errorf("read campaigns: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var data string
		var event int64
		if err := rows.Scan(&data, &event); err != nil {
			return nil, fmt.Errorf("read campaigns: %w", err)
		}
		c, err := record.ReadOwnership[record.Campaign](event, []byte(data))
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return slices.DeleteFunc(list, func(c record.Campaign) bool { return !c.Runs(now) }), rows.Err()
}

// CampaignProgress counts the old findings of a campaign of a repository, of a command or of the policy.
func (l *Ledger) CampaignProgress(ctx context.Context, repo Repo, id string) (p record.Progress, err error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return p, err
	}
	if err := l.read.QueryRowContext(ctx, progressQuery, key.ID, key.Owner, key.Name, id).Scan(&p.Known, &p.Fixed); err != nil {
		return p, fmt.Errorf("read the progress of campaign %s: %w", id, err)
	}
	return p, nil
}
