"""Text that is written in pictures is read, quietly, and finds them. Needs the extra `vision`, as `dev` has it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.conftest import OpenLibrary, add_all, settled
from vuemantics_tui.analyzers.builtin import vision
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer
from vuemantics_tui.analyzers.builtin.eyes import Reader
from vuemantics_tui.analyzers.builtin.pictures import load_detailed_pixels

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def reader() -> Reader:
    loaded = vision.reader()
    assert isinstance(loaded, Reader), f"the extra `vision` is needed here: {loaded.reason}"
    return loaded


def sign(photo: Path, *lines: str, size: int = 60) -> Image.Image:
    """A photo, 1200 pixels wide, with lines of text on a white board in its middle."""
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    image = image.resize((1200, image.height * 1200 // image.width))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    top = image.height // 3
    draw.rectangle((150, top - 20, 1050, top + len(lines) * size * 3 // 2), "white")
    for number, line in enumerate(lines):
        draw.text((200, top + number * size * 3 // 2), line, "black", font)
    return image


def test_a_sign_is_read_in_reading_order(reader: Reader, photos: Path, encode: Encode) -> None:
    content = encode(sign(photos / "coffee.png", "Harbour Festival", "Saturday in June", "Free entry"), "JPEG")
    lines = reader.read(load_detailed_pixels(content))
    assert [line.replace(" ", "") for line in lines] == ["HarbourFestival", "SaturdayinJune", "Freeentry"]


def test_a_small_screenshot_is_read(reader: Reader, photos: Path) -> None:
    lines = reader.read(load_detailed_pixels(photos / "page.png"))
    assert lines[0] == "Region-based segmentation"
    assert len(lines) >= 6


@pytest.mark.parametrize("name", ["chelsea.png", "rocket.jpg", "hubble_deep_field.jpg", "grass.png"])
def test_a_photo_without_text_has_none(reader: Reader, photos: Path, name: str) -> None:
    assert reader.read(load_detailed_pixels(photos / name)) == ()


@pytest.mark.parametrize("shape", [(1, 1), (5, 4000), (4000, 5), (40, 4000), (64, 64), (1600, 100)])
def test_odd_shapes_have_no_text_and_no_error(reader: Reader, shape: tuple[int, int]) -> None:
    assert reader.read(np.full((*shape, 3), 200, np.uint8)) == ()


@pytest.mark.usefixtures("reader")
async def test_what_was_read_is_kept_beside_the_prose(analyzer: BuiltinAnalyzer, photos: Path, encode: Encode) -> None:
    description = await analyzer.describe_image(encode(sign(photos / "coffee.png", "Zebrafish Laboratory"), "PNG"))
    assert "Zebrafish" in description.read_text
    assert "Zebrafish" not in description.text
    assert "Zebrafish" in description.full_text


@pytest.mark.usefixtures("reader")
async def test_each_line_of_a_clip_is_read_once(analyzer: BuiltinAnalyzer, photos: Path, encode: Encode) -> None:
    first = encode(sign(photos / "coffee.png", "Chapter One"), "JPEG")
    second = encode(sign(photos / "rocket.jpg", "Chapter One", "Lift off"), "JPEG")
    clip = await analyzer.describe_video([first, first, second], lambda *_: None)
    assert [line.replace(" ", "") for line in clip.read_text.splitlines()] == ["ChapterOne", "Liftoff"]


@pytest.mark.usefixtures("reader")
async def test_words_seen_in_a_picture_find_it_first(
    analyzer: BuiltinAnalyzer, open_library: OpenLibrary, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "signs"
    folder.mkdir()
    wanted = {"Platform nine": "coffee.png", "Fresh strawberries": "rocket.jpg", "Mind the kitten": "brick.png"}
    for words, photo in wanted.items():
        sign(photos / photo, words).save(folder / f"{len(words)}.jpg")
    plain = [photos / name for name in ("chelsea.png", "coffee.png", "rocket.jpg", "brick.png", "page.png")]
    library = await open_library(analyzer)
    await add_all(library, folder, *plain, recursive=True)
    await library.queue.start()
    await settled(library)
    for words in wanted:
        for query in (words, words.split()[-1].upper()):
            hits = await library.search.run(query, 5)
            assert hits[0].upload.filename == f"{len(words)}.jpg", query


@pytest.mark.usefixtures("reader")
def test_loading_and_reading_write_nothing_and_make_no_noise(tmp_path: Path, photos: Path) -> None:
    program = f"""
import logging, pathlib, sys
from vuemantics_tui.analyzers.builtin import vision
from vuemantics_tui.analyzers.builtin.pictures import load_detailed_pixels
before = sorted(vision._folder("rapidocr").glob("models/*"))
def refuse(event, arguments):
    if event == "socket.connect":
        raise RuntimeError("the network was asked")
sys.addaudithook(refuse)
for name in ("page.png", "chelsea.png"):
    vision.reader().read(load_detailed_pixels(pathlib.Path({str(photos)!r}) / name))
assert before == sorted(vision._folder("rapidocr").glob("models/*"))
assert not list(pathlib.Path().iterdir())
print(logging.getLogger("RapidOCR").handlers)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == "[<NullHandler (NOTSET)>]"
