-- People as the app that embeds Porthole tells of them, and the guardians of each. Times are UTC milliseconds.
CREATE TABLE profiles (
    subject TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    avatar_url TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);
-- Who may watch the sessions of `profile`, and which mails go where. A guardian without an address gets none.
CREATE TABLE guardians (
    profile TEXT NOT NULL REFERENCES profiles (subject) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    mail_address TEXT NOT NULL,
    language TEXT NOT NULL,
    wants_started SMALLINT NOT NULL CHECK (wants_started IN (0, 1)),
    wants_ended SMALLINT NOT NULL CHECK (wants_ended IN (0, 1)),
    wants_recording SMALLINT NOT NULL CHECK (wants_recording IN (0, 1)),
    PRIMARY KEY (profile, subject)
);
CREATE INDEX guardians_by_subject ON guardians (subject, profile);
