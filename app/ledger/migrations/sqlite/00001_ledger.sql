-- Times are milliseconds since 1970, UTC. Names are kept as GitHub spells them and
-- compared without case, as GitHub does.

-- +goose Up

-- What GitHub delivered, so that a redelivery is known.
CREATE TABLE deliveries (
    guid        TEXT    PRIMARY KEY NOT NULL,
    event       TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    received_at INTEGER NOT NULL
);
CREATE INDEX deliveries_received_at ON deliveries (received_at);

-- One row per pull request: what was heard of it last, and how much of that was reviewed.
CREATE TABLE pulls (
    id           INTEGER PRIMARY KEY,
    installation INTEGER NOT NULL,
    repo_id      INTEGER NOT NULL,
    owner        TEXT    NOT NULL,
    repo         TEXT    NOT NULL,
    number       INTEGER NOT NULL CHECK (number > 0),
    head         TEXT    NOT NULL,
    base         TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    force        BOOLEAN NOT NULL,
    closed       BOOLEAN NOT NULL,
    generation   INTEGER NOT NULL,           -- how often there was something new to review
    reviewed     INTEGER NOT NULL DEFAULT 0, -- the generation that was reviewed last
    heard_at     INTEGER NOT NULL,
    reviewed_at  INTEGER
);
CREATE UNIQUE INDEX pulls_key ON pulls (lower(owner), lower(repo), number);

CREATE TABLE events (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind <> ''),
    installation INTEGER NOT NULL,
    owner        TEXT    NOT NULL,
    repo         TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    head         TEXT    NOT NULL,
    data         TEXT    NOT NULL CHECK (json_valid(data))
);
CREATE INDEX events_pull ON events (lower(owner), lower(repo), number, id);
CREATE INDEX events_kind ON events (kind, id);

-- +goose StatementBegin
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER events_never_vanish BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
-- +goose StatementEnd

-- The last valid policy of each repository. Names in lower case.
CREATE TABLE policies (
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    sha     TEXT    NOT NULL, -- the commit that it was read at
    text    BLOB    NOT NULL,
    read_at INTEGER NOT NULL,
    PRIMARY KEY (owner, repo)
);

-- Who works on a job and was alive when. The holder is one attempt of one process.
CREATE TABLE heartbeats (
    job_id     INTEGER PRIMARY KEY NOT NULL,
    holder     TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    beat_at    INTEGER NOT NULL
);
