-- In the trash since this moment, ISO 8601 UTC; NULL: not in the trash. Its row, files and history stay until the trash
-- is emptied, but no list, count, search or queue has it.
ALTER TABLE uploads ADD COLUMN deleted_at TEXT;

-- What the picture looks like, told by its thumbnail: a 64-bit perceptual hash (as SQLite's signed integer; NULL also
-- where the picture is of one colour), and the variance of its Laplacian. `traits_read` is 1 when somebody has looked,
-- and `traits_error` says why that found nothing. A new way of looking comes with a migration that sets it back to 0.
ALTER TABLE uploads ADD COLUMN phash INTEGER;
ALTER TABLE uploads ADD COLUMN sharpness REAL;
ALTER TABLE uploads ADD COLUMN traits_read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN traits_error TEXT;

-- The number of the upload to keep of a group of near-duplicates, on each of the group, itself among them.
ALTER TABLE uploads ADD COLUMN duplicate_group INTEGER;

-- The colours that cover a part of the picture: the share is in 0..1.
CREATE TABLE colours (
    name TEXT NOT NULL,
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    share REAL NOT NULL,
    PRIMARY KEY (name, upload)
) WITHOUT ROWID;
CREATE INDEX colours_of_upload ON colours (upload);

-- The library's revision when the vector was written, so that a cache of vectors reads only what is new.
ALTER TABLE embeddings ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
CREATE INDEX embeddings_by_revision ON embeddings (model, revision);

CREATE INDEX uploads_trashed ON uploads (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX uploads_lacking ON uploads (number)
    WHERE traits_read = 0 AND deleted_at IS NULL AND processing_status IN ('completed', 'failed');
CREATE INDEX uploads_by_phash ON uploads (phash) WHERE phash IS NOT NULL;
CREATE INDEX uploads_duplicate ON uploads (duplicate_group) WHERE duplicate_group IS NOT NULL;

-- As before, and each holds what tells that an upload is not in the trash.
DROP INDEX uploads_view_added;
DROP INDEX uploads_view_name;
DROP INDEX uploads_view_size;
DROP INDEX uploads_view_taken;
DROP INDEX uploads_view_quality;
DROP INDEX uploads_by_status;
DROP INDEX uploads_hidden;
DROP INDEX uploads_waiting;
DROP INDEX uploads_resuming;
CREATE INDEX uploads_view_added ON uploads (number DESC, hidden, file_type, deleted_at);
CREATE INDEX uploads_view_name ON uploads (filename COLLATE NOCASE, number DESC, hidden, file_type, deleted_at);
CREATE INDEX uploads_view_size ON uploads (file_size DESC, number DESC, hidden, file_type, deleted_at);
CREATE INDEX uploads_view_taken ON uploads (taken_at DESC, number DESC, hidden, file_type, deleted_at);
CREATE INDEX uploads_view_quality ON uploads (quality DESC, number DESC, hidden, file_type, deleted_at);
CREATE INDEX uploads_by_status ON uploads (processing_status, file_type, number, hidden, deleted_at);
CREATE INDEX uploads_hidden ON uploads (number, deleted_at) WHERE hidden = 1;
CREATE INDEX uploads_waiting ON uploads (priority DESC, number, retry_at)
    WHERE processing_status = 'pending' AND claim_token IS NULL AND deleted_at IS NULL;
CREATE INDEX uploads_resuming ON uploads (file_type)
    WHERE processing_status = 'pending' AND resume_description IS NOT NULL AND deleted_at IS NULL;

DROP INDEX uploads_facts;
CREATE INDEX uploads_facts
    ON uploads (number, hidden, file_type, file_size, width, height, duration, taken_at, created_at, deleted_at);

-- What is in the trash is not in the full text.
CREATE TRIGGER fulltext_trashed AFTER UPDATE OF deleted_at ON uploads
WHEN new.deleted_at IS NOT NULL AND old.deleted_at IS NULL
BEGIN
    DELETE FROM fulltext WHERE rowid = new.number;
END;

CREATE TRIGGER fulltext_restored AFTER UPDATE OF deleted_at ON uploads
WHEN new.deleted_at IS NULL AND old.deleted_at IS NOT NULL
BEGIN
    DELETE FROM fulltext WHERE rowid = new.number;
    INSERT INTO fulltext (rowid, filename, description, tags, read_text, own_tags)
    SELECT number, filename, description, tags, read_text, own_tags FROM searchable
    WHERE number = new.number AND (description IS NOT NULL OR own_tags IS NOT NULL);
END;
