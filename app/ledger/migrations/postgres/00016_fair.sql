-- +goose Up

-- The processes that do jobs, and how many of each queue at one time. beat_at is by the clock of the database.
CREATE TABLE workers (
    worker  TEXT COLLATE "C" NOT NULL,
    queue   TEXT COLLATE "C" NOT NULL,
    slots   BIGINT NOT NULL,
    beat_at BIGINT NOT NULL,
    PRIMARY KEY (worker, queue)
);

-- What was begun recently, for the order of the next jobs: a share or an installation, its use and as of when.
CREATE TABLE uses (
    queue  TEXT COLLATE "C" NOT NULL,
    kind   TEXT COLLATE "C" NOT NULL, -- share or installation
    party  TEXT COLLATE "C" NOT NULL,
    amount DOUBLE PRECISION NOT NULL,
    at     BIGINT           NOT NULL,
    PRIMARY KEY (queue, kind, party)
);
CREATE INDEX uses_at ON uses (at);

-- The installations whose limits at GitHub are known to be reached, by the resource that GitHub counts.
CREATE TABLE limits (
    installation BIGINT  NOT NULL,
    resource     TEXT COLLATE "C" NOT NULL, -- empty for a secondary limit, which is of everything
    secondary    BOOLEAN NOT NULL,
    ends_at      BIGINT  NOT NULL,
    PRIMARY KEY (installation, resource)
);

-- When the next write of an installation to GitHub may begin, and how many of its writes made content, by minute.
CREATE TABLE paces (
    installation BIGINT PRIMARY KEY,
    next_at      BIGINT NOT NULL
);
CREATE TABLE contents (
    installation BIGINT NOT NULL,
    minute       BIGINT NOT NULL, -- since 1970
    made         BIGINT NOT NULL,
    PRIMARY KEY (installation, minute)
);
