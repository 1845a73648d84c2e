-- +goose Up

-- What scanners found in content, so that the same content is not scanned again. A cache:
-- every row may be deleted at any moment.
CREATE TABLE results (
    key      TEXT    PRIMARY KEY NOT NULL, -- made of the scanner, its version, its rules and the content
    found    BLOB    NOT NULL,             -- compressed (DEFLATE, RFC 1951)
    saved_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX results_saved_at ON results (saved_at);
