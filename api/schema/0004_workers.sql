-- Nodes that transcode, each from its start to its end. Times are UTC milliseconds.
CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    capacity BIGINT NOT NULL,
    sessions BIGINT NOT NULL,
    speed DOUBLE PRECISION,
    is_well SMALLINT NOT NULL CHECK (is_well IN (0, 1)),
    is_draining SMALLINT NOT NULL CHECK (is_draining IN (0, 1)),
    started_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL
);
