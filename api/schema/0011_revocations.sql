-- Playback tokens that are good no more: those of a session that carry this viewer or holder and were issued up to then.
-- A row outlives the tokens it speaks of. Times are UTC milliseconds.
CREATE TABLE revocations (
    session TEXT NOT NULL,
    tag TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (session, tag)
);
CREATE INDEX revocations_by_time ON revocations (at_ms);
ALTER TABLE sessions ADD COLUMN beat_ms BIGINT;
