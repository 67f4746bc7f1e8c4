-- The last key of a recording that was asked back from the deep archive: the next batch goes on after it. '' before the first.
ALTER TABLE recordings ADD COLUMN asked_key TEXT NOT NULL DEFAULT '';
