-- When the node that has a live session's publisher said so last (UTC milliseconds).
ALTER TABLE sessions ADD COLUMN carried_ms BIGINT;
CREATE INDEX sessions_by_carrier ON sessions (carried_ms) WHERE state = 'live';
