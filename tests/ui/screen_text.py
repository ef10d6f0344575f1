"""What is on the screen of an app, as text."""

from __future__ import annotations

from textual._context import visible_screen_stack
from textual.app import App
from textual.strip import Strip


def screen_strips(app: App[None]) -> list[Strip]:
    """The lines of the screen in front, each as long as the screen is wide.

    Drawn as the app draws it: what lies behind a screen is kept once it was drawn, so that to look at it without what
    lies behind would change the picture.
    """
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


def screen_text(app: App[None]) -> str:
    """The same without the blanks at the ends."""
    return "\n".join(strip.text.rstrip() for strip in screen_strips(app))
