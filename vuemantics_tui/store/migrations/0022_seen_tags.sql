-- The words that a joint model sees in a picture are among the tags of its current description, and in the text of a
-- guess. `seen_by` names the model, the list and the calibration that they come from; `before_seen` has the text and
-- the tags as the analyzer made them, so that both can go back.
ALTER TABLE descriptions ADD COLUMN seen_by TEXT;
ALTER TABLE descriptions ADD COLUMN before_seen TEXT CHECK (before_seen IS NULL OR json_valid(before_seen));
CREATE INDEX descriptions_seen_by ON descriptions (seen_by, upload) WHERE current = 1 AND edited = 0;
CREATE INDEX descriptions_before_seen ON descriptions (number) WHERE before_seen IS NOT NULL;
