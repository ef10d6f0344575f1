"""The Textual screens: they show what the library holds and hand it what a person wants."""

import os

# At Textual's 60 frames a second a key that comes right after a repaint waits up to 16 ms for the next frame. No more
# is painted for it: what changes by itself does so ten times a second at most. Read when Textual is first imported.
os.environ.setdefault("TEXTUAL_FPS", "240")
