-- A recording: of a session (its id is the session's), a clip of another one, or an upload. Times are UTC milliseconds.
--   recording → processing → ready | failed → deleting → deleted
-- `turn_ms` is when something is to be done about the row next, by whoever takes the lease: while it is processing its job
-- (clip, upload), else the removal of objects; null: nothing. `storage_ms` is when the store is asked next where it lies.
CREATE TABLE recordings (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('session', 'clip', 'upload')),
    session TEXT,
    source TEXT,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('recording', 'processing', 'ready', 'failed', 'deleting', 'deleted')),
    reason TEXT NOT NULL,
    from_ms BIGINT,
    to_ms BIGINT,
    duration_ms BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    total_bytes BIGINT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    has_poster SMALLINT NOT NULL CHECK (has_poster IN (0, 1)),
    has_storyboard SMALLINT NOT NULL CHECK (has_storyboard IN (0, 1)),
    storage TEXT NOT NULL CHECK (storage IN ('standard', 'infrequent', 'archived', 'restoring', 'restored')),
    storage_ms BIGINT,
    created_ms BIGINT NOT NULL,
    ready_ms BIGINT,
    lease_owner TEXT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    turn_ms BIGINT
);
CREATE INDEX recordings_by_age ON recordings (created_ms, id);
CREATE INDEX recordings_by_owner ON recordings (owner, created_ms, id);
CREATE INDEX recordings_by_session ON recordings (session, created_ms, id);
CREATE INDEX recordings_by_turn ON recordings (turn_ms) WHERE turn_ms IS NOT NULL;
CREATE INDEX recordings_by_storage ON recordings (storage_ms) WHERE storage_ms IS NOT NULL;

-- Uploads until their source lies in the store. What has arrived, `received` bytes of it, lies on the disk of one node; once
-- all of it has, there is a recording of the same id.
CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    received BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX uploads_by_owner ON uploads (owner);
CREATE INDEX uploads_by_expiry ON uploads (expires_ms);
