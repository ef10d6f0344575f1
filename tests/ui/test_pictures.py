"""Pictures as block characters: the renderer on small arrays, the loader on files."""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tests.ui.drawn_cells import BLUE, CORNERS, GREEN, RED, WHITE, Colour, cells, enlarged, save
from vuemantics_tui.terminal import Blocks
from vuemantics_tui.ui.pictures.blocks import BlockRenderer, block_strips, dithered, pair_cells, resized, split_cells
from vuemantics_tui.ui.pictures.kitty import KittyRenderer
from vuemantics_tui.ui.pictures.loader import Depth, Graphics, PictureLoader, PictureMode, placed


@pytest.mark.parametrize(
    ("pixels", "box", "cells_taken"),
    [
        pytest.param((256, 256), (40, 18), (36, 18), id="square-bound-by-height"),
        pytest.param((256, 128), (40, 18), (40, 10), id="wide-bound-by-width"),
        pytest.param((128, 256), (40, 18), (18, 18), id="tall"),
        pytest.param((256, 1), (40, 18), (40, 1), id="never-without-height"),
        pytest.param((1, 256), (40, 18), (1, 18), id="never-without-width"),
        pytest.param((2, 2), (40, 18), (36, 18), id="small-ones-grow"),
    ],
)
def test_a_picture_keeps_its_aspect_in_cells_twice_as_high_as_wide(
    pixels: tuple[int, int], box: tuple[int, int], cells_taken: tuple[int, int]
) -> None:
    assert placed(Image.new("RGB", pixels), *box, (8, 16), False)[1:] == cells_taken


def test_each_pixel_is_the_mean_of_the_area_that_it_covers() -> None:
    row = np.array([[(0, 0, 0), (90, 0, 0), (30, 60, 90)]], dtype=np.uint8)
    assert resized(row, 1, 1).tolist() == [[[40, 20, 30]]]
    # One and a half source pixels each: the middle one counts half on both sides.
    assert resized(row, 2, 1).tolist() == [[[30, 0, 0], [50, 40, 60]]]
    assert resized(row, 3, 1).tolist() == row.tolist()


def test_half_blocks_show_the_corners_where_they_are() -> None:
    (strip,) = block_strips(enlarged(CORNERS, 64), 2, 1, PictureMode())
    assert cells(strip) == [("▀", RED, BLUE), ("▀", GREEN, WHITE)]


def test_equal_neighbours_become_one_segment_and_one_colour_a_blank() -> None:
    flat = np.full((8, 16, 3), 77, dtype=np.uint8)
    strips = block_strips(flat, 8, 2, PictureMode())
    assert [len(list(strip)) for strip in strips] == [1, 1]
    assert cells(strips[0]) == [(" ", None, (77, 77, 77))] * 8


@pytest.mark.parametrize(
    ("colour", "number"),
    [
        pytest.param((0, 0, 0), 16, id="black"),
        pytest.param((255, 255, 255), 231, id="white"),
        pytest.param((255, 0, 0), 196, id="red"),
        pytest.param((95, 135, 175), 67, id="of-the-cube"),
        pytest.param((8, 8, 8), 232, id="first-grey"),
        pytest.param((128, 128, 128), 244, id="a-grey"),
        pytest.param((238, 238, 238), 255, id="last-grey"),
    ],
)
def test_a_colour_of_the_256_stays_what_it_is(colour: Colour, number: int) -> None:
    numbers, colours = dithered(np.full((8, 8, 3), colour, dtype=np.uint8))
    assert np.unique(numbers).tolist() == [number]
    assert (colours == colour).all()


def test_a_colour_between_two_of_the_256_is_made_of_both() -> None:
    numbers, colours = dithered(np.full((16, 16, 3), (115, 0, 0), dtype=np.uint8))
    assert np.unique(numbers).tolist() == [52, 88]
    assert colours.reshape(-1, 3).mean(axis=0).tolist() == [115, 0, 0]
    # Alternating, not in lumps.
    assert (numbers[:, 1:] != numbers[:, :-1]).all()
    greys, _ = dithered(np.full((16, 16, 3), 133, dtype=np.uint8))
    assert np.unique(greys).tolist() == [244, 245]


def test_a_cell_takes_the_two_of_its_colours_that_are_nearest_to_all() -> None:
    colours = np.array([[[[0, 0, 0], [10, 0, 0], [250, 0, 0], [255, 0, 0]]]], dtype=np.float32)
    patterns, front, back = pair_cells(np.array([[[1, 2, 3, 4]]], dtype=np.uint8), colours)
    assert {int(front[0, 0]), int(back[0, 0])} in ({1, 3}, {1, 4}, {2, 3}, {2, 4})
    assert patterns.tolist() in ([[0b0011]], [[0b1100]])


