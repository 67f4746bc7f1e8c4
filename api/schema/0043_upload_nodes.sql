-- The node whose disk has what has arrived of an upload; '' of those that began before it was told.
ALTER TABLE uploads ADD COLUMN node TEXT NOT NULL DEFAULT '';
