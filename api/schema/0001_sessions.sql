-- A session: one broadcast, from its start by a streamer to its end. Times are UTC milliseconds.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'unlisted', 'public')),
    record SMALLINT NOT NULL CHECK (record IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('created', 'live', 'reconnecting', 'ended', 'failed')),
    reason TEXT NOT NULL,
    ladder TEXT NOT NULL,
    stream_key_sha256 TEXT NOT NULL UNIQUE,
    passphrase TEXT NOT NULL,
    platform TEXT NOT NULL,
    version TEXT NOT NULL,
    device TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT,
    lost_ms BIGINT,
    ended_ms BIGINT
);
CREATE INDEX sessions_by_state ON sessions (state, created_ms, id);
CREATE INDEX sessions_by_owner ON sessions (owner, state, created_ms);
