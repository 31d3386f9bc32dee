-- Groups, who is what in them, and what users are told.
--
-- Ids are 16-byte blobs (UUIDs). Times are microseconds since 1970-01-01 UTC.

-- The creator may be gone: no reference.
CREATE TABLE chat_group (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    creator_id  BLOB    NOT NULL,
    name        TEXT    NOT NULL UNIQUE,
    name_key    TEXT    NOT NULL, -- the name in lower case, by which it is searched
    description TEXT    NOT NULL,
    lang_tag    TEXT    NOT NULL,
    avatar_url  TEXT    NOT NULL,
    open        INTEGER NOT NULL CHECK (open IN (0, 1)),
    edge_count  INTEGER NOT NULL, -- edges with a role of 0, 1 or 2
    max_count   INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    CHECK (edge_count BETWEEN 1 AND max_count)
) STRICT, WITHOUT ROWID;

CREATE INDEX chat_group_by_name ON chat_group (name_key, name);
CREATE INDEX chat_group_by_size ON chat_group (edge_count, id);
CREATE INDEX chat_group_by_lang ON chat_group (lang_tag, edge_count, id);

-- A user is deleted only after the groups they are in know of it: no cascade from there.
CREATE TABLE group_edge (
    group_id BLOB    NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    user_id  BLOB    NOT NULL REFERENCES user (id),
    role     INTEGER NOT NULL CHECK (role BETWEEN 0 AND 4), -- superadmin, admin, member, join request, banned
    since    INTEGER NOT NULL, -- when the user joined or asked to, or was banned
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_edge_by_role ON group_edge (group_id, role, since, user_id);
CREATE INDEX group_edge_by_user ON group_edge (user_id, role, since, group_id);

-- The sender may be gone: no reference.
CREATE TABLE notification (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- the place in the user's list, never reused
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    user_id     BLOB    NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    subject     TEXT    NOT NULL,
    content     TEXT    NOT NULL, -- one JSON object
    code        INTEGER NOT NULL,
    sender      BLOB    NOT NULL, -- user id; zeros for the server
    create_time INTEGER NOT NULL
) STRICT;

CREATE INDEX notification_by_user ON notification (user_id, seq);
