-- +goose Up

-- Which repository has or had a name, by GitHub's id of it. Owners rename and transfer repositories, and
-- then others may take the name. Names in lower case.
CREATE TABLE names (
    owner   TEXT    NOT NULL,
    repo    TEXT    NOT NULL,
    repo_id INTEGER NOT NULL,
    since   INTEGER NOT NULL, -- the events under the name with a higher id are of this repository,
    until   INTEGER           -- up to this one; NULL for as long as it has the name
);
CREATE UNIQUE INDEX names_now ON names (owner, repo) WHERE until IS NULL;
CREATE UNIQUE INDEX names_of ON names (repo_id) WHERE until IS NULL;
CREATE INDEX names_had ON names (owner, repo);
CREATE INDEX names_ever ON names (repo_id);

-- So far the events under a name count as those of the repository that was heard of last under it, and of
-- several names of a repository the last one is its own.
WITH heard AS (
    SELECT lower(owner) AS owner, lower(repo) AS repo, repo_id, max(heard_at) AS at
    FROM pulls WHERE repo_id <> 0 GROUP BY lower(owner), lower(repo)
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY repo_id ORDER BY at DESC) AS place FROM heard
)
INSERT INTO names (owner, repo, repo_id, since, until)
SELECT owner, repo, repo_id, 0, CASE WHEN place > 1 THEN (SELECT coalesce(max(id), 0) FROM events) END FROM ranked;
