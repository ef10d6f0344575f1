-- What is searched for is compared as domain/text.py folds it, which SQL cannot. So triggers only note what has changed,
-- and store/letters.py writes the rest at the end of each transaction, and of this migration.

-- Names as they are found and ordered; NULL until they are written.
ALTER TABLE uploads ADD COLUMN folded_name TEXT;
ALTER TABLE uploads ADD COLUMN name_order TEXT;
DROP INDEX uploads_view_name;
CREATE INDEX uploads_view_name ON uploads (name_order, number DESC, hidden, file_type, deleted_at, folded_name);
CREATE INDEX uploads_unfolded ON uploads (number) WHERE folded_name IS NULL;

-- What a tag is found by; NULL until its key is checked: tags that differ only in case or in how their letters are
-- encoded become one.
ALTER TABLE tags ADD COLUMN folded TEXT;
CREATE INDEX tags_by_folded ON tags (folded);

-- The uploads whose texts the full text does not have as they are.
CREATE TABLE unindexed (upload INTEGER PRIMARY KEY);
INSERT INTO unindexed SELECT number FROM searchable WHERE description IS NOT NULL OR own_tags IS NOT NULL;

-- The full text has each character of Chinese, Japanese, Korean and Thai as a word: a part of a run is then a phrase. The
-- marks with which India and South-East Asia write vowels are letters.
DROP TABLE fulltext;
CREATE VIRTUAL TABLE fulltext USING fts5 (
    filename, description, tags, read_text, own_tags,
    tokenize = "porter unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'", prefix = '2 3'
);

DROP TRIGGER descriptions_inserted;
DROP TRIGGER descriptions_updated;
DROP TRIGGER tagged_inserted;
DROP TRIGGER tagged_deleted;
DROP TRIGGER uploads_renamed;
DROP TRIGGER uploads_worded;
DROP TRIGGER uploads_placed;
DROP TRIGGER uploads_deleted;
DROP TRIGGER fulltext_restored;

CREATE TRIGGER descriptions_inserted AFTER INSERT ON descriptions WHEN new.current = 1
BEGIN
    INSERT OR IGNORE INTO unindexed VALUES (new.upload);
END;

CREATE TRIGGER descriptions_updated AFTER UPDATE OF text, tags, read_text, current ON descriptions
WHEN new.current = 1
BEGIN
    INSERT OR IGNORE INTO unindexed VALUES (new.upload);
END;

CREATE TRIGGER tagged_inserted AFTER INSERT ON tagged WHEN new.own > 0
BEGIN
    INSERT OR IGNORE INTO unindexed VALUES (new.upload);
END;

CREATE TRIGGER tagged_deleted AFTER DELETE ON tagged WHEN old.own > 0
BEGIN
    INSERT OR IGNORE INTO unindexed VALUES (old.upload);
END;

CREATE TRIGGER uploads_renamed AFTER UPDATE OF filename ON uploads
BEGIN
    UPDATE uploads SET folded_name = NULL WHERE number = new.number;
    INSERT OR IGNORE INTO unindexed VALUES (new.number);
END;

CREATE TRIGGER uploads_worded AFTER UPDATE OF title, caption, creator ON uploads
WHEN new.title IS NOT old.title OR new.caption IS NOT old.caption OR new.creator IS NOT old.creator
BEGIN
    INSERT OR IGNORE INTO unindexed VALUES (new.number);
END;

CREATE TRIGGER uploads_placed AFTER UPDATE OF place ON uploads WHEN new.place IS NOT old.place
BEGIN
    INSERT OR IGNORE INTO unindexed VALUES (new.number);
END;

CREATE TRIGGER uploads_deleted AFTER DELETE ON uploads
BEGIN
    DELETE FROM fulltext WHERE rowid = old.number;
    DELETE FROM unindexed WHERE upload = old.number;
END;

CREATE TRIGGER fulltext_restored AFTER UPDATE OF deleted_at ON uploads
WHEN new.deleted_at IS NULL AND old.deleted_at IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO unindexed VALUES (new.number);
END;