def test_16_colours_show_greys_in_shapes() -> None:
    ramp = np.repeat(np.linspace(0, 255, 32), 3).reshape(1, 32, 3).repeat(16, axis=0).astype(np.uint8)
    ramp[..., 0] //= 2
    strips = block_strips(ramp, 16, 4, PictureMode(Depth.SIXTEEN, Blocks.QUARTERS))
    console = Console(color_system="standard", force_terminal=True)
    written = "".join(strip.render(console) for strip in strips)
    codes = {code for found in re.findall(r"\x1b\[([\d;]+)m", written) for code in found.split(";")} - {"0"}
    assert codes <= {"30", "90", "37", "97", "40", "100", "47", "107"}
    assert {"▚", "▞"} & set(written)
    assert strips[0].render(console).startswith("\x1b[40m")


def test_without_hues_the_colours_are_greys() -> None:
    (strip,) = block_strips(enlarged(CORNERS, 4), 2, 1, PictureMode(grey=True))
    assert all(len(set(colour or ())) <= 1 for cell in cells(strip) for colour in cell[1:])


def test_256_colours_reach_the_terminal_as_their_numbers() -> None:
    (strip,) = block_strips(enlarged(CORNERS, 4), 2, 1, PictureMode(Depth.PALETTE))
    console = Console(color_system="256", force_terminal=True)
    assert "38;5;196;48;5;21m▀" in strip.render(console)


@pytest.mark.parametrize(
    ("bright", "glyph"),
    [
        pytest.param([1, 0, 0, 0], "▘", id="upper-left"),
        pytest.param([0, 1, 0, 0], "▝", id="upper-right"),
        pytest.param([0, 0, 1, 0], "▖", id="lower-left"),
        pytest.param([1, 1, 0, 0], "▀", id="upper"),
        pytest.param([1, 0, 1, 0], "▌", id="left"),
        pytest.param([0, 1, 1, 0], "▞", id="diagonal"),
        pytest.param([1, 1, 1, 0], "▛", id="all-but-lower-right"),
    ],
)
def test_quarters_draw_each_pattern_in_its_two_colours(bright: list[int], glyph: str) -> None:
    square = np.array([(200, 180, 40) if each else (10, 20, 30) for each in bright], dtype=np.uint8).reshape(2, 2, 3)
    (strip,) = block_strips(enlarged(square, 8), 1, 1, PictureMode(blocks=Blocks.QUARTERS))
    assert cells(strip) == [(glyph, (200, 180, 40), (10, 20, 30))]


@pytest.mark.parametrize(
    ("bright", "glyph"),
    [
        pytest.param([1, 0, 0, 0, 0, 0], "\U0001fb00", id="upper-left"),
        pytest.param([0, 0, 1, 0, 1, 0], "\U0001fb13", id="lower-two-of-the-left"),
        pytest.param([1, 0, 1, 0, 1, 0], "▌", id="left"),
        pytest.param([0, 1, 1, 1, 1, 0], "\U0001fb1c", id="after-the-left-half"),
        pytest.param([1, 1, 1, 1, 1, 0], "\U0001fb1d", id="all-but-lower-right"),
    ],
)
def test_sextants_draw_each_pattern_in_its_two_colours(bright: list[int], glyph: str) -> None:
    square = np.array([(200, 180, 40) if each else (10, 20, 30) for each in bright], dtype=np.uint8).reshape(3, 2, 3)
    (strip,) = block_strips(enlarged(square, 8), 1, 1, PictureMode(blocks=Blocks.SEXTANTS))
    assert cells(strip) == [(glyph, (200, 180, 40), (10, 20, 30))]


def test_a_cell_is_split_with_the_least_error() -> None:
    square = np.array([[[(100, 100, 100), (110, 110, 110), (104, 104, 104), (250, 250, 250)]]], dtype=np.uint8)
    patterns, front, back = split_cells(square)
    assert patterns.tolist() == [[0b111]]
    assert front.tolist() == [[[105, 105, 105]]]
    assert back.tolist() == [[[250, 250, 250]]]


def test_shades_follow_the_brightness_and_the_background() -> None:
    ramp = np.repeat(np.linspace(0, 255, 10, dtype=np.uint8), 3).reshape(1, 10, 3).repeat(2, axis=0)
    (dark,) = block_strips(ramp, 10, 1, PictureMode(Depth.SHADES))
    (light,) = block_strips(ramp, 10, 1, PictureMode(Depth.SHADES, on_dark=False))
    assert dark.text == "  ░░▒▒▓▓██"
    assert light.text == dark.text[::-1]


def test_shades_turn_into_shapes_at_edges() -> None:
    square = np.array([(255,) * 3 if each else (0,) * 3 for each in (1, 0, 0, 0)], dtype=np.uint8).reshape(2, 2, 3)
    (strip,) = block_strips(enlarged(square, 8), 1, 1, PictureMode(Depth.SHADES, Blocks.QUARTERS))
    assert strip.text == "▘"


