-- What happened to a session, for those who listen to it; numbered from 1 in each session. Times are UTC milliseconds.
CREATE TABLE events (
    session TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (session, sequence)
);
CREATE INDEX events_by_time ON events (at_ms);
-- The last number given in each session; it outlives the events.
CREATE TABLE event_heads (
    session TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);
