-- What the file or its side-car says of itself. The rating is 1 to 5, or -1 for rejected; nothing reads it from the file
-- where a person has set or removed it. `keyword_paths` are the hierarchical keywords, their levels joined by "|".
ALTER TABLE uploads ADD COLUMN title TEXT;
ALTER TABLE uploads ADD COLUMN caption TEXT;
ALTER TABLE uploads ADD COLUMN creator TEXT;
ALTER TABLE uploads ADD COLUMN label TEXT;
ALTER TABLE uploads ADD COLUMN rating INTEGER CHECK (rating BETWEEN -1 AND 5 AND rating <> 0);
ALTER TABLE uploads ADD COLUMN rated_by_hand INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN keyword_paths TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(keyword_paths));
CREATE INDEX uploads_by_title ON uploads (title, number) WHERE title IS NOT NULL;
CREATE INDEX uploads_by_creator ON uploads (creator, number) WHERE creator IS NOT NULL;
CREATE INDEX uploads_by_label ON uploads (label, number) WHERE label IS NOT NULL;
CREATE INDEX uploads_by_rating ON uploads (rating, number) WHERE rating IS NOT NULL;

-- In `tagged`, `own` is 2 for the keywords of the file. What a person took away of them stays away when it is read again.
CREATE TABLE untagged (
    tag INTEGER NOT NULL REFERENCES tags (number),
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    PRIMARY KEY (tag, upload)
) WITHOUT ROWID;
CREATE INDEX untagged_of_upload ON untagged (upload);

-- The full text has title, caption and creator with the description, and keywords with the person's own tags; an upload
-- is in it as soon as it has any of them.
DROP VIEW searchable;
CREATE VIEW searchable AS
SELECT u.number, u.filename,
       nullif(
           coalesce(u.title || char(10), '') || coalesce(u.caption || char(10), '')
           || coalesce(u.creator || char(10), '') || coalesce(d.text, ''), ''
       ) AS description,
       (SELECT group_concat(value, ' ') FROM json_each(d.tags)) AS tags, d.read_text,
       (SELECT group_concat(name, ' ') FROM tagged JOIN tags ON tags.number = tag
        WHERE upload = u.number AND own > 0) AS own_tags
FROM uploads u LEFT JOIN descriptions d ON d.upload = u.number AND d.current = 1
WHERE u.deleted_at IS NULL;

DROP TRIGGER tagged_inserted;
CREATE TRIGGER tagged_inserted AFTER INSERT ON tagged WHEN new.own > 0
BEGIN
    DELETE FROM fulltext WHERE rowid = new.upload;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable WHERE number = new.upload;
END;

DROP TRIGGER tagged_deleted;
CREATE TRIGGER tagged_deleted AFTER DELETE ON tagged WHEN old.own > 0
BEGIN
    DELETE FROM fulltext WHERE rowid = old.upload;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable
    WHERE number = old.upload AND (description IS NOT NULL OR own_tags IS NOT NULL);
END;

CREATE TRIGGER uploads_worded AFTER UPDATE OF title, caption, creator ON uploads
WHEN new.title IS NOT old.title OR new.caption IS NOT old.caption OR new.creator IS NOT old.creator
BEGIN
    DELETE FROM fulltext WHERE rowid = new.number;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable
    WHERE number = new.number AND (description IS NOT NULL OR own_tags IS NOT NULL);
END;
