-- +goose Up

-- Events that happen at most once, by a name that says which: see Event.Once.
CREATE TABLE once (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;
