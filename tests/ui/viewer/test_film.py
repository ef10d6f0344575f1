"""Clips and animations in the viewer: a strip of their frames with times, and stepping through them."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot

from tests.conftest import DEADLINE_SECONDS
from tests.ui.conftest import Window, add, open_library_at, window_on
from tests.ui.screen_text import screen_text
from tests.ui.uploads.test_snapshots import Compare, OwnLibraryApp
from vuemantics_tui.ui.viewer.film import FilmStrip
from vuemantics_tui.ui.viewer.screen import ViewerScreen


@pytest.fixture
async def films(root: Path, tmp_path: Path, draw_clip: Callable[[], Path]) -> Path:
    """A library with a clip of two seconds on top of an animation of three frames, both completed."""
    frames = [Image.new("RGB", (120, 80), colour) for colour in ("red", "lime", "blue")]
    moving = tmp_path / "moving.gif"
    frames[0].save(moving, save_all=True, append_images=frames[1:], duration=100)
    library = await open_library_at(root)
    await add(library, moving)
    await add(library, draw_clip())
    await library.queue.start()
    while (await library.queue.store.counts()).completed < 2:
        await library.uploads.newest(limit=1)
    await library.close()
    return root


def header(window: Window) -> str:
    return window.text().splitlines()[0]


async def test_arrows_step_through_the_frames_and_then_go_on(films: Path) -> None:
    async with window_on(films, size=(120, 36)) as window:
        await window.shows("clip.mp4", "moving.gif")
        await window.press("enter")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))
        await window.shows("0:00.0", "0:00.5", "0:01.0", "0:01.5")
        assert "frames" in window.text().splitlines()[-1]
        await window.press("right")
        await window.until(lambda: "clip.mp4 · 1 of 2 · at 0:00.5" in header(window))
        await window.press("right", "right")
        await window.until(lambda: "at 0:01.5" in header(window))
        await window.press("right")
        await window.until(lambda: "moving.gif · 2 of 2 · frame 1 of 3" in header(window))
        await window.press("right", "right")
        await window.until(lambda: "frame 3 of 3" in header(window))
        await window.press("left")
        await window.until(lambda: "frame 2 of 3" in header(window))
        await window.press("backspace")
        await window.until(lambda: "clip.mp4 · 1 of 2 · at 0:00.0" in header(window))
        await window.press("space")
        await window.until(lambda: "moving.gif" in header(window))


async def test_e_plays_a_clip_by_the_command_of_the_settings(films: Path, tmp_path: Path) -> None:
    player = tmp_path / "player"
    player.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/played"\n')
    player.chmod(0o755)
    async with window_on(films, size=(120, 36), play_command=str(player)) as window:
        await window.shows("clip.mp4")
        await window.press("enter")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))
        await window.until(lambda: "e play" in window.text())
        await window.press("e")
        await window.shows("Playing clip.mp4 in player.")
        await window.until((tmp_path / "played").exists)
        assert (tmp_path / "played").read_text().endswith(".mp4")


async def test_each_frame_is_the_one_of_its_place(films: Path) -> None:
    async with window_on(films, size=(80, 24)) as window:
        await window.shows("clip.mp4", "moving.gif")
        clip, moving = await window.library.uploads.by_numbers([window.uploads[0], window.uploads[1]])

        async def colour(path: Path, at: float) -> tuple[int, ...]:
            jpeg = await window.library.preview(path, 64, at=at)
            assert jpeg is not None
            with Image.open(io.BytesIO(jpeg)) as image:
                found = image.convert("RGB").getpixel((20, 20))
            assert isinstance(found, tuple)
            return tuple(map(int, found))

        original = window.library.original
        reds = [(await colour(original(clip), at))[0] for at in (0.0, 0.5, 1.0, 1.5)]
        assert reds == sorted(reds) and reds[3] - reds[0] > 100, "the clip turns from blue to red"
        seen = [await colour(original(moving), number) for number in range(3)]
        assert [each.index(max(each)) for each in seen] == [0, 1, 2], "red, lime, blue"
        assert await window.library.preview(original(moving), 64, at=9) is None


def test_looks(snap_compare: Compare, tmp_path: Path, draw_clip: Callable[[], Path]) -> None:
    clip = draw_clip()
    os.utime(clip, (1_700_000_000, 1_700_000_000))

    async def make() -> None:
        library = await open_library_at(tmp_path / "library")
        await add(library, clip)
        await library.queue.start()
        while (await library.queue.store.counts()).completed < 1:
            await library.uploads.newest(limit=1)
        await library.close()

    async def run(pilot: Pilot[None]) -> None:
        app = pilot.app

        async def shows(*texts: str) -> None:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not all(text in screen_text(app) for text in texts):
                    await pilot.pause(0.02)

        await shows("clip.mp4")
        await pilot.press("enter")
        await shows("0:01.5", "1 of 1", "e play")
        strip = app.screen.query_one(FilmStrip)
        # It is filled once the large frame is there.
        async with asyncio.timeout(DEADLINE_SECONDS):
            while strip.missing():
                await pilot.pause(0.02)

    asyncio.run(make())
    assert snap_compare(OwnLibraryApp(tmp_path / "library"), terminal_size=(120, 36), run_before=run)
