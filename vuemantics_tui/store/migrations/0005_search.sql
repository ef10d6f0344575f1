-- Every tag once: `key` is what it is found by, `name` what is shown. An album is a tag that is shown as one.
CREATE TABLE tags (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    album INTEGER NOT NULL DEFAULT 0
);

-- `own` is 1 for the tags that a person gave, which nothing but a person takes away, and 0 for those of the current
-- description.
CREATE TABLE tagged (
    tag INTEGER NOT NULL REFERENCES tags (number),
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    own INTEGER NOT NULL,
    PRIMARY KEY (tag, upload, own)
) WITHOUT ROWID;
CREATE INDEX tagged_of_upload ON tagged (upload, own);

INSERT OR IGNORE INTO tags (key, name)
SELECT lower(trim(value)), trim(value) FROM descriptions, json_each(descriptions.tags)
WHERE current = 1 AND trim(value) <> '';
INSERT OR IGNORE INTO tagged (tag, upload, own)
SELECT tags.number, upload, 0 FROM descriptions, json_each(descriptions.tags), tags
WHERE current = 1 AND tags.key = lower(trim(value));

CREATE TRIGGER tags_inserted AFTER INSERT ON descriptions WHEN new.current = 1
BEGIN
    DELETE FROM tagged WHERE upload = new.upload AND own = 0;
    INSERT OR IGNORE INTO tags (key, name)
    SELECT lower(trim(value)), trim(value) FROM json_each(new.tags) WHERE trim(value) <> '';
    INSERT OR IGNORE INTO tagged (tag, upload, own)
    SELECT tags.number, new.upload, 0 FROM json_each(new.tags), tags WHERE tags.key = lower(trim(value));
END;

CREATE TRIGGER tags_updated AFTER UPDATE OF tags, current ON descriptions WHEN new.current = 1
BEGIN
    DELETE FROM tagged WHERE upload = new.upload AND own = 0;
    INSERT OR IGNORE INTO tags (key, name)
    SELECT lower(trim(value)), trim(value) FROM json_each(new.tags) WHERE trim(value) <> '';
    INSERT OR IGNORE INTO tagged (tag, upload, own)
    SELECT tags.number, new.upload, 0 FROM json_each(new.tags), tags WHERE tags.key = lower(trim(value));
END;

CREATE TABLE saved_searches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    query TEXT NOT NULL
);

-- What the file says of its camera and its place, where a search can get at it.
ALTER TABLE uploads ADD COLUMN camera TEXT GENERATED ALWAYS AS (
    nullif(trim(
        iif(
            instr(lower(json_extract(metadata, '$.camera_model')), lower(json_extract(metadata, '$.camera_make'))) = 1,
            '', coalesce(json_extract(metadata, '$.camera_make'), '')
        ) || ' ' || coalesce(json_extract(metadata, '$.camera_model'), '')
    ), '')
) VIRTUAL;
ALTER TABLE uploads ADD COLUMN latitude REAL GENERATED ALWAYS AS (json_extract(metadata, '$.latitude')) VIRTUAL;
ALTER TABLE uploads ADD COLUMN longitude REAL GENERATED ALWAYS AS (json_extract(metadata, '$.longitude')) VIRTUAL;
CREATE INDEX uploads_by_camera ON uploads (camera, number) WHERE camera IS NOT NULL;
CREATE INDEX uploads_by_place ON uploads (latitude, longitude, number) WHERE latitude IS NOT NULL;

-- What filters and orders ask for, in a small part of what the table takes; none of it changes with the status.
CREATE INDEX uploads_facts
    ON uploads (number, hidden, file_type, file_size, width, height, duration, taken_at, created_at);
CREATE INDEX descriptions_edited ON descriptions (upload) WHERE current = 1 AND edited = 1;

-- The full text, with a person's own tags, and an index of beginnings for what is only half typed. What a person
-- tagged is in it even where it has no description.
DROP TRIGGER descriptions_inserted;
DROP TRIGGER descriptions_updated;
DROP TRIGGER uploads_renamed;
DROP TRIGGER uploads_deleted;
DROP TABLE fulltext;
CREATE VIRTUAL TABLE fulltext USING fts5 (
    filename, description, tags, read_text, own_tags,
    tokenize = "porter unicode61 remove_diacritics 2", prefix = '2 3'
);

CREATE VIEW searchable AS
SELECT u.number, u.filename, d.text AS description,
       (SELECT group_concat(value, ' ') FROM json_each(d.tags)) AS tags, d.read_text,
       (SELECT group_concat(name, ' ') FROM tagged JOIN tags ON tags.number = tag
        WHERE upload = u.number AND own = 1) AS own_tags
FROM uploads u LEFT JOIN descriptions d ON d.upload = u.number AND d.current = 1;

INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
SELECT number, filename, description, tags, read_text, own_tags FROM searchable WHERE description IS NOT NULL;

-- As before, the triggers watch what is in the text and nothing else.
CREATE TRIGGER descriptions_inserted AFTER INSERT ON descriptions WHEN new.current = 1
BEGIN
    DELETE FROM fulltext WHERE rowid = new.upload;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable WHERE number = new.upload;
END;

CREATE TRIGGER descriptions_updated AFTER UPDATE OF text, tags, read_text, current ON descriptions
WHEN new.current = 1
BEGIN
    DELETE FROM fulltext WHERE rowid = new.upload;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable WHERE number = new.upload;
END;

CREATE TRIGGER tagged_inserted AFTER INSERT ON tagged WHEN new.own = 1
BEGIN
    DELETE FROM fulltext WHERE rowid = new.upload;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable WHERE number = new.upload;
END;

CREATE TRIGGER tagged_deleted AFTER DELETE ON tagged WHEN old.own = 1
BEGIN
    DELETE FROM fulltext WHERE rowid = old.upload;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable
    WHERE number = old.upload AND (description IS NOT NULL OR own_tags IS NOT NULL);
END;

CREATE TRIGGER uploads_renamed AFTER UPDATE OF filename ON uploads
BEGIN
    UPDATE fulltext SET filename = new.filename WHERE rowid = new.number;
END;

CREATE TRIGGER uploads_deleted AFTER DELETE ON uploads
BEGIN
    DELETE FROM fulltext WHERE rowid = old.number;
END;
