-- Friends and blocks; which notifications have been read.
--
-- Ids are 16-byte blobs (UUIDs). Times are microseconds since 1970-01-01 UTC.

-- What one user is to another, in the list of the first.
CREATE TABLE friend_edge (
    user_id     BLOB    NOT NULL REFERENCES user (id) ON DELETE CASCADE, -- whose list
    other_id    BLOB    NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3), -- friend, invitation sent, received, blocked
    since       INTEGER NOT NULL, -- when the two got to know each other
    change_time INTEGER NOT NULL, -- of the state
    metadata    TEXT    NOT NULL, -- one JSON object, the owner's
    PRIMARY KEY (user_id, other_id),
    CHECK (user_id <> other_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX friend_edge_by_state ON friend_edge (user_id, state, since, other_id);
-- An account that ends takes the entries of others along.
CREATE INDEX friend_edge_by_other ON friend_edge (other_id);

ALTER TABLE notification ADD COLUMN read INTEGER NOT NULL DEFAULT 0 CHECK (read IN (0, 1));
-- The channel, group or bond that it tells of; of what it asks, until that is answered.
ALTER TABLE notification ADD COLUMN about TEXT;

CREATE INDEX notification_unread ON notification (user_id, seq) WHERE read = 0;
-- Of one sender about one thing a user has one that is unread.
CREATE UNIQUE INDEX notification_news ON notification (user_id, sender, code, about)
    WHERE about IS NOT NULL AND read = 0;

-- An answer finds the questions it answers, read or not.
CREATE INDEX notification_about ON notification (user_id, sender, code, about)
    WHERE about IS NOT NULL;

-- How many notifications a user has, so that neither is ever counted.
CREATE TABLE notification_count (
    user_id BLOB    NOT NULL PRIMARY KEY REFERENCES user (id) ON DELETE CASCADE,
    kept    INTEGER NOT NULL CHECK (kept >= 0),
    unread  INTEGER NOT NULL CHECK (unread >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO notification_count (user_id, kept, unread)
    SELECT user_id, count(*), count(*) FROM notification GROUP BY user_id;

CREATE TRIGGER notification_added AFTER INSERT ON notification BEGIN
    INSERT INTO notification_count (user_id, kept, unread) VALUES (NEW.user_id, 1, NEW.read = 0)
        ON CONFLICT (user_id) DO UPDATE SET kept = kept + 1, unread = unread + excluded.unread;
END;

CREATE TRIGGER notification_deleted AFTER DELETE ON notification BEGIN
    UPDATE notification_count SET kept = kept - 1, unread = unread - (OLD.read = 0)
        WHERE user_id = OLD.user_id;
END;

CREATE TRIGGER notification_marked AFTER UPDATE OF read ON notification WHEN OLD.read <> NEW.read BEGIN
    UPDATE notification_count SET unread = unread + (NEW.read = 0) - (OLD.read = 0)
        WHERE user_id = NEW.user_id;
END;
