-- 1: its source lies in the store. Who did not hear the last answer still learns that all of it has arrived.
ALTER TABLE uploads ADD COLUMN is_stored BIGINT NOT NULL DEFAULT 0;
