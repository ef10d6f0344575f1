"""What the lines of the table say, and what a click on them does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sqlite3
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.ui.conftest import NOW, Made, Window, make_library, window_on
from tests.ui.screen_text import screen_strips
from vuemantics_tui import paths
from vuemantics_tui.analyzers.builtin import EMBEDDING_MODEL_NAME
from vuemantics_tui.domain.fields import COLUMNS
from vuemantics_tui.ui.uploads.columns import BY_LABEL, LEAD, NAME, Layout, chosen_columns, shown_words

FEW = [
    Made("banana.png", size=300_000),
    Made("Apple.png", size=100_000),
    Made("cherry.mp4", size=200_000, file_type="video"),
    Made("broken.png", "failed", "failed", 20, error="Processing failed: on purpose", kind="permanent", size=50_000),
]


def write(root: Path, filename: str, description: str = "", read_text: str = "", **values: Any) -> None:
    """Set columns of an upload, and give it a description with tags."""
    tags = values.pop("tags", "[]")
    connection = sqlite3.connect(paths.database_file(root))
    try:
        for name, value in values.items():
            connection.execute(f"UPDATE uploads SET {name} = ? WHERE filename = ?", (value, filename))
        if description or read_text:
            connection.execute(
                """
                INSERT INTO descriptions
                    (upload, text, read_text, tags, labels, audit_score, audit_findings, analyzer, model, created_at,
                     current)
                SELECT number, ?, ?, ?, '{}', 80, '[]', 'still', 'eyes-1', created_at, 1 FROM uploads WHERE filename = ?
                """,
                (description, read_text, tags, filename),
            )
        connection.commit()
    finally:
        connection.close()


def line_of(window: Window, name: str) -> str:
    """Return the line of an upload."""
    return next(line for found, line in window.rows() if found == name)


@given(st.integers(1, 300), st.lists(st.sampled_from(COLUMNS)), st.integers(0, 40), st.booleans())
def test_columns_never_leave_the_line(total: int, labels: list[str], name: int, scores: bool) -> None:
    layout = Layout.of(total, chosen_columns(labels), name=name, scores=scores)
    assert layout.shows(NAME)
    ends = [LEAD, *(each.start + each.width for each in layout.placed)]
    assert all(each.width >= 0 for each in layout.placed)
    assert all(each.start >= end for each, end in zip(layout.placed, ends, strict=False))
    if total >= 40:
        tail = 2 + layout.signs + (layout.score + 2 if layout.score else 0) + 1
        assert ends[-1] + tail <= total


def test_every_field_that_may_be_a_column_is_one() -> None:
    assert set(BY_LABEL) == set(COLUMNS)


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("A photo of a tabby cat,\n on a sofa.", "a tabby cat, on a sofa."),
        ("A video clip of what looks like a barn: a building.", "perhaps a barn: a building."),
        ("A photo, possibly of a hair dryer.", "perhaps a hair dryer."),
        ("The image shows two boats.", "two boats."),
        ("Two boats in a harbour.", "Two boats in a harbour."),
        ("evil \x1b[31m", "evil \\x1b[31m"),
    ],
)
def test_what_it_shows_begins_with_the_picture(description: str, shown: str) -> None:
    assert shown_words(description) == shown


async def test_each_window_has_the_columns_that_fit(root: Path) -> None:
    await make_library(root, FEW)
    write(
        root,
        "banana.png",
        "A photo of a banana on a plate.\nIt is ripe.",
        "Soupe de poisson 14",
        **{"taken_at": "2024-06-03T14:05:00", "width": 4000, "height": 3000, "rating": 3},
    )
    write(root, "cherry.mp4", duration=12.4)
    for size, headings, banana in (
        ((60, 20), ["Name", "What it shows"], ["a banana on", "★★★"]),
        ((80, 24), ["Name", "Taken", "What it shows"], ["3 Jun 2024  a banana on a plate.", "★★★ TEXT"]),
        ((200, 60), ["Name", "Place", "Size"], ["3 Jun 2024 14:05  a banana on a plate. It is ripe.", "300 KB"]),
    ):
        async with window_on(root, size=size, clock=lambda: NOW) as window:
            await window.shows("banana.png")
            lines = window.text().splitlines()
            heading = next(line for line in lines if line.startswith("   Name"))
            assert [each for each in headings if each in heading] == headings
            assert all(words in line_of(window, "banana.png") for words in banana), window.text()
            assert "▶ 0:12" in line_of(window, "cherry.mp4")
            assert re.search(r"^ ✗ broken.png +failed  on purpose", line_of(window, "broken.png"))
            assert "completed" not in "\n".join(line for _, line in window.rows())
            assert all(cell_len(line) <= size[0] for line in lines)


def embed(root: Path) -> None:
    """Give every upload a vector of the built-in model, so that no notice asks for one."""
    with contextlib.closing(sqlite3.connect(paths.database_file(root))) as connection, connection:
        connection.execute(
            "INSERT INTO embeddings (upload, model, dimension, vector)"
            " SELECT number, ?, 384, zeroblob(1536) FROM uploads",
            (EMBEDDING_MODEL_NAME,),
        )


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_move_of_the_cursor_sends_few_bytes(root: Path) -> None:
    asyncio.run(make_library(root, [Made(f"holiday in Nice {number:03}.png") for number in range(60)]))
    for number in range(60):
        write(
            root,
            f"holiday in Nice {number:03}.png",
            "A photo of a harbour with boats, seen from above. The main colours are blue and white.",
            "Port",
            **{"taken_at": f"2024-06-{number % 30 + 1:02}T14:05:00", "rating": 3},
        )
    embed(root)
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "VUEMANTICS_LIBRARY": str(root)}
    code = "import vuemantics_tui.cli; vuemantics_tui.cli.main()"
    process = pexpect.spawn(sys.executable, ["-c", code], env=environment, timeout=60, dimensions=(24, 80))
    sent_until(process, b"holiday in Nice 045")
    for line in range(58, 55, -1):
        process.send("j")
        assert len(sent_until(process, f"holiday in Nice {line:03}".encode())) <= 500
    process.send("g")
    sent_until(process, b"holiday in Nice 056")
    # The first one also draws the scrollbar.
    process.send("l")
    sent_until(process, b"holiday in Nice 055")
    for key, line in (("h", 56), ("l", 55)):
        process.send(key)
        assert len(sent_until(process, f"holiday in Nice {line:03}".encode())) <= 500
    process.send("q")
    process.expect(pexpect.EOF)


def sent_until(process: pexpect.spawn[bytes], text: bytes) -> bytes:
    """Return what the program sends until this text was among it and nothing more comes."""
    sent = b""
    while text not in sent:
        sent += process.read_nonblocking(65536, timeout=60)
    with contextlib.suppress(pexpect.TIMEOUT):
        while True:
            sent += process.read_nonblocking(65536, timeout=0.5)
    return sent


async def test_a_search_shows_the_sentence_with_the_match(root: Path) -> None:
    await make_library(root, [Made("one.png"), Made("two.png")])
    write(root, "one.png", "A photo of a street in the rain. Behind the houses on the left a harbour with boats opens.")
    async with window_on(root, size=(80, 24)) as window:
        # Without a sign behind it, a description reaches to the end of the line.
        await window.shows("a street in the rain. Behind")
        await window.press("/", *"harbour", "enter")
        await window.shows("1 result for harbour", "left a harbour")
        assert "street" not in line_of(window, "one.png")


def styles_of(window: Window, y: int) -> list[str]:
    """Return how the parts of a line of the screen look."""
    return [f"{segment.text}: {segment.style}" for segment in screen_strips(window.app)[y]]


async def test_headings_rows_and_tags_look_different_under_the_mouse(root: Path) -> None:
    await make_library(root, FEW)
    write(root, "broken.png", "A cat.", tags='["cat"]', processing_status="completed", stage="completed")
    async with window_on(root, size=(120, 36)) as window:
        await window.shows("banana.png", "quality 80")
        tag = next(y for y, line in enumerate(window.text().splitlines()) if line.endswith(" cat"))
        places = [(4, 2), (10, 5), (window.text().splitlines()[tag].rindex("cat"), tag)]
        before = [styles_of(window, y) for _, y in places]
        for (x, y), untouched in zip(places, before, strict=True):
            await window.pilot.hover(offset=(x, y))
            await window.pilot.pause()
            assert styles_of(window, y) != untouched
        await window.pilot.hover(offset=(20, 30))
        await window.pilot.pause()
        assert [styles_of(window, y) for _, y in places] == before


async def test_a_click_on_a_heading_sorts_and_reverses(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("banana.png")
        await window.pilot.click("#heading", offset=(4, 0))
        await window.shows("Name ▲", "name, a to z")
        assert [name for name, _ in window.rows()] == ["Apple.png", "banana.png", "broken.png", "cherry.mp4"]
        await window.pilot.click("#heading", offset=(4, 0))
        await window.shows("Name ▼", "name, z to a")
        await window.until(lambda: window.uploads.cursor_line == 0)
        await window.pilot.click("#heading", offset=(50, 0))
        await window.shows("Name ▼")


async def test_a_click_on_a_tag_searches_for_it(root: Path) -> None:
    await make_library(root, [Made("one.png"), Made("two.png")])
    write(root, "one.png", "A cat.", tags='["cat", "sofa"]')
    async with window_on(root, size=(120, 36), columns="name,tags") as window:
        await window.shows("cat, sofa")
        line = window.text().splitlines().index(line_of(window, "one.png"))
        await window.pilot.click(offset=(line_of(window, "one.png").index("sofa") + 1, line))
        await window.shows("tag:sofa", "1 result")
        await window.press("escape")
        await window.until(lambda: len(window.uploads) == 2)
        await window.until(lambda: window.table.has_focus)
        await window.press("end")
        await window.pilot.hover("#pane-tags", offset=(2, 0))
        await window.until(lambda: "A cat." in window.text() and "describ" in window.text())
        await window.pilot.click("#pane-tags", offset=(2, 0))
        await window.shows("tag:cat", "1 result")


async def test_columns_are_chosen_ordered_and_remembered(root: Path) -> None:
    await make_library(root, FEW, NOW - timedelta(days=3))
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("What it shows")
        await window.press("|")
        await window.shows("Columns, from left to right", "✓ Name", "✓ Taken")
        await window.press("down", "space")
        await window.until(lambda: "Taken" not in window.text().splitlines()[2])
        await window.press("down", "down", "down", "K", "shift+up")
        await window.until(lambda: "Size" in window.text().splitlines()[2])
        await window.press("escape")
        await window.shows("300 KB")
        await window.until(lambda: 'columns = "name' in settings_text(), "the settings have it")
        assert "taken" not in settings_text()
        await window.press("|", "r")
        await window.until(lambda: "Taken" in window.text().splitlines()[2])
        await window.press("|")
        await window.until(lambda: 'columns = "name,taken,description' in settings_text())


def settings_text() -> str:
    """Return the settings file."""
    file = paths.settings_file()
    return file.read_text() if file.exists() else ""
