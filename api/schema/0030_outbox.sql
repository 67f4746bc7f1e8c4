-- What is to be told to people (mail) and programs (webhook). A row is written in the transaction of the change it tells of;
-- an event makes one row for each recipient, however often it is written. Times are UTC milliseconds.
--   queued → leased → handing → sent | failed | unconfirmed, and back to queued for another try
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('mail', 'webhook')),
    event_key TEXT NOT NULL,
    recipient TEXT NOT NULL,
    event TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'handing', 'sent', 'failed', 'unconfirmed')),
    attempts BIGINT NOT NULL,
    reason TEXT NOT NULL,
    lease_owner TEXT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    settled_ms BIGINT
);
CREATE UNIQUE INDEX outbox_once ON outbox (event_key, kind, recipient);
CREATE INDEX outbox_by_turn ON outbox (state, kind, next_ms);
CREATE INDEX outbox_by_recipient ON outbox (recipient, state);

-- Addresses whose mailbox does not exist, in lower case: nothing is sent there again.
CREATE TABLE mail_suppressions (
    address TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
