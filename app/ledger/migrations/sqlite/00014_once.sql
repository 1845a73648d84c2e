-- +goose Up

-- Events that happen at most once, by a name that says which: see Event.Once.
CREATE TABLE once (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

-- Decisions that have not ended, for the warnings.
CREATE INDEX view_decisions_open ON view_decisions (ended) WHERE ended = '';
