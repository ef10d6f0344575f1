"""The screen of an app as text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from rich.cells import cell_len
from textual._context import visible_screen_stack
from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip


def screen_strips(app: App[None]) -> list[Strip]:
    """Return the lines of the front screen, each as long as the screen is wide.

    Drawn as the app draws it: what lies behind a screen is kept once it was drawn, so that to look at it without what
    lies behind would change the picture.
    """
    # Textual tells nobody what is on the screen.
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


def screen_text(app: App[None]) -> str:
    """Return the text of the front screen, without spaces at the ends of lines."""
    return "\n".join(strip.text.rstrip() for strip in screen_strips(app))


def check_text(app: App[None], size: tuple[int, int], run_before: Callable[[Pilot[None]], Awaitable[None]]) -> bool:
    """Run the app in a window of this size. `run_before` waits for texts; the keys at the bottom must not be cut."""
    seen: list[str] = []

    async def look(pilot: Pilot[Any]) -> None:
        await run_before(pilot)
        seen.append(screen_text(pilot.app))
        pilot.app.exit()

    app.run(headless=True, size=size, auto_pilot=look)
    [text] = seen
    lines = text.splitlines()
    assert all(cell_len(line) <= size[0] for line in lines)
    assert "…" not in lines[-1], text
    return True
