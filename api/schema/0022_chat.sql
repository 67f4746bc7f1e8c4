-- What was said in a session. `number` is that of its event. A deleted message has no text. Times are UTC milliseconds.
CREATE TABLE chat_messages (
    session TEXT NOT NULL,
    number BIGINT NOT NULL,
    subject TEXT NOT NULL,
    author TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'guest', 'operator')),
    text TEXT NOT NULL,
    sent_ms BIGINT NOT NULL,
    deleted_ms BIGINT,
    PRIMARY KEY (session, number)
);
CREATE INDEX chat_messages_by_author ON chat_messages (session, author, sent_ms);
-- Who may not speak in a session.
CREATE TABLE chat_mutes (
    session TEXT NOT NULL,
    author TEXT NOT NULL,
    name TEXT NOT NULL,
    muted_ms BIGINT NOT NULL,
    PRIMARY KEY (session, author)
);
