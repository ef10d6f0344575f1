"""Notices: one thing at a time, from whichever screen, and an error stays until it can have been read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import Made, make_library, window_on
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.ui.notices import Notices


@pytest.mark.parametrize("key", ["i", "T", "B", "W", "F", "D", "#"])
async def test_what_one_screen_says_does_not_wipe_the_unread_error_of_another(root: Path, key: str) -> None:
    await make_library(root, [Made("1.png")])
    async with window_on(root) as window:
        await window.shows("1.png")
        await window.press(key)
        screen = window.app.screen
        assert screen is not window.app.screen_stack[0]
        Notices.of(screen).tell_error(LibraryError("The disk is full", "Free some space."))
        await window.press("escape")
        for words in ("Paused.", "Resumed."):
            Notices.of(window.app.screen).tell(words)
            await window.shows("The disk is full", "Free some space.", words)


async def test_the_notices_of_every_screen_are_the_same(root: Path) -> None:
    await make_library(root, [Made("1.png")])
    async with window_on(root) as window:
        await window.shows("1.png")
        Notices.of(window.app.screen).tell("The first.")
        await window.press("T")
        Notices.of(window.app.screen).tell("The second.")
        await window.shows("The second.")
        assert "The first." not in window.text(), "what was said before makes room"


async def test_an_error_that_was_read_makes_room(root: Path) -> None:
    await make_library(root, [Made("1.png")])
    async with window_on(root) as window:
        await window.shows("1.png")
        now = 1000.0
        notices = Notices(window.app, lambda: now)
        notices.tell_error(LibraryError("The disk is full", "Free some space."))
        await window.shows("The disk is full")
        now += 11
        notices.tell("Paused.")
        await window.shows("The disk is full", "Paused.")
        now += 2
        notices.tell("Resumed.")
        await window.until(lambda: "The disk is full" not in window.text())
        await window.shows("Resumed.")


async def test_a_key_pressed_again_says_nothing_twice_at_a_time(root: Path) -> None:
    await make_library(root, [Made("1.png")])
    async with window_on(root) as window:
        await window.shows("1.png")
        now = 1000.0
        notices = Notices(window.app, lambda: now)
        notices.tell_error(LibraryError("The disk is full", "Free some space."))
        notices.tell("Paused.")
        notices.tell("Paused.")
        await window.shows("The disk is full", "Paused.")
        assert window.text().count("Paused.") == 1
        now += 13
        notices.tell("Paused.")
        await window.until(lambda: "The disk is full" not in window.text())
        await window.shows("Paused.")
