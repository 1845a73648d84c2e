-- +goose Up

-- One row: which installation the database is of, and how far it has come. The same stands in a file
-- beside the database, so that an empty or an older one is not taken for it.
CREATE TABLE installation (
    id       TEXT    PRIMARY KEY NOT NULL,
    sequence INTEGER NOT NULL,
    probe    BLOB    NOT NULL DEFAULT x'' -- written to find out whether that is possible
);
