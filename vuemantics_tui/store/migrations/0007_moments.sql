-- In the order of when something was taken, or else added, with what filters ask for: so that what they leave is listed
-- newest first without being sorted, and without a row of the table being read.
CREATE INDEX uploads_by_moment ON uploads (
    coalesce(taken_at, created_at) DESC, number DESC,
    hidden, file_type, file_size, width, height, duration, taken_at, created_at, deleted_at
);
