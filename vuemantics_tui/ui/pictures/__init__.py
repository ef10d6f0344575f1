"""Pictures as characters: from the pixels of a thumbnail to lines that any terminal shows."""
