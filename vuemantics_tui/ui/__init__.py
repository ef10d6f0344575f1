"""The Textual screens: they show what the library holds and hand it what a person wants."""

import os

# At Textual's 60 frames a second a key that comes right after a repaint waits for the next frame: p95 28 ms while
# photos are processed, 11 ms at 120. Nothing more is painted for it, as only what changed is. Read at its import.
os.environ.setdefault("TEXTUAL_FPS", "120")
