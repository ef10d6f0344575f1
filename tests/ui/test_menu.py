"""The menus of sorting, filtering and going somewhere, by keys, arrows and mouse."""

from __future__ import annotations

from pathlib import Path

from tests.ui.conftest import Made, Window, make_library, window_on
from tests.ui.uploads.test_table import write
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.view import View
from vuemantics_tui.ui.screens.menu import MenuScreen, facets_of, with_facet
from vuemantics_tui.ui.screens.stats import StatsScreen
from vuemantics_tui.ui.screens.trash import TrashScreen

FEW = [
    Made("banana.png", size=300_000),
    Made("Apple.png", size=100_000),
    Made("cherry.mp4", size=200_000, file_type="video"),
    Made("broken.png", "failed", "failed", 20, error="Processing failed: on purpose", kind="permanent", size=50_000),
]


def names(window: Window) -> list[str]:
    return [name for name, _ in window.rows()]


async def listed(window: Window, *expected: str) -> None:
    await window.until(lambda: names(window) == list(expected), f"listed: {expected}")


async def no_menu(window: Window) -> None:
    await window.until(lambda: not isinstance(window.app.screen, MenuScreen))


async def test_two_keys_show_videos_only_and_filters_combine(root: Path) -> None:
    await make_library(root, FEW)
    write(root, "Apple.png", "An apple.", "Pomme", rating=4)
    write(root, "cherry.mp4", rating=2)
    async with window_on(root, size=(80, 24)) as window:
        await listed(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")
        await window.press("f")
        await window.shows("Show", "a ● everything", "f   failed           1", "Esc cancel")
        await window.press("v")
        await listed(window, "cherry.mp4")
        await window.shows("videos only")
        await window.press("f", "s")
        await window.shows("videos only · rated only")
        await window.press("f", "p")
        await listed(window, "Apple.png")
        await window.shows("photos only · rated only")
        await window.press("f", "t", "f", "s")
        await window.shows("photos only · with text only")
        await listed(window, "Apple.png")
        await window.press("f")
        await window.shows("p ● photos", "t ● with text")
        await window.press("a")
        await listed(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")
        await window.press("f", "u", "o", "r")
        await window.shows("highest rating first · without tags")
        await listed(window, "Apple.png", "cherry.mp4", "broken.png", "banana.png")


def test_every_facet_is_set_and_taken_back() -> None:
    view = with_facet(with_facet(View(), "videos"), "rated")
    assert (view.file_type, view.rated) == (FileType.VIDEO, True)
    assert facets_of(view) == {"filter-videos", "filter-rated"}
    assert facets_of(with_facet(with_facet(view, "videos"), "rated")) == {"filter-everything"}


async def test_arrows_and_the_mouse_choose_too(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await listed(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")
        await window.press("o")
        await window.shows("a ● added")
        await window.press("left", "down", "right", "enter")
        await window.shows("largest first")
        await no_menu(window)
        await window.press("f")
        await window.shows("v   videos")
        lines = window.text().splitlines()
        y = next(y for y, line in enumerate(lines) if "v   videos" in line)
        await window.pilot.hover(offset=(lines[y].index("videos"), y))
        await window.pilot.click(offset=(lines[y].index("videos"), y))
        await listed(window, "cherry.mp4")
        await window.press("f")
        await window.shows("v ● videos")
        await window.pilot.click(offset=(2, 10))
        await no_menu(window)
        await window.shows("videos only")


async def test_results_are_sorted_and_filtered_as_well(root: Path) -> None:
    await make_library(root, FEW)
    for name in ("banana.png", "Apple.png", "cherry.mp4"):
        write(root, name, "A fruit on a plate.")
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("banana.png")
        await window.press("/", *"fruit", "enter")
        await window.shows("3 results for fruit")
        await window.press("o")
        await window.shows("m ● match")
        await window.press("s")
        await listed(window, "banana.png", "cherry.mp4", "Apple.png")
        await window.shows("3 results for fruit · largest first")
        await window.press("f", "p")
        await listed(window, "banana.png", "Apple.png")
        await window.shows("photos only")
        await window.press("o", "m", "f", "a")
        await window.until(lambda: "largest first" not in window.text() and len(names(window)) == 3)
        await window.press("o", "n", "escape")
        await window.shows("name, a to z")
        await window.press("/", *"size:>0", "enter")
        await listed(window, "Apple.png", "banana.png", "broken.png", "cherry.mp4")


async def test_the_go_to_menu_leads_to_places_and_screens(root: Path) -> None:
    await make_library(root, [Made(f"{number:03}.png") for number in range(100)])
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("099.png")
        await window.press("G")
        await window.shows("Go to", "b   bottom", "T   trash")
        assert "doctor" not in window.text(), "what cannot be done here is left out"
        await window.press("b")
        await window.shows("000.png")
        await window.until(lambda: window.uploads.cursor_line == 99)
        await window.press("G", "t")
        await window.until(lambda: window.uploads.cursor_line == 0)
        await window.press("G", "T")
        await window.until(lambda: isinstance(window.app.screen, TrashScreen))
        await window.press("escape", "G", "s")
        await window.until(lambda: isinstance(window.app.screen, StatsScreen))
        await window.press("escape", "g", "G", "b")
        await window.until(lambda: window.uploads.cursor_line == 99)
