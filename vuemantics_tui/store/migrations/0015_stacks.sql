-- What belongs together, as domain/stacks.py tells. `stack` is the number of the upload that stands for its stack, on
-- each of the stack, itself among them; NULL where it is in none. What is in the trash keeps its stack. `stack_count` is
-- how many outside the trash it stands for, 0 where it stands for itself alone or for nothing.
ALTER TABLE uploads ADD COLUMN stack INTEGER;
ALTER TABLE uploads ADD COLUMN stack_role TEXT;
ALTER TABLE uploads ADD COLUMN stack_count INTEGER NOT NULL DEFAULT 0;

-- What a person decided, and no pass changes: 0 for what they took out of its stack, else the number of the stack that
-- they made. And whether they chose it to stand for its stack.
ALTER TABLE uploads ADD COLUMN stacked_by_hand INTEGER;
ALTER TABLE uploads ADD COLUMN stack_chosen INTEGER NOT NULL DEFAULT 0;

-- Those that belong together share a key.
CREATE TABLE stack_keys (
    key TEXT NOT NULL,
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    PRIMARY KEY (key, upload)
) WITHOUT ROWID;
CREATE INDEX stack_keys_of_upload ON stack_keys (upload);

CREATE INDEX uploads_stacked ON uploads (stack, stack_role, deleted_at) WHERE stack IS NOT NULL;
CREATE INDEX uploads_stacks ON uploads (number) WHERE stack_count > 1;

-- The clip inside a motion photo.
ALTER TABLE uploads ADD COLUMN motion_bytes INTEGER GENERATED ALWAYS AS (
    json_extract(metadata, '$.motion_photo_bytes')
) VIRTUAL;
CREATE INDEX uploads_motion ON uploads (number) WHERE motion_bytes IS NOT NULL;

-- As before, and each holds what tells that an upload stands for itself or for its stack.
DROP INDEX uploads_view_added;
DROP INDEX uploads_view_name;
DROP INDEX uploads_view_size;
DROP INDEX uploads_view_taken;
DROP INDEX uploads_view_quality;
DROP INDEX uploads_by_status;
DROP INDEX uploads_facts;
DROP INDEX uploads_by_moment;
CREATE INDEX uploads_view_added ON uploads (number DESC, hidden, file_type, deleted_at, stack);
CREATE INDEX uploads_view_name ON uploads (
    name_order, number DESC, hidden, file_type, deleted_at, stack, folded_name
);
CREATE INDEX uploads_view_size ON uploads (file_size DESC, number DESC, hidden, file_type, deleted_at, stack);
CREATE INDEX uploads_view_taken ON uploads (taken_at DESC, number DESC, hidden, file_type, deleted_at, stack);
CREATE INDEX uploads_view_quality ON uploads (quality DESC, number DESC, hidden, file_type, deleted_at, stack);
CREATE INDEX uploads_by_status ON uploads (processing_status, file_type, number, hidden, deleted_at, stack);
CREATE INDEX uploads_facts ON uploads (
    number, hidden, file_type, file_size, width, height, duration, taken_at, created_at, deleted_at, stack
);
CREATE INDEX uploads_by_moment ON uploads (
    coalesce(taken_at, created_at) DESC, number DESC,
    hidden, file_type, file_size, width, height, duration, taken_at, created_at, deleted_at, stack
);