def test_no_room_is_no_lines(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", CORNERS)
    assert BlockRenderer(Graphics()).render(path, 0, 5, PictureMode()) is None


@pytest.mark.parametrize("size", [(200, 40), (40, 200), (90, 60)], ids=["wide", "tall", "photo"])
def test_a_picture_that_fills_its_place_loses_what_juts_out(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "picture.png"
    picture = Image.new("RGB", size, BLUE)
    width, height = size
    # Of what is too wide the middle stays, of what is too high rather the top.
    picture.paste(RED, (width * 2 // 5, height // 4, width * 3 // 5, height * 3 // 5))
    picture.save(path)
    mode = PictureMode(fills=True)
    for renderer in (BlockRenderer(Graphics()), KittyRenderer(Graphics(cell=(8, 16)))):
        rendered = renderer.render(path, 12, 5, mode)
        assert rendered is not None
        assert [strip.cell_length for strip in rendered.strips] == [12] * 5
    drawn = BlockRenderer(Graphics()).render(path, 12, 5, mode)
    assert drawn is not None
    assert RED in [colour for pair in cells(drawn.strips[2]) for colour in pair[1:]]


async def test_the_loader_keeps_what_it_drew_until_the_file_changes(tmp_path: Path) -> None:
    loader = PictureLoader()
    path = save(tmp_path / "thumb.jpg", enlarged(CORNERS, 8))
    first = await loader.load(path, 10, 5, PictureMode())
    assert first is not None
    assert await loader.load(path, 10, 5, PictureMode()) is first
    assert await loader.load(path, 12, 6, PictureMode()) is not first
    save(path, np.zeros((8, 9, 3), dtype=np.uint8))
    changed = await loader.load(path, 10, 5, PictureMode())
    assert changed is not None and cells(changed[0])[0] == (" ", None, (0, 0, 0))


async def test_the_loader_forgets_what_was_not_used_longest(tmp_path: Path) -> None:
    loader = PictureLoader(most=2)
    paths = [save(tmp_path / f"{number}.png", CORNERS) for number in range(3)]
    drawn = [await loader.load(path, 4, 2, PictureMode()) for path in paths[:2]]
    assert await loader.load(paths[0], 4, 2, PictureMode()) is drawn[0]
    await loader.load(paths[2], 4, 2, PictureMode())
    assert await loader.load(paths[0], 4, 2, PictureMode()) is drawn[0]
    assert await loader.load(paths[1], 4, 2, PictureMode()) is not drawn[1]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(b"not a picture", id="text"),
        pytest.param("torn", id="torn"),
        pytest.param("huge", id="far-too-large"),
    ],
)
async def test_the_loader_has_nothing_where_there_is_no_thumbnail(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "thumb.jpg"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "huge":
        Image.new("RGB", (2400, 2400)).save(path)
    elif content == "torn":
        buffer = io.BytesIO()
        noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
        Image.fromarray(noise).save(buffer, "JPEG")
        path.write_bytes(buffer.getvalue()[:5000])
    assert await PictureLoader().load(path, 10, 5, PictureMode()) is None


async def test_a_preview_is_made_once_by_who_can_and_kept(tmp_path: Path) -> None:
    source = tmp_path / "IMG.heic"
    source.write_bytes(b"x")
    asked: list[Path] = []

    async def thumbnail_of(path: Path) -> bytes | None:
        asked.append(path)
        buffer = io.BytesIO()
        Image.fromarray(enlarged(CORNERS, 8)).save(buffer, "PNG")
        return buffer.getvalue()

    async def nothing(_: Path) -> bytes | None:
        return None

    loader = PictureLoader()
    assert await loader.preview(source, 2, 1, PictureMode(), nothing) is None
    first = await loader.preview(source, 2, 1, PictureMode(), thumbnail_of)
    assert first is not None and cells(first[0])[0] == ("▀", RED, BLUE)
    assert await loader.preview(source, 2, 1, PictureMode(), thumbnail_of) is first
    assert asked == [source]
    assert await loader.preview(tmp_path / "gone.jpg", 2, 1, PictureMode(), thumbnail_of) is None


async def test_drawing_does_not_hold_up_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "thumb.png", CORNERS)
    ours = asyncio.get_running_loop()
    on_loop: list[bool] = []
    real = Image.open

    def spying(*arguments: object, **options: object) -> Image.Image:
        try:
            on_loop.append(asyncio.get_running_loop() is ours)
        except RuntimeError:
            on_loop.append(False)
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", spying)
    await PictureLoader().load(path, 4, 2, PictureMode())
    assert on_loop == [False]
