-- +goose Up

-- What people decided, as a chain for each organisation: each line holds the hash of the line before it, so that a
-- changed, removed or added line is found. The transaction that writes an event writes its line.
CREATE TABLE chain (
    org       TEXT    NOT NULL, -- the owner of the repository at that time, in lower case
    seq       INTEGER NOT NULL, -- counts the lines of the organisation from 1
    event     INTEGER NOT NULL,
    prev_hash TEXT    NOT NULL,
    hash      TEXT    NOT NULL, -- SHA-256 of the line
    line      TEXT    NOT NULL, -- JSON, see package audit
    PRIMARY KEY (org, seq)
);
CREATE UNIQUE INDEX chain_event ON chain (event);

-- Where each chain ends, apart from it, so that a removed last line is found.
CREATE TABLE chain_heads (
    org    TEXT    PRIMARY KEY NOT NULL,
    length INTEGER NOT NULL,
    hash   TEXT    NOT NULL
);

-- +goose StatementBegin
CREATE TRIGGER chain_never_changes BEFORE UPDATE ON chain
BEGIN SELECT RAISE(ABORT, 'the chain is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER chain_never_vanishes BEFORE DELETE ON chain
BEGIN SELECT RAISE(ABORT, 'the chain is append-only'); END;
-- +goose StatementEnd
