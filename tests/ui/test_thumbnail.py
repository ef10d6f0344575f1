"""The widget of a picture, in an app."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from textual.app import App, ComposeResult
from textual.strip import Strip

from tests.ui.drawn_cells import CORNERS, GREEN, RED, WHITE, cells, enlarged, save
from tests.ui.screen_text import screen_strips, screen_text
from vuemantics_tui.ui.pictures.loader import Depth, Graphics, PictureLoader, PictureMode, mode_of
from vuemantics_tui.ui.themes import DARK
from vuemantics_tui.ui.widgets.thumbnail import Thumbnail


class ThumbnailApp(App[None]):
    """One thumbnail, as wide as the window."""

    CSS = "#stage { height: 100%; }"

    def __init__(self, loader: PictureLoader, *, most_rows: int = 8) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.console = Console(color_system="truecolor", force_terminal=True)
        self.thumbnail = Thumbnail(loader, most_rows=most_rows)

    def compose(self) -> ComposeResult:
        yield self.thumbnail

    async def settle(self) -> None:
        await self.workers.wait_for_complete()


def shown(app: App[None]) -> list[str]:
    return screen_text(app).splitlines()


async def test_the_widget_is_as_high_as_its_picture_and_centres_it(tmp_path: Path) -> None:
    path = save(tmp_path / "thumb.png", enlarged(CORNERS, 32))
    app = ThumbnailApp(PictureLoader())
    async with app.run_test(size=(20, 12)) as pilot:
        app.thumbnail.show(path)
        await app.settle()
        await pilot.pause()
        assert app.thumbnail.size.height == 8
        # Equal colours above each other are blanks with a background: only the row with two colours has letters.
        strips = screen_strips(app)
        assert cells(strips[0])[2] == (" ", None, RED)
        assert cells(strips[0])[17] == (" ", None, GREEN)
        assert cells(strips[7])[17] == (" ", None, WHITE)
        assert cells(strips[0])[1][2] not in (RED, None)


async def test_the_widget_says_in_words_that_there_is_no_picture(tmp_path: Path) -> None:
    app = ThumbnailApp(PictureLoader())
    async with app.run_test(size=(30, 12)) as pilot:
        app.thumbnail.show(tmp_path / "gone.jpg")
        await app.settle()
        await pilot.pause()
        assert [line.strip() for line in shown(app) if line.strip()] == ["no thumbnail yet"]
        app.thumbnail.show(None, "no thumbnail")
        await app.settle()
        await pilot.pause()
        assert [line.strip() for line in shown(app) if line.strip()] == ["no thumbnail"]


async def test_the_widget_draws_again_for_another_size_only(tmp_path: Path) -> None:
    path = save(tmp_path / "thumb.png", enlarged(CORNERS, 32))
    boxes: list[tuple[int, int]] = []

    class Counting(PictureLoader):
        async def load(self, path: Path, columns: int, rows: int, mode: PictureMode) -> tuple[Strip, ...] | None:
            boxes.append((columns, rows))
            return await super().load(path, columns, rows, mode)

    app = ThumbnailApp(Counting(), most_rows=4)
    async with app.run_test(size=(20, 12)) as pilot:
        app.thumbnail.show(path)
        await app.settle()
        await pilot.pause()
        drawn = list(boxes)
        app.thumbnail.show(path)
        await app.settle()
        assert boxes == drawn
        await pilot.resize_terminal(6, 12)
        await pilot.pause()
        await app.settle()
        assert boxes[-1] == (6, 4)
        await pilot.pause()
        assert app.thumbnail.size.height == 3


@pytest.mark.parametrize(
    ("system", "depth"),
    [
        ("truecolor", Depth.TRUE_COLOUR),
        ("256", Depth.PALETTE),
        ("standard", Depth.SIXTEEN),
        (None, Depth.SHADES),
    ],
)
def test_the_colours_are_those_that_the_app_writes(system: str | None, depth: Depth) -> None:
    app = ThumbnailApp(PictureLoader())
    app.console = Console(color_system=system, force_terminal=True)  # type: ignore[arg-type]
    assert mode_of(app, Graphics()) == PictureMode(depth)


def test_the_terminals_own_colours_without_colour_are_shades() -> None:
    app = ThumbnailApp(PictureLoader())
    app.no_color = True
    assert mode_of(app, Graphics()).depth is Depth.TRUE_COLOUR
    app.theme = "ansi-dark"
    assert mode_of(app, Graphics()).depth is Depth.SHADES
