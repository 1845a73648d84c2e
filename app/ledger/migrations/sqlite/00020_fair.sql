-- +goose Up

-- The processes that do jobs, and how many of each queue at one time. beat_at is by the clock of the database.
CREATE TABLE workers (
    worker  TEXT    NOT NULL,
    queue   TEXT    NOT NULL,
    slots   INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    PRIMARY KEY (worker, queue)
);

-- What was begun recently, for the order of the next jobs: a share or an installation, its use and as of when.
CREATE TABLE uses (
    queue  TEXT    NOT NULL,
    kind   TEXT    NOT NULL, -- share or installation
    party  TEXT    NOT NULL,
    amount REAL    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (queue, kind, party)
);
CREATE INDEX uses_at ON uses (at);
