-- What a viewer told last of how its watching goes. NULL: it did not tell. Times are UTC milliseconds.
CREATE TABLE qoe (
    viewer TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    startup_ms BIGINT,
    stalls BIGINT,
    stalled_ms BIGINT,
    bitrate_kbps BIGINT,
    latency_ms BIGINT,
    throughput_kbps BIGINT,
    dropped_frames BIGINT,
    told_ms BIGINT NOT NULL
);
CREATE INDEX qoe_by_session ON qoe (session);
-- What all origins together sent to a session's viewers.
CREATE TABLE traffic (
    session TEXT PRIMARY KEY,
    playlist_requests BIGINT NOT NULL,
    playlist_bytes BIGINT NOT NULL,
    media_requests BIGINT NOT NULL,
    media_bytes BIGINT NOT NULL
);
