-- Programs that are told of events. `events` are names or name.*, space-separated. Times are UTC milliseconds.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    failing_since_ms BIGINT,
    failures BIGINT NOT NULL,
    retry_ms BIGINT NOT NULL,
    delivered_ms BIGINT
);
CREATE INDEX webhooks_by_age ON webhooks (created_ms, id);
