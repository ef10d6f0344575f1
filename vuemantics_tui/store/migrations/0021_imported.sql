-- What other programs said about uploads, all imports together: title, caption, rating, `taken` (a moment), `place` (the
-- number of one), `point` (coordinates and time zone, as in `metadata`), and the keys of the tags that were given once.
-- The columns beside it are what the file itself says where an import says something else.
CREATE TABLE imported (
    upload INTEGER PRIMARY KEY REFERENCES uploads (number) ON DELETE CASCADE,
    said TEXT NOT NULL CHECK (json_valid(said)),
    file_title TEXT,
    file_caption TEXT,
    file_rating INTEGER
);
