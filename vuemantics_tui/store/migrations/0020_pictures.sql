-- What joint image-text models make of pictures. `model` is the model's name and fingerprint; of a clip, whose frames are
-- kept each for itself, those after the first have their place behind it, as in "name@fingerprint#3". `second` tells where
-- in the clip a frame is.
CREATE TABLE picture_vectors (
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    model TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    vector BLOB NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    second REAL,
    PRIMARY KEY (upload, model)
) WITHOUT ROWID;
CREATE INDEX picture_vectors_by_revision ON picture_vectors (model, revision);

-- What a model could not see, so that nobody tries it again and again.
CREATE TABLE unseen (
    upload INTEGER NOT NULL REFERENCES uploads (number) ON DELETE CASCADE,
    model TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (upload, model)
) WITHOUT ROWID;

-- The models that this library used, the one in use with the highest `used`; 0 for none in use.
CREATE TABLE picture_models (
    model TEXT PRIMARY KEY,
    dimension INTEGER NOT NULL,
    used INTEGER NOT NULL
) WITHOUT ROWID;
