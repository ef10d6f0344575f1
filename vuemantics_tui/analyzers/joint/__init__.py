"""Joint image-text models: pictures and words as vectors of one space, read from a folder on disk."""
