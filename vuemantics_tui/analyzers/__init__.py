"""From pixels to words, from words to vectors."""
