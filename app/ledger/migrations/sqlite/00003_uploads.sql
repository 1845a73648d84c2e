-- +goose Up

-- What tools found that run elsewhere, as their workflows sent it. Names in lower case.
CREATE TABLE uploads (
    owner    TEXT    NOT NULL,
    repo     TEXT    NOT NULL,
    sha      TEXT    NOT NULL, -- the commit that was looked at
    scanner  TEXT    NOT NULL,
    category TEXT    NOT NULL, -- one part of several of a tool, such as a language
    number   INTEGER NOT NULL, -- of the pull request whose workflow sent it; 0 for a branch's
    workflow TEXT    NOT NULL,
    ref      TEXT    NOT NULL, -- on which the workflow ran
    data     BLOB    NOT NULL, -- compressed (DEFLATE, RFC 1951)
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (owner, repo, sha, number, scanner, category, workflow)
) WITHOUT ROWID;
CREATE INDEX uploads_ref ON uploads (owner, repo, ref, saved_at);
CREATE INDEX uploads_saved_at ON uploads (saved_at);

-- Which pull requests would be reviewed otherwise if there were uploads for a commit.
CREATE TABLE awaited (
    owner    TEXT    NOT NULL,
    repo     TEXT    NOT NULL,
    sha      TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    PRIMARY KEY (owner, repo, sha, number)
) WITHOUT ROWID;
CREATE INDEX awaited_since ON awaited (since);
