-- +goose Up

-- The issues with the digests of teams. It is no view: the program remembers here what it wrote. Names in lower case.
CREATE TABLE digests (
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    team    TEXT    NOT NULL,
    issue   INTEGER NOT NULL, -- 0 before there is one
    claimed INTEGER NOT NULL, -- when a task began to write it; 0 if none does
    data    TEXT    NOT NULL, -- what the next digest is compared with
    PRIMARY KEY (owner, repo, team)
) WITHOUT ROWID;
