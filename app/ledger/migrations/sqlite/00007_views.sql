-- +goose Up

-- Views of the events: each is kept up to date by the transaction that writes an event, and can be made again
-- from all of them. A name, in lower case, is there only where repo_id is 0.

-- One row: up to which event the views are made, and by which version of the code that makes them.
CREATE TABLE views (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    upto    INTEGER NOT NULL
);
INSERT INTO views VALUES (1, 0, 0);

-- Decisions as they are now.
CREATE TABLE view_decisions (
    repo_id  INTEGER NOT NULL,
    owner    TEXT    NOT NULL,
    repo     TEXT    NOT NULL,
    id       TEXT    NOT NULL, -- "A-…"
    number   INTEGER NOT NULL, -- of the pull request in which it was made
    content  TEXT    NOT NULL, -- the fingerprint of the finding without its ordinal
    made     INTEGER NOT NULL, -- the event
    at       INTEGER NOT NULL,
    ended    TEXT    NOT NULL, -- why it counts no more; empty while it does
    ended_at INTEGER NOT NULL, -- 0 while it does
    data     TEXT    NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, id)
) WITHOUT ROWID;
CREATE INDEX view_decisions_content ON view_decisions (repo_id, owner, repo, content);
CREATE INDEX view_decisions_number ON view_decisions (repo_id, owner, repo, number);

-- Where a decision counts: in the newest review of which pull requests.
CREATE TABLE view_counted (
    repo_id  INTEGER NOT NULL,
    owner    TEXT    NOT NULL,
    repo     TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    decision TEXT    NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, number, decision)
) WITHOUT ROWID;
CREATE INDEX view_counted_decision ON view_counted (repo_id, owner, repo, decision);

-- When a rule was shown last in a pull request. Days are counted from 1970, UTC.
CREATE TABLE view_rule_pulls (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    rule    TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    day     INTEGER NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, rule, number)
) WITHOUT ROWID;

-- When a finding of a rule was shown last, and when somebody said last that it is of no use; 0 for never.
CREATE TABLE view_rule_findings (
    repo_id     INTEGER NOT NULL,
    owner       TEXT    NOT NULL,
    repo        TEXT    NOT NULL,
    rule        TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    day         INTEGER NOT NULL,
    useless_day INTEGER NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, rule, fingerprint)
) WITHOUT ROWID;

-- The sums of both by day, so that to ask about the last months reads a row for each day.
CREATE TABLE view_rule_days (
    repo_id  INTEGER NOT NULL,
    owner    TEXT    NOT NULL,
    repo     TEXT    NOT NULL,
    rule     TEXT    NOT NULL,
    day      INTEGER NOT NULL,
    first_at INTEGER NOT NULL, -- of the reviews of the day that showed it; 0 for none
    pulls    INTEGER NOT NULL, -- in which it was shown last on this day
    findings INTEGER NOT NULL, -- that were shown last on this day
    useless  INTEGER NOT NULL, -- that count as of no use since this day
    PRIMARY KEY (rule, repo_id, owner, repo, day)
) WITHOUT ROWID;
