-- What describes and what embeds where the settings say `auto`; NULL until that is decided.
ALTER TABLE library ADD COLUMN analyzer TEXT;
ALTER TABLE library ADD COLUMN embedder TEXT;

-- A library that anything was ever written to was made with the built-in one, as there was no other.
UPDATE library SET analyzer = 'builtin', embedder = 'builtin' WHERE revision > 0;
