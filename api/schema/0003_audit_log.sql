-- Who did what to whom, and when (UTC milliseconds). Nothing in it is a secret.
CREATE TABLE audit_log (
    id TEXT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at_ms, id);
CREATE INDEX audit_log_by_actor ON audit_log (actor, at_ms, id);
CREATE INDEX audit_log_by_target ON audit_log (target, at_ms, id);
