-- By rating and by length, as the other orders of a list; and what text was read in.
CREATE INDEX uploads_view_rating ON uploads (rating DESC, number DESC, hidden, file_type, deleted_at, stack);
CREATE INDEX uploads_view_duration ON uploads (duration DESC, number DESC, hidden, file_type, deleted_at, stack);
CREATE INDEX descriptions_with_text ON descriptions (upload) WHERE current = 1 AND read_text <> '';
