-- +goose Up

-- How far the search for lost deliveries has come. It is no view: what GitHub lists is not stored.
CREATE TABLE recovery (
    scope TEXT   NOT NULL PRIMARY KEY, -- what was read: see package recovery
    at    INTEGER NOT NULL              -- up to when, by GitHub's clock; milliseconds
) WITHOUT ROWID;

-- The one run of the search; there is at most one row.
CREATE TABLE recovery_run (
    id     INTEGER NOT NULL PRIMARY KEY, -- 1
    begun  INTEGER NOT NULL,             -- the number of the newest run
    done   INTEGER NOT NULL,             -- the number of the newest run that was completed
    holder TEXT   NOT NULL,             -- who runs it; empty for nobody
    beats  INTEGER NOT NULL              -- grows while it runs
) WITHOUT ROWID;
