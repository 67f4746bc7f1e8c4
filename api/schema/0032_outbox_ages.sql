-- What was settled is forgotten by its age, often; nothing else is looked at for that.
CREATE INDEX outbox_by_age ON outbox (settled_ms) WHERE settled_ms IS NOT NULL;
