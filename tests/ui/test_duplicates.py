"""The review of what looks the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.ui.conftest import Made, Window, add, make_library, window_on
from vuemantics_tui.ui.screens.duplicates import DuplicatesScreen


def scene(seed: int) -> Image.Image:
    """A picture of soft shapes, another one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)


@asynccontextmanager
async def window_with_alikes(root: Path, tmp_path: Path, width: int, height: int = 36) -> AsyncIterator[Window]:
    """On two groups: three of one scene, two of another; and one that is alone."""
    folder = tmp_path / "alike"
    folder.mkdir()
    for seed in (1, 2, 3):
        scene(seed).save(folder / f"scene{seed}.png")
    scene(1).resize((160, 120)).save(folder / "small1.png")
    scene(1).filter(ImageFilter.GaussianBlur(2)).save(folder / "soft1.png")
    scene(2).resize((160, 120)).save(folder / "small2.png")
    await make_library(root)
    async with window_on(root, size=(width, height), process=True) as window:
        await add(window.library, *sorted(folder.iterdir()))
        await window.shows("6 completed")
        yield window


@pytest.mark.parametrize("width", [80, 120])
async def test_the_best_of_a_group_is_kept_and_the_others_go_to_the_trash(
    root: Path, tmp_path: Path, width: int
) -> None:
    async with window_with_alikes(root, tmp_path, width) as window:
        await window.press("W")
        await window.shows("group 1 of 2", "✓ keep", "320 × 240", "sharpness", "proposed: ", "same picture")
        first = window.app.screen.query_one("#duplicates-title").render().plain  # type: ignore[union-attr]
        await window.press("n")
        await window.shows("group 2 of 2")
        await window.press("p")
        await window.shows("group 1 of 2")
        assert window.app.screen.query_one("#duplicates-title").render().plain == first  # type: ignore[union-attr]
        await window.press("enter")
        await window.shows("group 1 of 1", "to the trash, kept scene", "u undoes.")
        await window.press("enter")
        await window.shows("No duplicates found.")
        await window.press("s")
        await window.shows("No similar uploads found.")
        await window.press("s")
        await window.shows("No duplicates found.")
        left = {upload.filename for upload in await window.library.uploads.newest()}
        assert left == {"scene1.png", "scene2.png", "scene3.png"}
        await window.press("escape")
        await window.until(lambda: not isinstance(window.app.screen, DuplicatesScreen))


async def test_another_one_can_be_chosen(root: Path, tmp_path: Path) -> None:
    async with window_with_alikes(root, tmp_path, 120) as window:
        await window.press("W")
        await window.shows("group 1 of 2")
        await window.press("n")
        await window.shows("group 2 of 2, 2 uploads")
        await window.press("right", "left", "l", "enter")
        await window.shows("to the trash, kept small")
        await window.shows("group 1 of 1")
        trashed = [entry.upload.filename for entry in await window.library.trash.store.contents()]
        assert len(trashed) == 1
        assert trashed[0].startswith("scene")


async def test_where_nothing_looks_the_same_that_is_said(root: Path) -> None:
    await make_library(root, [Made("one.png")])
    async with window_on(root) as window:
        await window.shows("one.png")
        await window.press("W")
        await window.shows("No duplicates found.")
        keys = window.text().splitlines()[-1]
        assert "similar" in keys
        for words in ("keep", "delete", "group", "choose"):
            assert words not in keys
        await window.press("q")
        await window.until(lambda: not isinstance(window.app.screen, DuplicatesScreen))


async def test_similar_uploads_are_shown_apart_and_deleted_one_by_one(root: Path, tmp_path: Path) -> None:
    for number in (48210733, 51977042):
        ticket = Image.new("RGB", (600, 280), (250, 244, 228))
        draw = ImageDraw.Draw(ticket)
        draw.rectangle((0, 0, 600, 60), fill=(40, 70, 200))
        draw.text((20, 130), f"No. {number}", font=ImageFont.load_default(40), fill="black")
        ticket.save(tmp_path / f"ticket{number}.png")
    await make_library(root)
    async with window_on(root, size=(80, 24), process=True) as window:
        await add(window.library, *sorted(tmp_path.glob("ticket*.png")))
        await window.shows("2 completed")
        await window.press("W")
        await window.shows("No duplicates found.")
        await window.press("s")
        await window.shows("Similar", "group 1 of 1, 2 uploads", "▸ chosen")
        assert "keep this one" not in window.text()
        await window.press("enter", "right", "d")
        await window.shows("No similar uploads found.")
        assert (await window.library.trash.store.count())[0] == 1
