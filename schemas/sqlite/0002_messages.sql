-- Channels that have, or once had, messages.
CREATE TABLE channel (
    key       INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE, -- as clients write it: 2...name, 3.group.., 4.user.user.
    last_seq  INTEGER NOT NULL,        -- the highest place ever taken, also by messages removed since
    last_time INTEGER NOT NULL         -- the latest time ever written; microseconds since 1970, UTC
) STRICT;

-- The history, clustered by place: a page is one range scan.
CREATE TABLE message (
    channel     INTEGER NOT NULL REFERENCES channel (key),
    seq         INTEGER NOT NULL,
    id          BLOB    NOT NULL,      -- UUIDv7, 16 bytes
    code        INTEGER NOT NULL,      -- 0 chat; updates and removals change the row they are about
    sender      BLOB    NOT NULL,      -- user id, 16 bytes; zeros for the server
    username    TEXT    NOT NULL,      -- the sender's name at that time
    content     TEXT    NOT NULL,      -- one JSON object, byte for byte as sent
    create_time INTEGER NOT NULL,      -- microseconds since 1970, UTC
    update_time INTEGER NOT NULL,      -- the same until the message is updated
    PRIMARY KEY (channel, seq)
) STRICT, WITHOUT ROWID;

-- Updates and removals name a message by its id.
CREATE UNIQUE INDEX message_id ON message (id);
