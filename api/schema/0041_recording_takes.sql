-- How often the job of a recording was taken: the number of each lease. What an earlier one made does not count.
ALTER TABLE recordings ADD COLUMN takes BIGINT NOT NULL DEFAULT 0;
