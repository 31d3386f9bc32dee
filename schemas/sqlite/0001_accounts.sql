-- Accounts, what leads to them, and tokens ended before their time.
--
-- Ids are 16-byte blobs (UUIDs). Times are microseconds since 1970-01-01 UTC.

CREATE TABLE user (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    username      TEXT    NOT NULL UNIQUE,
    display_name  TEXT    NOT NULL DEFAULT '',
    avatar_url    TEXT    NOT NULL DEFAULT '',
    lang_tag      TEXT    NOT NULL DEFAULT 'en',
    location      TEXT    NOT NULL DEFAULT '',
    timezone      TEXT    NOT NULL DEFAULT '',
    custom_id     TEXT    UNIQUE,
    email         TEXT    UNIQUE, -- in lower case
    password_hash TEXT,           -- PHC text, argon2id
    create_time   INTEGER NOT NULL,
    update_time   INTEGER NOT NULL,
    CHECK ((email IS NULL) = (password_hash IS NULL))
) STRICT, WITHOUT ROWID;

-- The sender of what the server itself says. Nothing leads to it, so nobody can sign in as it.
INSERT INTO user (id, username, create_time, update_time) VALUES (zeroblob(16), '', 0, 0);

CREATE TABLE user_device (
    device_id TEXT    NOT NULL PRIMARY KEY,
    user_id   BLOB    NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    link_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX user_device_by_user ON user_device (user_id, link_time);

-- No reference to the user: an account's end must outlive its row.
CREATE TABLE revocation (
    user_id  BLOB    NOT NULL CHECK (length(user_id) = 16),
    token_id BLOB    NOT NULL CHECK (length(token_id) = 16),
    reach    INTEGER NOT NULL CHECK (reach IN (0, 1)), -- 0 this token family, 1 all up to this id
    until    INTEGER NOT NULL,                         -- no token concerned is good after this
    PRIMARY KEY (user_id, token_id, reach)
) STRICT, WITHOUT ROWID;

CREATE INDEX revocation_by_end ON revocation (until);
