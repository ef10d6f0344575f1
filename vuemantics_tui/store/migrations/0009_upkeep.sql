-- How long the latest runs took is asked for with every change: without reading the history of everything else.
CREATE INDEX events_by_kind ON events (kind, number, seconds) WHERE seconds IS NOT NULL;

-- Of a long history only the latest events are kept, and how it began.
DELETE FROM events WHERE kind <> 'added' AND number <= (
    SELECT number FROM events AS later WHERE later.upload = events.upload ORDER BY number DESC LIMIT 1 OFFSET 100
);

-- Tombstones up to this revision are gone: who knows the library as it was before must read it again.
ALTER TABLE library ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

-- How often the program died while it worked on the upload, since the upload last came to an end.
ALTER TABLE uploads ADD COLUMN suspicion INTEGER NOT NULL DEFAULT 0;
DROP INDEX uploads_waiting;
CREATE INDEX uploads_waiting ON uploads (priority DESC, number, retry_at, suspicion)
    WHERE processing_status = 'pending' AND claim_token IS NULL AND deleted_at IS NULL;

-- When the library was last in use, in seconds since the epoch; and how many seconds by the clock nobody saw passing, as
-- while it was not in use for long, or when the clock was set. What is in the trash ages by those that were seen.
ALTER TABLE library ADD COLUMN seen_at REAL;
ALTER TABLE library ADD COLUMN unseen_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN trashed_unseen REAL NOT NULL DEFAULT 0;
