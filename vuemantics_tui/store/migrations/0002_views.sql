-- The quality of the current description, kept with the upload so that a list can be sorted by it.
ALTER TABLE uploads ADD COLUMN quality INTEGER;

UPDATE uploads SET quality = (SELECT audit_score FROM descriptions WHERE upload = uploads.number AND current = 1);

CREATE TRIGGER quality_inserted AFTER INSERT ON descriptions WHEN new.current = 1
BEGIN
    UPDATE uploads SET quality = new.audit_score WHERE number = new.upload;
END;

CREATE TRIGGER quality_updated AFTER UPDATE OF audit_score, current ON descriptions WHEN new.current = 1
BEGIN
    UPDATE uploads SET quality = new.audit_score WHERE number = new.upload;
END;

-- One index a sort order. Each also holds what a view leaves out by, so that no row of the table itself is read; the
-- status is not among it, since it changes with every stage of every upload.
CREATE INDEX uploads_view_added ON uploads (number DESC, hidden, file_type);
CREATE INDEX uploads_view_name ON uploads (filename COLLATE NOCASE, number DESC, hidden, file_type);
CREATE INDEX uploads_view_size ON uploads (file_size DESC, number DESC, hidden, file_type);
CREATE INDEX uploads_view_taken ON uploads (taken_at DESC, number DESC, hidden, file_type);
CREATE INDEX uploads_view_quality ON uploads (quality DESC, number DESC, hidden, file_type);
DROP INDEX uploads_by_size;
DROP INDEX uploads_by_status;
CREATE INDEX uploads_by_status ON uploads (processing_status, file_type, number, hidden);
CREATE INDEX uploads_with_warning ON uploads (number) WHERE processing_status = 'completed' AND warning IS NOT NULL;
CREATE INDEX uploads_hidden ON uploads (number) WHERE hidden = 1;

-- For the time left: how long the latest ones of a type took.
CREATE INDEX uploads_latest ON uploads (file_type, completed_at) WHERE processing_status = 'completed';

-- Each search once, whatever its case; the number orders by time.
CREATE TABLE searches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    text TEXT NOT NULL UNIQUE COLLATE NOCASE
);
