-- Token buckets that all nodes share, each as the time at which it is full again (UTC milliseconds).
CREATE TABLE rate_limits (
    bucket TEXT PRIMARY KEY,
    full_ms BIGINT NOT NULL
);
CREATE INDEX rate_limits_by_time ON rate_limits (full_ms);
