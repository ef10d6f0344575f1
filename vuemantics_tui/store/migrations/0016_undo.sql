-- What a person changed, step by step, so that it can be undone and redone. Those undone are the newest ones.
CREATE TABLE steps (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    changes INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);

-- How a step found and left one thing: `facet` of an upload, or of what has a name and no upload. `before` and `after`
-- are JSON.
CREATE TABLE step_changes (
    number INTEGER PRIMARY KEY,
    step INTEGER NOT NULL REFERENCES steps (number) ON DELETE CASCADE,
    upload INTEGER REFERENCES uploads (number) ON DELETE CASCADE,
    facet TEXT NOT NULL,
    name TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
);
CREATE INDEX changes_of_step ON step_changes (step);
CREATE INDEX changes_of_upload ON step_changes (upload) WHERE upload IS NOT NULL;
