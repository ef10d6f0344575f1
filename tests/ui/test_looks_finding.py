"""How the screens about searching and keeping order look, in a small and in a larger window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.ui.conftest import NOW
from tests.ui.test_looks import LooksApp, press, root
from tests.ui.uploads.pane_stage import COMPLETED, FAILED, change, in_utc
from tests.ui.uploads.test_snapshots import SIZES
from vuemantics_tui.domain.duplicates import DuplicateGroup, DuplicatesFound, Likeness, LookAlike
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import ProcessingStatus
from vuemantics_tui.library.duplicates import Duplicates, OnFound
from vuemantics_tui.library.statistics import LibraryStatistics, Space, Statistics
from vuemantics_tui.search.vectors import IndexState
from vuemantics_tui.store.statistics import Month, StageTime, StoredStatistics

__all__ = ["in_utc", "root"]
pytestmark = [
    pytest.mark.usefixtures("in_utc"),
    pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}"),
]

Compare = Callable[..., bool]
Size = tuple[int, int]


def look_alike(number: int, name: str, width: int, size: int, sharpness: float, likeness: Likeness) -> LookAlike:
    at = "2026-05-01T09:30:00+00:00"
    return LookAlike(
        *(
            number,
            str(number),
            name,
            "image",
            size,
            width,
            width * 2 // 3,
            at,
            at,
            sharpness,
            "thumb.png",
            "original.jpg",
        ),
        likeness=likeness,
    )


GROUP = DuplicateGroup(
    look_alike(1, "IMG_2041 beach walk.jpg", 4000, 3_100_000, 812.0, Likeness.SAME),
    (
        look_alike(2, "IMG_2041 beach walk (1).jpg", 1024, 240_000, 640.0, Likeness.SAME),
        look_alike(3, "whatsapp-2041.jpg", 640, 61_000, 205.4, Likeness.INSIDE),
    ),
    "most pixels",
)
STATISTICS = Statistics(
    StoredStatistics(
        {ProcessingStatus.COMPLETED: 4800, ProcessingStatus.PENDING: 150, ProcessingStatus.FAILED: 12},
        {FileType.IMAGE: 4700, FileType.VIDEO: 262},
        tuple(Month(f"2025-{month:02}", 40 * month) for month in range(1, 13)),
        *(12_400_000_000, 3, 9_000_000, 21, 40),
        (("beach", 812), ("portrait", 410), ("日本語", 12)),
        (("blue", 1204), ("grey", 97)),
        (StageTime("describing", 1.2, 3.4, 4800), StageTime("embedding", 0.021, 0.034, 4800)),
    ),
    Space(12_400_000_000, 61_000_000, 22_000_000, 7_400_000, 9_000_000),
    *("all-MiniLM-L6-v2-int8", 4800, 12),
    IndexState(4788, Path("vectors.f32"), 7_400_000),
)


@pytest.mark.parametrize(
    ("keys", "shows"),
    [
        pytest.param(("t",), "Tag cat", id="tags"),
        pytest.param(("T",), "The trash is empty.", id="trash-empty"),
        pytest.param(("B",), "No saved searches or albums yet.", id="saved-empty"),
        pytest.param(("f",), "without tags", id="filter-menu"),
        pytest.param(("|",), "Columns, from left to right", id="columns"),
        pytest.param(("/", *"ty"), "Tab type:", id="suggestions"),
        pytest.param(("/", *"cat size:>x", "enter"), "^", id="wrong-query"),
    ],
)
def test_looks(snap_compare: Compare, root: Path, size: Size, keys: tuple[str, ...], shows: str) -> None:
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, *keys, shows=shows))


def test_looks_with_saved_searches(snap_compare: Compare, root: Path, size: Size) -> None:
    save = "INSERT INTO saved_searches (name, query) VALUES (?, ?)"
    change(root, (save, ("pictures", "type:image")), (save, ("red things", "red type:image")))
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, "B", shows="red things  "))


def test_looks_with_something_in_the_trash(snap_compare: Compare, root: Path, size: Size) -> None:
    app = LooksApp(root)

    async def run(pilot: Pilot[None]) -> None:
        await press(app)(pilot)
        for number, age in ((COMPLETED, timedelta(days=3)), (FAILED, timedelta(hours=5))):
            at = (NOW - age).isoformat(timespec="microseconds")
            change(root, ("UPDATE uploads SET deleted_at = ? WHERE number = ?", (at, number)))
        await pilot.press("T")
        await app.until(pilot, lambda: "Trash  2 uploads" in app.text())
        await pilot.pause(0.1)

    assert snap_compare(app, terminal_size=size, run_before=run)


def test_looks_with_duplicates(snap_compare: Compare, root: Path, size: Size, monkeypatch: pytest.MonkeyPatch) -> None:
    async def find(duplicates: Duplicates, on_found: OnFound) -> DuplicatesFound:
        found = DuplicatesFound((GROUP,), (), 2, 2)
        on_found(found)
        return found

    monkeypatch.setattr(Duplicates, "find", find)
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, "W", shows="group 1 of 1"))


def test_looks_in_numbers(snap_compare: Compare, root: Path, size: Size, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(statistics: LibraryStatistics) -> Statistics:
        return STATISTICS

    monkeypatch.setattr(LibraryStatistics, "read", read)
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, "number_sign", shows="Months"))
