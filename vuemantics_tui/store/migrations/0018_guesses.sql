-- What the built-in analyzer writes is a guess: how well it reads says nothing of whether it is right. So its descriptions
-- have no quality, as those of a person have none: it is a number for texts of a language model alone.
ALTER TABLE descriptions ADD COLUMN guessed INTEGER NOT NULL DEFAULT 0;
UPDATE descriptions SET guessed = 1, audit_findings = '[]' WHERE analyzer = 'builtin' AND edited = 0;
UPDATE uploads SET quality = NULL
WHERE number IN (SELECT upload FROM descriptions WHERE current = 1 AND (guessed = 1 OR edited = 1));

-- What the audit of guesses found is no reason to look at them.
UPDATE uploads SET warning = thumbnail_warning
WHERE warning LIKE '%quality %' AND number IN (SELECT upload FROM descriptions WHERE current = 1 AND guessed = 1);

-- Nearly all pictures are wider than high.
UPDATE descriptions SET text = substr(text, 1, length(text) - length(' Wide format.'))
WHERE guessed = 1 AND text LIKE '% Wide format.';

DROP TRIGGER quality_inserted;
DROP TRIGGER quality_updated;

CREATE TRIGGER quality_inserted AFTER INSERT ON descriptions WHEN new.current = 1
BEGIN
    UPDATE uploads SET quality = iif(new.guessed OR new.edited, NULL, new.audit_score) WHERE number = new.upload;
END;

CREATE TRIGGER quality_updated AFTER UPDATE OF audit_score, guessed, edited, current ON descriptions WHEN new.current = 1
BEGIN
    UPDATE uploads SET quality = iif(new.guessed OR new.edited, NULL, new.audit_score) WHERE number = new.upload;
END;

-- For the counts of the side list.
CREATE INDEX uploads_by_month ON uploads (substr(taken_at, 1, 7), number) WHERE taken_at IS NOT NULL;
CREATE INDEX tagged_own ON tagged (tag, upload, own) WHERE own > 0;
CREATE INDEX uploads_by_mime_type ON uploads (mime_type, number);
CREATE INDEX uploads_animated ON uploads (number) WHERE json_extract(metadata, '$.frames') > 1;
