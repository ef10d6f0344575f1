-- The library itself: one row.
CREATE TABLE library (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0
);

INSERT INTO library (one, revision) VALUES (1, 0);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL
);

-- `number` orders by time of adding, is the full-text rowid, and is never used twice.
CREATE TABLE uploads (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id),
    filename TEXT NOT NULL,
    file_path TEXT NOT NULL,
    file_type TEXT NOT NULL CHECK (file_type IN ('image', 'video')),
    file_size INTEGER NOT NULL,
    mime_type TEXT NOT NULL,
    extension TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    width INTEGER,
    height INTEGER,
    duration REAL,
    taken_at TEXT,
    video_codec TEXT,
    source_path TEXT,
    thumbnail_path TEXT,
    metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
    hidden INTEGER NOT NULL DEFAULT 0,
    processing_status TEXT NOT NULL DEFAULT 'pending'
        CHECK (processing_status IN ('pending', 'analyzing', 'embedding', 'completed', 'failed')),
    stage TEXT NOT NULL DEFAULT 'queued',
    progress_percent INTEGER NOT NULL DEFAULT 0 CHECK (progress_percent BETWEEN 0 AND 100),
    error_message TEXT,
    error_stage TEXT,
    error_kind TEXT CHECK (error_kind IN ('transient', 'permanent', 'cancelled')),
    hint TEXT,
    warning TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL DEFAULT 0,
    claim_token TEXT,
    claim_owner TEXT,
    claim_expires_at REAL,
    regeneration_count INTEGER NOT NULL DEFAULT 0,
    last_regenerated_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    completed_at TEXT,
    revision INTEGER NOT NULL
);

CREATE UNIQUE INDEX uploads_by_content ON uploads (user_id, sha256);
CREATE INDEX uploads_by_size ON uploads (file_size);
CREATE INDEX uploads_by_status ON uploads (processing_status, number);
CREATE INDEX uploads_by_revision ON uploads (revision);
CREATE INDEX uploads_waiting ON uploads (priority DESC, number)
    WHERE processing_status = 'pending' AND claim_token IS NULL;
CREATE INDEX uploads_claimed ON uploads (claim_owner) WHERE claim_token IS NOT NULL;

CREATE TABLE descriptions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    text TEXT NOT NULL,
    read_text TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    labels TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(labels)),
    audit_score INTEGER NOT NULL,
    audit_findings TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(audit_findings)),
    analyzer TEXT NOT NULL,
    model TEXT NOT NULL,
    seconds REAL,
    created_at TEXT NOT NULL,
    current INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX descriptions_of_upload ON descriptions (upload);
CREATE UNIQUE INDEX descriptions_current ON descriptions (upload) WHERE current = 1;

CREATE TABLE embeddings (
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    model TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (upload, model)
);

CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    seconds REAL
);

CREATE INDEX events_of_upload ON events (upload);

CREATE TABLE tombstones (
    upload INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL
);

CREATE INDEX tombstones_by_revision ON tombstones (revision);

CREATE VIRTUAL TABLE fulltext USING fts5 (
    filename, description, tags, read_text,
    tokenize = "porter unicode61 remove_diacritics 2"
);

-- Only what has a current description is in the full text. The triggers watch text columns and nothing else, so that
-- the many updates of status and progress cost the index nothing.
CREATE TRIGGER descriptions_inserted AFTER INSERT ON descriptions WHEN new.current = 1
BEGIN
    DELETE FROM fulltext WHERE rowid = new.upload;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text)
    SELECT number, filename, new.text, (SELECT group_concat(value, ' ') FROM json_each(new.tags)), new.read_text
    FROM uploads WHERE number = new.upload;
END;

CREATE TRIGGER descriptions_updated AFTER UPDATE OF text, tags, read_text, current ON descriptions
WHEN new.current = 1
BEGIN
    DELETE FROM fulltext WHERE rowid = new.upload;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text)
    SELECT number, filename, new.text, (SELECT group_concat(value, ' ') FROM json_each(new.tags)), new.read_text
    FROM uploads WHERE number = new.upload;
END;

CREATE TRIGGER uploads_renamed AFTER UPDATE OF filename ON uploads
BEGIN
    UPDATE fulltext SET filename = new.filename WHERE rowid = new.number;
END;

CREATE TRIGGER uploads_deleted AFTER DELETE ON uploads
BEGIN
    DELETE FROM fulltext WHERE rowid = old.number;
END;
