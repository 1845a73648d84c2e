-- +goose Up

-- How far the search for lost deliveries has come. It is no view: what GitHub lists is not stored.
CREATE TABLE recovery (
    scope TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- what was read: see package recovery
    at    BIGINT NOT NULL                        -- up to when, by GitHub's clock; milliseconds
);

-- The one run of the search; there is at most one row.
CREATE TABLE recovery_run (
    id     BIGINT NOT NULL PRIMARY KEY, -- 1
    begun  BIGINT NOT NULL,             -- the number of the newest run
    done   BIGINT NOT NULL,             -- the number of the newest run that was completed
    holder TEXT COLLATE "C" NOT NULL,   -- who runs it; empty for nobody
    beats  BIGINT NOT NULL              -- grows while it runs
);
