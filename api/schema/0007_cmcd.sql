-- What players told origins with their requests for media (CMCD): how many told, after how many a buffer had run
-- dry, and the sums that means are made of.
ALTER TABLE traffic ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traffic ADD COLUMN starved BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traffic ADD COLUMN bitrates BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traffic ADD COLUMN bitrates_kbps BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traffic ADD COLUMN throughputs BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traffic ADD COLUMN throughputs_kbps BIGINT NOT NULL DEFAULT 0;
