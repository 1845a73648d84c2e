-- +goose Up

-- Which weaknesses were shown to which team, in which pull requests. It is a view, see 00007_views.sql.
CREATE TABLE view_lessons (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    team    TEXT    NOT NULL, -- "@org/team" or "@person" in lower case; empty without an owner
    cwe     TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    event   INTEGER NOT NULL, -- that showed it first
    at      INTEGER NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, team, cwe, number)
) WITHOUT ROWID;
CREATE INDEX view_lessons_first ON view_lessons (repo_id, owner, repo, team, cwe, event);
CREATE INDEX view_lessons_team ON view_lessons (team, cwe, event);

-- Which merged pull requests fixed findings of a weakness in files of a team.
CREATE TABLE view_lesson_fixes (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    cwe     TEXT    NOT NULL,
    team    TEXT    NOT NULL,
    event   INTEGER NOT NULL, -- the merge
    number  INTEGER NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, cwe, team, event)
) WITHOUT ROWID;
CREATE INDEX view_lesson_fixes_any ON view_lesson_fixes (repo_id, owner, repo, cwe, event);
CREATE INDEX view_lesson_fixes_team ON view_lesson_fixes (team, cwe, event);

-- Campaigns that commands started.
CREATE TABLE view_campaigns (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    event   INTEGER NOT NULL,
    until   INTEGER NOT NULL, -- the last day
    ended   INTEGER NOT NULL, -- when it was stopped; 0 if it was not
    data    TEXT    NOT NULL, -- of the event
    PRIMARY KEY (repo_id, owner, repo, id)
) WITHOUT ROWID;

-- The old findings of campaigns that pull requests met.
CREATE TABLE view_campaign_findings (
    repo_id     INTEGER NOT NULL,
    owner       TEXT    NOT NULL,
    repo        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    fixed       INTEGER NOT NULL, -- when a merge removed it; 0 while it is there
    PRIMARY KEY (repo_id, owner, repo, id, fingerprint)
) WITHOUT ROWID;
CREATE INDEX view_campaign_findings_of ON view_campaign_findings (repo_id, owner, repo, fingerprint);
