-- +goose Up

-- What is known about questions on the design: answers of a repository, questions that were asked, questions that were
-- open when a pull request was merged, and people who were asked for advice. It is a view, see 00007_views.sql.
CREATE TABLE view_requirements (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    kind    TEXT    NOT NULL, -- answer, asked, left or voice
    number  INTEGER NOT NULL,
    name    TEXT    NOT NULL, -- "D-…", "Q1", or who was asked for advice
    author  TEXT    NOT NULL, -- whom the row is about, in lower case
    event   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    data    TEXT    NOT NULL, -- of the event
    PRIMARY KEY (repo_id, owner, repo, kind, number, name)
) WITHOUT ROWID;
CREATE INDEX view_requirements_author ON view_requirements (author, kind, at);
