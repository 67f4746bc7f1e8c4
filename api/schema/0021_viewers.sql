-- A viewer: one time that somebody watched a session, from joining to leaving. Times are UTC milliseconds.
CREATE TABLE viewers (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    subject TEXT NOT NULL,
    device TEXT NOT NULL,
    browser TEXT NOT NULL,
    country TEXT NOT NULL,
    joined_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    left_ms BIGINT
);
CREATE INDEX viewers_by_session ON viewers (session, joined_ms, id);
CREATE INDEX viewers_watching ON viewers (session) WHERE left_ms IS NULL;
CREATE INDEX viewers_by_beat ON viewers (seen_ms) WHERE left_ms IS NULL;
-- How many watch each session, counted at most once a second, and the most there were.
CREATE TABLE viewer_counts (
    session TEXT PRIMARY KEY,
    watching BIGINT NOT NULL,
    most BIGINT NOT NULL,
    counted_ms BIGINT NOT NULL
);
