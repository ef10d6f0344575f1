-- What is searched for is compared as `folded`, `caseless`, `natural_order` and `segmented` of domain/text.py make it: functions
-- that every connection of ours has.

-- Names as they are found and ordered.
ALTER TABLE uploads ADD COLUMN folded_name TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN name_order TEXT NOT NULL DEFAULT '';
DROP INDEX uploads_view_name;
UPDATE uploads SET folded_name = folded(filename), name_order = natural_order(filename);
CREATE INDEX uploads_view_name ON uploads (name_order, number DESC, hidden, file_type, deleted_at, folded_name);

CREATE TRIGGER names_inserted AFTER INSERT ON uploads
BEGIN
    UPDATE uploads SET folded_name = folded(new.filename), name_order = natural_order(new.filename)
    WHERE number = new.number;
END;

-- The full text is filled at the end: until then nothing needs to follow the tags.
DROP TRIGGER uploads_renamed;
DROP TRIGGER tagged_inserted;
DROP TRIGGER tagged_deleted;
DROP TRIGGER tags_inserted;
DROP TRIGGER tags_updated;
DROP TABLE fulltext;
DROP VIEW searchable;

-- Tags that differ only in case or in how their letters are encoded become one: the first that a person gave, or else
-- the first. `folded` is what they are found by.
CREATE TEMPORARY TABLE same_tags AS
SELECT number, first_value(number) OVER (
    PARTITION BY caseless(trim(name))
    ORDER BY max(album, EXISTS (SELECT 1 FROM tagged WHERE tag = tags.number AND own = 1)) DESC, number
) AS kept FROM tags;
UPDATE tags SET album = 1
WHERE number IN (SELECT kept FROM temp.same_tags JOIN tags AS other USING (number) WHERE other.album = 1);
UPDATE OR IGNORE tagged SET tag = (SELECT kept FROM temp.same_tags WHERE number = tag)
WHERE tag IN (SELECT number FROM temp.same_tags WHERE number <> kept);
DELETE FROM tagged WHERE tag IN (SELECT number FROM temp.same_tags WHERE number <> kept);
DELETE FROM tags WHERE number IN (SELECT number FROM temp.same_tags WHERE number <> kept);
DROP TABLE temp.same_tags;
ALTER TABLE tags ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE tags SET key = caseless(trim(name)), folded = folded(trim(name));
CREATE INDEX tags_by_folded ON tags (folded);

CREATE TRIGGER tags_folded AFTER INSERT ON tags
BEGIN
    UPDATE tags SET folded = folded(new.name) WHERE number = new.number;
END;

CREATE TRIGGER tags_inserted AFTER INSERT ON descriptions WHEN new.current = 1
BEGIN
    DELETE FROM tagged WHERE upload = new.upload AND own = 0;
    INSERT OR IGNORE INTO tags (key, name)
    SELECT caseless(trim(value)), trim(value) FROM json_each(new.tags) WHERE trim(value) <> '';
    INSERT OR IGNORE INTO tagged (tag, upload, own)
    SELECT tags.number, new.upload, 0 FROM json_each(new.tags), tags WHERE tags.key = caseless(trim(value));
END;

CREATE TRIGGER tags_updated AFTER UPDATE OF tags, current ON descriptions WHEN new.current = 1
BEGIN
    DELETE FROM tagged WHERE upload = new.upload AND own = 0;
    INSERT OR IGNORE INTO tags (key, name)
    SELECT caseless(trim(value)), trim(value) FROM json_each(new.tags) WHERE trim(value) <> '';
    INSERT OR IGNORE INTO tagged (tag, upload, own)
    SELECT tags.number, new.upload, 0 FROM json_each(new.tags), tags WHERE tags.key = caseless(trim(value));
END;

-- The full text, folded, with each character of Chinese, Japanese, Korean and Thai as a word: a part of a run is then a
-- phrase. The marks with which India and South-East Asia write vowels are letters.
CREATE VIRTUAL TABLE fulltext USING fts5 (
    filename, description, tags, read_text, own_tags,
    tokenize = "porter unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'", prefix = '2 3'
);

CREATE VIEW searchable AS
SELECT u.number, segmented(u.filename) AS filename, segmented(d.text) AS description,
       segmented((SELECT group_concat(value, ' ') FROM json_each(d.tags))) AS tags, segmented(d.read_text) AS read_text,
       segmented((
           SELECT group_concat(name, ' ') FROM tagged JOIN tags ON tags.number = tag WHERE upload = u.number AND own = 1
       )) AS own_tags
FROM uploads u LEFT JOIN descriptions d ON d.upload = u.number AND d.current = 1
WHERE u.deleted_at IS NULL;

INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
SELECT number, filename, description, tags, read_text, own_tags FROM searchable
WHERE description IS NOT NULL OR own_tags IS NOT NULL;

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
    UPDATE uploads SET folded_name = folded(new.filename), name_order = natural_order(new.filename)
    WHERE number = new.number;
    UPDATE fulltext SET filename = segmented(new.filename) WHERE rowid = new.number;
END;
