-- `taken_at` is the local wall clock of where an upload was taken, with the offset where it is known, and `taken_from`
-- where that comes from, 'hand' for a date that a person set. What the file says is kept beside it: a moment that ends
-- in Z is UTC whose local clock the file does not know. `taken_offset` is how many minutes east of UTC the camera's
-- clock was set, where the file tells: by that, clips of the same camera find theirs.
ALTER TABLE uploads ADD COLUMN taken_from TEXT;
ALTER TABLE uploads ADD COLUMN file_taken_at TEXT;
ALTER TABLE uploads ADD COLUMN file_taken_from TEXT;
ALTER TABLE uploads ADD COLUMN taken_offset INTEGER;

-- When the file that was added was last changed, ISO 8601 UTC; NULL where an earlier version added it.
ALTER TABLE uploads ADD COLUMN modified_at TEXT;

CREATE INDEX uploads_by_camera_time ON uploads (camera, file_taken_at) WHERE camera IS NOT NULL;
CREATE INDEX uploads_dated ON uploads (taken_from, number);

-- The dates of clips were in UTC. Until their files are read again, the local clock is that of this machine.
UPDATE uploads SET taken_at = strftime('%Y-%m-%dT%H:%M:%S', taken_at, 'localtime')
WHERE taken_at LIKE '%+00:00' AND file_type = 'video' AND julianday(taken_at) IS NOT NULL;

-- Every file is read again in the background, for this and for all that later migrations add.
UPDATE uploads SET traits_read = 0, traits_error = NULL;
