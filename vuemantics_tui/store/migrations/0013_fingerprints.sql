-- Beside its perceptual hash, what a picture is recognised by: the hash of its inner part, by which crops are found, and
-- its coarse look (domain/duplicates.py has the layout). The background pass fills it in for older uploads.
CREATE TABLE fingerprints (
    upload INTEGER PRIMARY KEY REFERENCES uploads (number) ON DELETE CASCADE,
    inner_hash INTEGER NOT NULL,
    look BLOB NOT NULL
);

-- What clips are recognised by: fingerprints of several frames, one after the other; empty where none could be read.
CREATE TABLE clip_fingerprints (
    upload INTEGER PRIMARY KEY REFERENCES uploads (number) ON DELETE CASCADE,
    frames BLOB NOT NULL
);

-- What two uploads are to each other, as far as their pixels were compared: `other`, the later one, to `one`.
CREATE TABLE comparisons (
    one INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    other INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    likeness TEXT NOT NULL,
    PRIMARY KEY (one, other)
) WITHOUT ROWID;
CREATE INDEX comparisons_by_other ON comparisons (other);

-- Groups that were found by hashes alone are forgotten.
UPDATE uploads SET traits_read = 0, traits_error = NULL, duplicate_group = NULL;
