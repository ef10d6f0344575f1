-- Folders whose files are used where they are. `path` is absolute; names whose bytes are no UTF-8 are written as
-- domain/sources.py has it, here and below. `device` and `inode` are those of the folder when it was last there, and
-- `mounts` the folders below it, by their paths in it, that are disks of their own. With `chosen_only` nothing but what
-- was named is taken. `away_since`: the disk is not there. `removed_at`: no longer scanned. `refusing` is by what rules
-- files were refused.
CREATE TABLE sources (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL,
    chosen_only INTEGER NOT NULL DEFAULT 0,
    excludes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(excludes)),
    watched INTEGER NOT NULL DEFAULT 1,
    device INTEGER,
    inode INTEGER,
    mounts TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(mounts)),
    refusing TEXT NOT NULL DEFAULT '',
    added_at TEXT NOT NULL,
    scanned_at TEXT,
    away_since TEXT,
    removed_at TEXT
);
CREATE UNIQUE INDEX sources_by_path ON sources (path);

-- Where the files of sources are, or were: several may hold the same bytes, which are one upload. `folder` is relative to
-- the source, empty for the source itself. `changed` is in nanoseconds since the epoch, `sidecars` that of the latest
-- side-car or 0; a file with the same size, time and inode is not opened again. `state`: 0 here, 1 missing, 2 removed by
-- a person, which no scan brings back, 3 refused, because of `reason`. `sha256` is that of what was removed.
CREATE TABLE locations (
    number INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES sources (number) ON DELETE CASCADE,
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    sidecars INTEGER NOT NULL DEFAULT 0,
    state INTEGER NOT NULL DEFAULT 0,
    upload INTEGER REFERENCES uploads (number),
    since TEXT,
    reason TEXT,
    sha256 TEXT
);
CREATE UNIQUE INDEX locations_by_path ON locations (source, folder, name);
CREATE INDEX locations_of_upload ON locations (upload) WHERE upload IS NOT NULL;
CREATE INDEX locations_by_state ON locations (source, state);
CREATE INDEX locations_removed ON locations (sha256) WHERE state = 2;

-- With a source, the original is used in place: `file_path` is relative to it, and `missing_since` says since when there
-- is no file.
ALTER TABLE uploads ADD COLUMN source INTEGER REFERENCES sources (number);
ALTER TABLE uploads ADD COLUMN missing_since TEXT;
CREATE INDEX uploads_missing ON uploads (missing_since) WHERE missing_since IS NOT NULL;
CREATE INDEX uploads_by_source ON uploads (source) WHERE source IS NOT NULL;

-- What is deleted for good stays known as removed: its file is still there.
CREATE TRIGGER locations_outlive BEFORE DELETE ON uploads
BEGIN
    UPDATE locations SET state = 2, sha256 = old.sha256, upload = NULL, since = strftime('%Y-%m-%dT%H:%M:%f+00:00')
    WHERE upload = old.number AND state = 0;
    DELETE FROM locations WHERE upload = old.number;
END;
