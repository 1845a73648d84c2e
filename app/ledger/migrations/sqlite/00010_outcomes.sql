-- +goose Up

-- Views for teams, see 00007_views.sql and package tally.

-- The findings and questions of a repository, and what else has a life of its own.
CREATE TABLE view_team_subjects (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    number  INTEGER NOT NULL, -- of the pull request; 0 for a subject that outlives it
    name    TEXT    NOT NULL,
    about   TEXT    NOT NULL, -- by what others find it; empty for none
    data    TEXT    NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, kind, number, name)
) WITHOUT ROWID;

-- Which subjects are, or were, about something.
CREATE TABLE view_team_about (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    about   TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, kind, about, number, name)
) WITHOUT ROWID;

-- Which of them are on the list of a team, in lower case; empty for those without an owner.
CREATE TABLE view_team_lists (
    team    TEXT    NOT NULL,
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    PRIMARY KEY (team, repo_id, owner, repo, kind, number, name)
) WITHOUT ROWID;

-- Sums of observations by team and day. The team * stands for all together. Day 0 is what is true now.
CREATE TABLE view_team_days (
    team    TEXT    NOT NULL,
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    day     INTEGER NOT NULL, -- from 1970, UTC
    key     TEXT    NOT NULL,
    about   TEXT    NOT NULL,
    value   INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (team, repo_id, owner, repo, day, key, about, value)
) WITHOUT ROWID;

-- In which repositories a team has any of this, and how much.
CREATE TABLE view_teams (
    team    TEXT    NOT NULL,
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (team, repo_id, owner, repo)
) WITHOUT ROWID;
CREATE INDEX view_teams_repo ON view_teams (repo_id, owner, team);

-- When the webhook about the head was received, and which head that was.
ALTER TABLE pulls ADD COLUMN pushed_at INTEGER NOT NULL DEFAULT 0; -- 0 for not known
ALTER TABLE pulls ADD COLUMN pushed_head TEXT NOT NULL DEFAULT '';
