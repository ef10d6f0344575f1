-- What a run goes on from: the number of a description that has no vector yet. It then begins with the embedding.
ALTER TABLE uploads ADD COLUMN resume_description INTEGER;

-- Not before this moment, in seconds since the epoch, is a waiting upload tried again; NULL: at any time.
ALTER TABLE uploads ADD COLUMN retry_at REAL;

-- The model that would have to be pulled before a failed upload can succeed.
ALTER TABLE uploads ADD COLUMN missing_model TEXT;

-- `warning` is what a person reads: this one, and that of the current description.
ALTER TABLE uploads ADD COLUMN thumbnail_warning TEXT;
UPDATE uploads SET thumbnail_warning = warning;

-- Written or changed by a person.
ALTER TABLE descriptions ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;

-- As before, with the moment, so that those which are not due yet are passed over without reading their rows.
DROP INDEX uploads_waiting;
CREATE INDEX uploads_waiting ON uploads (priority DESC, number, retry_at)
    WHERE processing_status = 'pending' AND claim_token IS NULL;

-- For the time left: these need no description.
CREATE INDEX uploads_resuming ON uploads (file_type)
    WHERE processing_status = 'pending' AND resume_description IS NOT NULL;
