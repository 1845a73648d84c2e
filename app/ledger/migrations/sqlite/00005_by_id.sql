-- +goose Up

-- Rows are a repository's by GitHub's id of it, which no rename and no transfer changes. 0 stands for a
-- repository of which only the name is known, as in events from before this step; see the table names.
ALTER TABLE events ADD COLUMN repo_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX events_repo ON events (repo_id, number, id) WHERE repo_id <> 0;

-- Of a pull request that is known under several names of its repository, what was heard last holds.
DROP INDEX pulls_key;
UPDATE pulls SET repo_id = (
    SELECT n.repo_id FROM names n WHERE n.owner = lower(pulls.owner) AND n.repo = lower(pulls.repo) AND n.until IS NULL
) WHERE repo_id = 0 AND EXISTS (
    SELECT 1 FROM names n WHERE n.owner = lower(pulls.owner) AND n.repo = lower(pulls.repo) AND n.until IS NULL
);
DELETE FROM pulls WHERE repo_id <> 0 AND EXISTS (
    SELECT 1 FROM pulls later
    WHERE later.repo_id = pulls.repo_id AND later.number = pulls.number
      AND (later.heard_at > pulls.heard_at OR later.heard_at = pulls.heard_at AND later.id > pulls.id)
);
CREATE UNIQUE INDEX pulls_key ON pulls (repo_id, (CASE WHEN repo_id = 0 THEN lower(owner || '/' || repo) ELSE '' END), number);

-- In the tables below a name, in lower case, is there only where the id is 0.
CREATE TABLE uploads_by_id (
    repo_id  INTEGER NOT NULL,
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
    PRIMARY KEY (repo_id, owner, repo, sha, number, scanner, category, workflow)
) WITHOUT ROWID;
INSERT INTO uploads_by_id
SELECT coalesce(n.repo_id, 0), CASE WHEN n.repo_id IS NULL THEN u.owner ELSE '' END, CASE WHEN n.repo_id IS NULL THEN u.repo ELSE '' END,
    u.sha, u.scanner, u.category, u.number, u.workflow, u.ref, u.data, u.saved_at
FROM uploads u LEFT JOIN names n ON n.owner = u.owner AND n.repo = u.repo AND n.until IS NULL;
DROP TABLE uploads;
ALTER TABLE uploads_by_id RENAME TO uploads;
CREATE INDEX uploads_ref ON uploads (repo_id, owner, repo, ref, saved_at);
CREATE INDEX uploads_saved_at ON uploads (saved_at);

CREATE TABLE awaited_by_id (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    sha     TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    PRIMARY KEY (repo_id, owner, repo, sha, number)
) WITHOUT ROWID;
INSERT INTO awaited_by_id
SELECT coalesce(n.repo_id, 0), CASE WHEN n.repo_id IS NULL THEN a.owner ELSE '' END, CASE WHEN n.repo_id IS NULL THEN a.repo ELSE '' END,
    a.sha, a.number, a.since
FROM awaited a LEFT JOIN names n ON n.owner = a.owner AND n.repo = a.repo AND n.until IS NULL;
DROP TABLE awaited;
ALTER TABLE awaited_by_id RENAME TO awaited;
CREATE INDEX awaited_since ON awaited (since);

CREATE TABLE policies_by_id (
    repo_id INTEGER NOT NULL,
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    sha     TEXT    NOT NULL, -- the commit that it was read at
    text    BLOB    NOT NULL,
    read_at INTEGER NOT NULL,
    PRIMARY KEY (repo_id, owner, repo)
);
INSERT INTO policies_by_id
SELECT coalesce(n.repo_id, 0), CASE WHEN n.repo_id IS NULL THEN p.owner ELSE '' END, CASE WHEN n.repo_id IS NULL THEN p.repo ELSE '' END,
    p.sha, p.text, p.read_at
FROM policies p LEFT JOIN names n ON n.owner = p.owner AND n.repo = p.repo AND n.until IS NULL;
DROP TABLE policies;
ALTER TABLE policies_by_id RENAME TO policies;
