-- +goose Up

-- The noise meter. All of these are views, see 00007_views.sql.

-- The latest verdict on each finding that was shown.
CREATE TABLE view_noise_verdicts (
    repo_id     INTEGER NOT NULL,
    owner       TEXT    NOT NULL,
    repo        TEXT    NOT NULL,
    rule        TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    not_useful  INTEGER NOT NULL, -- 0 or 1
    who         TEXT    NOT NULL, -- in lower case; empty for a merge
    number      INTEGER NOT NULL, -- of the pull request
    decision    TEXT    NOT NULL, -- "A-…"; empty if it was none
    version     TEXT    NOT NULL, -- of the scanner; empty if it is not known
    PRIMARY KEY (repo_id, owner, repo, rule, fingerprint)
) WITHOUT ROWID;
CREATE INDEX view_noise_verdicts_at ON view_noise_verdicts (repo_id, owner, repo, rule, at, version, not_useful, who, number);

-- The state of each rule that was ever demoted.
CREATE TABLE view_noise_states (
    repo_id    INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    repo       TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    state      TEXT    NOT NULL, -- observed, silent, or empty if it is shown again
    since      INTEGER NOT NULL,
    counted    INTEGER NOT NULL, -- the time from which on verdicts count; 0 for all
    times      INTEGER NOT NULL,
    version    TEXT    NOT NULL,
    verdicts   INTEGER NOT NULL,
    not_useful INTEGER NOT NULL,
    people     INTEGER NOT NULL,
    pulls      INTEGER NOT NULL,
    why        TEXT    NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, rule)
) WITHOUT ROWID;
CREATE INDEX view_noise_states_state ON view_noise_states (state);

-- The versions of scanners in the newest reviews of a repository.
CREATE TABLE view_noise_versions (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    scanner TEXT    NOT NULL,
    version TEXT    NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, scanner)
) WITHOUT ROWID;
