-- Tokens that end with a password, and refresh tokens that are good once.
--
-- Ids are 16-byte blobs (UUIDs). Times are microseconds since 1970-01-01 UTC.

-- With reach 1: the one token family that does not end with the others.
ALTER TABLE revocation ADD COLUMN spared BLOB CHECK (spared IS NULL OR length(spared) = 16);

-- How far the refresh tokens of a sign-in have come, once the first was used. No reference to the user: rows go by themselves.
CREATE TABLE token_family (
    token_id   BLOB    NOT NULL PRIMARY KEY CHECK (length(token_id) = 16),
    generation INTEGER NOT NULL CHECK (generation > 0), -- of the newest token
    since      INTEGER NOT NULL,                        -- when it was first bought
    until      INTEGER NOT NULL                         -- no token of the family is good after this
) STRICT, WITHOUT ROWID;

CREATE INDEX token_family_by_end ON token_family (until);
