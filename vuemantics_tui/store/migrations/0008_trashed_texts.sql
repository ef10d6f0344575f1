-- What is in the trash is not in the full text, whatever is done to its tags meanwhile.
DROP VIEW searchable;
CREATE VIEW searchable AS
SELECT u.number, u.filename, d.text AS description,
       (SELECT group_concat(value, ' ') FROM json_each(d.tags)) AS tags, d.read_text,
       (SELECT group_concat(name, ' ') FROM tagged JOIN tags ON tags.number = tag
        WHERE upload = u.number AND own = 1) AS own_tags
FROM uploads u LEFT JOIN descriptions d ON d.upload = u.number AND d.current = 1
WHERE u.deleted_at IS NULL;

DELETE FROM fulltext WHERE rowid IN (SELECT number FROM uploads WHERE deleted_at IS NOT NULL);
