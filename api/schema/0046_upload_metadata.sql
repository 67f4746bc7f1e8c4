-- What the client said of an upload when it began it, as it said it: it may ask for that again.
ALTER TABLE uploads ADD COLUMN metadata TEXT NOT NULL DEFAULT '';
