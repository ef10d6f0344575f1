-- Where uploads were taken, each place once. Names are folded for comparison, each as "\n rome \n", so that a space comes
-- before each word: `names` are those of the place in common use, of its region and its country, `other_names` those of
-- the place in more languages, `country_names` all of the country. `words` is what full text finds it by.
CREATE TABLE places (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    country TEXT NOT NULL,
    country_code TEXT NOT NULL,
    names TEXT NOT NULL,
    other_names TEXT NOT NULL,
    country_names TEXT NOT NULL,
    words TEXT NOT NULL,
    UNIQUE (name, region, country, country_code)
);

-- `place` is where an upload was taken, `file_place` where its file says so. A person may have set the one by hand, also
-- to none: then reading the file again leaves it alone.
ALTER TABLE uploads ADD COLUMN place INTEGER REFERENCES places (number);
ALTER TABLE uploads ADD COLUMN file_place INTEGER REFERENCES places (number);
ALTER TABLE uploads ADD COLUMN place_edited INTEGER NOT NULL DEFAULT 0;
CREATE INDEX uploads_in_place ON uploads (place, number) WHERE place IS NOT NULL;

-- The full text has the place with the person's own tags and the keywords.
DROP VIEW searchable;
CREATE VIEW searchable AS
SELECT u.number, u.filename,
       nullif(
           coalesce(u.title || char(10), '') || coalesce(u.caption || char(10), '')
           || coalesce(u.creator || char(10), '') || coalesce(d.text, ''), ''
       ) AS description,
       (SELECT group_concat(value, ' ') FROM json_each(d.tags)) AS tags, d.read_text,
       nullif(
           coalesce((
               SELECT group_concat(name, ' ') FROM tagged JOIN tags ON tags.number = tag WHERE upload = u.number AND own > 0
           ), '') || coalesce(char(10) || p.words, ''), ''
       ) AS own_tags
FROM uploads u LEFT JOIN descriptions d ON d.upload = u.number AND d.current = 1 LEFT JOIN places p ON p.number = u.place
WHERE u.deleted_at IS NULL;

CREATE TRIGGER uploads_placed AFTER UPDATE OF place ON uploads WHEN new.place IS NOT old.place
BEGIN
    DELETE FROM fulltext WHERE rowid = new.number;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable
    WHERE number = new.number AND (description IS NOT NULL OR own_tags IS NOT NULL);
END;
