"""The picker, operated as a person does, on real folders."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.text import Text
from textual import events, work
from textual.app import App
from textual.geometry import Size
from textual.pilot import Pilot

from tests.ui.conftest import NOW, PATIENCE_SECONDS
from tests.ui.screen_text import screen_text
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.picker import marks
from vuemantics_tui.ui.picker.file_list import FileList
from vuemantics_tui.ui.picker.places import Place
from vuemantics_tui.ui.picker.preview import Preview, PreviewOf
from vuemantics_tui.ui.picker.screen import PickerScreen
from vuemantics_tui.ui.themes import DARK

SIZES = [(80, 24), (120, 36)]
DAY = 86_400
UNCHOSEN = [Path("nothing was chosen yet")]


class PickingApp(App[None]):
    """Opens the picker at once, and keeps what it ends with."""

    CSS_PATH = VuemanticsApp.CSS_PATH
    BINDINGS = VuemanticsApp.BINDINGS

    def __init__(self, make: Callable[[], PickerScreen]) -> None:
        super().__init__()
        self.animation_level = "none"
        self.register_theme(DARK)
        self.theme = DARK.name
        self._make = make
        self.chosen: list[Path] | None = UNCHOSEN

    get_key_display = VuemanticsApp.get_key_display

    def on_mount(self) -> None:
        self._pick()

    @work
    async def _pick(self) -> None:
        self.chosen = await self.push_screen_wait(self._make())


@dataclass
class Picking:
    """The picker on the screen, with all that a test wants of it."""

    app: PickingApp
    pilot: Pilot[None]
    files: Path

    def text(self) -> str:
        return screen_text(self.app)

    @property
    def list(self) -> FileList:
        return self.app.screen.query_one(FileList)

    @property
    def under_cursor(self) -> str:
        entry = self.list.cursor_entry
        return entry.name if entry else ""

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"did not come true: {what}\n{self.text()}")
            await self.pilot.pause(0.01)

    async def shows(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.text() for text in texts), f"on the screen: {texts}")

    async def cursor_on(self, name: str) -> None:
        await self.until(lambda: self.under_cursor == name, f"the cursor is on {name}, not on {self.under_cursor}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def ends_with(self, *paths: Path) -> None:
        await self.until(lambda: self.app.chosen is not UNCHOSEN, "something is chosen")
        assert self.app.chosen == list(paths)


@dataclass
class Drawn:
    """Makes previews, and remembers of what."""

    asked: list[tuple[Path, Size]] = field(default_factory=list)
    fails: bool = False

    async def __call__(self, path: Path, size: Size) -> Preview:
        self.asked.append((path, size))
        if self.fails:
            raise ValueError("no picture")
        return Text(f"<picture of {path.name}>")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder with pictures; its times are those of the test's clock, in its time zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("HOME", str(tmp_path))
    pictures = tmp_path / "Pictures"
    for number in range(12):
        make(pictures / f"IMG_{number}.jpg", 1_000_000 * (number + 1), age=number * DAY)
    make(pictures / "harbour.mp4", 730_000, age=400 * DAY)
    make(pictures / "notes.txt", 20)
    make(pictures / ".secret.jpg", 20)
    make(pictures / "evil\x1b[31m\u202egpj.exe.png", 4_000, age=3 * DAY)
    for number in range(3):
        make(pictures / "2023" / f"DSC_{number}.jpg", 2_000_000, age=500 * DAY)
    make(pictures / "2024 Brittany" / "boat" / "sail.heic", 3_000_000)
    (pictures / "empty").mkdir()
    (pictures / "best").symlink_to("2023")
    (pictures / "gone.jpg").symlink_to("nowhere.jpg")
    for folder in (tmp_path, *tmp_path.rglob("*")):
        if folder.is_dir() and not folder.is_symlink():
            os.utime(folder, (NOW.timestamp(), NOW.timestamp() - 2 * DAY))
    yield pictures
    monkeypatch.undo()
    time.tzset()


def make(path: Path, size: int, age: float = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    changed = NOW.timestamp() - age
    os.utime(path, (changed, changed))


def picker(
    files: Path, start: Path | None = None, preview: PreviewOf | None = None, places: list[Place] | None = None
) -> PickerScreen:
    offered = places or [Place("Home", files.parent), Place("Pictures", files), Place("USB stick", Path("/media/usb"))]
    return PickerScreen(start=start or files, preview=preview, places=offered, clock=lambda: NOW)


@asynccontextmanager
async def picking(
    files: Path,
    *,
    size: tuple[int, int] = (100, 30),
    start: Path | None = None,
    preview: PreviewOf | None = None,
    first: str = "2023",
) -> AsyncIterator[Picking]:
    app = PickingApp(lambda: picker(files, start, preview))
    async with app.run_test(size=size) as pilot:
        window = Picking(app, pilot, files)
        await window.until(lambda: isinstance(app.screen, PickerScreen), "the picker is open")
        if first:
            await window.cursor_on(first)
        yield window


# Going about


async def test_folders_are_entered_and_left_with_the_cursor_where_one_came_from(files: Path) -> None:
    async with picking(files) as window:
        await window.press("j")
        await window.cursor_on("2024 Brittany")
        await window.press("enter")
        await window.cursor_on("boat")
        await window.press("l")
        await window.cursor_on("sail.heic")
        assert "~/Pictures/2024 Brittany/boat" in window.text()
        await window.press("l")  # no folder: nothing to enter
        await window.press("h")
        await window.cursor_on("boat")
        await window.press("backspace")
        await window.cursor_on("2024 Brittany")
        await window.press("left")
        await window.cursor_on("Pictures")
        await window.press("right")
        await window.cursor_on("2024 Brittany")


async def test_a_file_to_begin_with_is_under_the_cursor(files: Path) -> None:
    async with picking(files, start=files / "IMG_3.jpg", first="IMG_3.jpg") as window:
        assert "not there" not in window.text()


async def test_of_a_folder_that_has_gone_the_nearest_is_shown(files: Path) -> None:
    async with picking(files, start=files / "2019" / "May") as window:
        await window.shows("~/Pictures/2019/May is not there; this is the nearest folder")
        await window.press("down")
        await window.until(lambda: "is not there" not in window.text(), "the note goes with the next move")


async def test_a_folder_that_cannot_be_read_says_so(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "2023":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(os, "scandir", refuse)
    async with picking(files) as window:
        await window.press("enter")
        await window.shows("You may not read this folder")
        await window.press("h")
        await window.cursor_on("2023")
        await window.press("down")
        await window.cursor_on("2024 Brittany")


async def test_a_folder_without_media_says_what_would_show_more(files: Path) -> None:
    make(files / "empty" / "notes.txt", 5)
    async with picking(files, start=files / "empty", first="") as window:
        await window.shows("No pictures or videos here, 1 other file.", "m shows all files")
        await window.press("m")
        await window.cursor_on("notes.txt")


async def test_the_cursor_moves_by_pages_and_to_both_ends(files: Path) -> None:
    async with picking(files, size=(80, 12)) as window:
        await window.press("end")
        assert window.under_cursor == "IMG_11.jpg"
        assert "IMG_11.jpg" in window.text()
        await window.press("pageup")
        assert window.under_cursor == "IMG_5.jpg"
        await window.press("pagedown", "home")
        assert window.under_cursor == "2023"
        assert "IMG_11.jpg" not in window.text()


async def test_what_came_meanwhile_is_read_on_demand(files: Path) -> None:
    async with picking(files) as window:
        await window.press("down")
        make(files / "1999.jpg", 5)
        await window.press("r")
        await window.shows("1999.jpg")
        assert window.under_cursor == "2024 Brittany"


# How it is shown


async def test_names_are_narrowed_as_one_types(files: Path) -> None:
    async with picking(files) as window:
        await window.pilot.press("slash", *"img_1")
        await window.until(lambda: len(window.list.entries) == 3, "three names have that in them")
        await window.press("down")
        assert window.under_cursor == "IMG_10.jpg", "the cursor moves while one types"
        await window.press("enter", "down")
        await window.cursor_on("IMG_11.jpg")
        await window.press("slash", "escape")
        await window.until(lambda: len(window.list.entries) > 3, "all are shown again")
        assert window.under_cursor == "IMG_11.jpg"
        await window.press("slash", *"img_1", "enter")
        await window.until(lambda: len(window.list.entries) == 3, "narrowed again")
        await window.press("escape")
        await window.until(lambda: len(window.list.entries) > 3, "Escape in the list first ends the filter")
        assert window.app.chosen is UNCHOSEN


async def test_a_filter_that_nothing_passes_says_so_and_leads_back(files: Path) -> None:
    async with picking(files) as window:
        await window.pilot.press("slash", *"zzz")
        await window.shows("No name contains “zzz”", "Esc shows all files")
        await window.press("escape")
        await window.cursor_on("2023")
        await window.press("down")
        await window.cursor_on("2024 Brittany")


async def test_a_filter_ends_with_the_folder(files: Path) -> None:
    async with picking(files) as window:
        await window.pilot.press("slash", *"2023", "enter")
        await window.until(lambda: len(window.list.entries) == 1, "narrowed")
        await window.press("enter")
        await window.shows("DSC_0.jpg", "/ filter by name")


async def test_the_order_changes_and_is_told(files: Path) -> None:
    async with picking(files) as window:
        await window.shows("media only, by name")
        await window.press("o")
        await window.shows("media only, newest first")
        await window.until(lambda: window.list.entries[-1].name in ("gone.jpg", "harbour.mp4"), "the oldest is last")
        await window.press("o")
        await window.shows("media only, largest first")
        files_only = [entry.name for entry in window.list.entries if not entry.is_folder]
        assert files_only[0] == "IMG_11.jpg"
        assert window.under_cursor == "2023", "the cursor stays on its entry"


async def test_other_and_hidden_files_are_shown_on_demand(files: Path) -> None:
    async with picking(files, size=(100, 40)) as window:
        assert "notes.txt" not in window.text()
        await window.press("m")
        await window.shows("notes.txt", "all files, by name", "m media only")
        assert ".secret.jpg" not in window.text()
        await window.press("full_stop")
        await window.shows(".secret.jpg", "include hidden")
        await window.press("m", "full_stop")
        await window.until(lambda: "notes" not in window.text() and ".secret" not in window.text(), "hidden again")


# Marks, and the end


async def test_marks_survive_changing_folders_and_are_what_is_chosen(files: Path) -> None:
    async with picking(files) as window:
        await window.press("down", "down", "down", "down", "down")
        marked = window.under_cursor
        await window.press("space", "space", "home", "enter")
        await window.cursor_on("DSC_0.jpg")
        await window.press("space")
        await window.shows("3 files marked")
        await window.press("space", "h")
        await window.cursor_on("2023")
        await window.press("j", "space")
        await window.shows("4 files, 1 folder marked")
        await window.press("A")
        await window.until(lambda: window.app.chosen is not UNCHOSEN, "it ends")
        assert window.app.chosen is not None
        assert [path.name for path in window.app.chosen] == [
            marked, "IMG_0.jpg", "DSC_0.jpg", "DSC_1.jpg", "2024 Brittany",
        ]  # fmt: skip


async def test_enter_on_a_file_chooses_it_alone(files: Path) -> None:
    async with picking(files, start=files / "IMG_3.jpg", first="IMG_3.jpg") as window:
        await window.shows("Enter add")
        await window.press("enter")
        await window.ends_with(files / "IMG_3.jpg")


async def test_enter_on_a_file_chooses_what_is_marked(files: Path) -> None:
    async with picking(files, start=files / "IMG_3.jpg", first="IMG_3.jpg") as window:
        await window.press("space", "enter")
        await window.ends_with(files / "IMG_3.jpg")


async def test_a_link_that_leads_nowhere_is_not_chosen(files: Path) -> None:
    async with picking(files) as window:
        await window.press("m")
        await window.until(lambda: len(window.list.entries) > 19, "all files are shown")
        await window.press(*["down"] * 5)
        assert window.under_cursor == "gone.jpg"
        await window.press("enter")
        await window.shows("This link is broken.")
        assert window.app.chosen is UNCHOSEN


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_leaving_chooses_nothing_and_asks_nothing(files: Path, key: str) -> None:
    async with picking(files) as window:
        await window.press("space", key)
        await window.until(lambda: window.app.chosen is not UNCHOSEN, "it ends")
        assert window.app.chosen is None
        assert window.app.is_running


async def test_a_range_and_all_that_is_shown_are_marked(files: Path) -> None:
    async with picking(files, start=files / "IMG_3.jpg", first="IMG_3.jpg") as window:
        await window.press("V", "down", "down", "up")
        await window.shows("2 files marked")
        await window.press("V", "down", "down")
        await window.shows("2 files marked")
        await window.press("asterisk")
        await window.shows("14 files, 4 folders marked")
        await window.press("asterisk")
        await window.shows("nothing marked")


async def test_a_range_ends_where_the_folder_does(files: Path) -> None:
    async with picking(files) as window:
        await window.press("V", "down", "enter")
        await window.cursor_on("boat")
        await window.press("h")
        await window.cursor_on("2024 Brittany")
        await window.press("down", "down")
        await window.shows("2 folders marked")


async def test_the_total_of_marked_folders_is_told_before_they_are_added(files: Path) -> None:
    async with picking(files) as window:
        await window.press("A")
        await window.shows("1 folder marked", "3 files, 6.0 MB will be added", "A add marked")
        assert window.app.chosen is UNCHOSEN, "its total has to be seen first"
        await window.press("A")
        await window.ends_with(files / "2023")


async def test_an_unfinished_count_is_told_and_can_be_passed_over(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    ended = threading.Event()

    def slow(folder: Path, tally: marks.Tally) -> None:
        tally.files, tally.size = 7, 5_000_000
        while not released.is_set() and not tally.stopped:
            released.wait(0.01)
        ended.set()

    monkeypatch.setattr(marks, "count_below", slow)
    try:
        async with picking(files) as window:
            await window.press("space")
            await window.shows("counting… 7 files, 5.0 MB so far")
            await window.press("A")
            await window.shows("Still counting")
            assert window.app.chosen is UNCHOSEN
            await window.press("A")
            await window.ends_with(files / "2023")
            assert await asyncio.to_thread(ended.wait, PATIENCE_SECONDS), "the thread ends with the picker"
            assert not released.is_set()
    finally:
        released.set()


async def test_the_folder_under_the_cursor_is_counted_on_demand(files: Path) -> None:
    async with picking(files, size=(120, 30)) as window:
        await window.shows("c counts its files")
        await window.press("c")
        await window.shows("3 files, 6.0 MB in it")
        assert "nothing marked" in window.text()


# Paths and places


async def test_a_typed_path_is_completed_and_gone_to(files: Path) -> None:
    async with picking(files) as window:
        await window.pilot.press("g", *"20")
        await window.shows("2023/", "2024 Brittany/", "Tab complete")
        await window.press("tab")
        await window.shows("go to 202")
        await window.press("4", "tab")
        await window.shows("Brittany/", "boat/")
        await window.press("enter")
        await window.cursor_on("boat")


async def test_a_path_that_is_not_there_is_explained_and_stays(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    async with picking(files, size=(160, 30)) as window:
        await window.pilot.press("tilde", *"nope", "enter")
        await window.shows("go to ~/nope", "✗ There is no", "Check the spelling:")
        await window.press("escape")
        await window.until(lambda: "go to" not in window.text(), "the field is closed")
        await window.press("down")
        await window.cursor_on("2024 Brittany")


async def test_a_dropped_file_is_marked_and_shown(files: Path) -> None:
    async with picking(files) as window:
        window.app.screen.post_message(events.Paste(f"'{files / '2023' / 'DSC_1.jpg'}' '{files / 'IMG_3.jpg'}'\n"))
        await window.cursor_on("DSC_1.jpg")
        await window.shows("2 files marked", "~/Pictures/2023")


async def test_a_dropped_path_of_another_machine_is_explained(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    async with picking(files, size=(160, 30)) as window:
        window.app.screen.post_message(events.Paste("/data/anna/a.jpg"))
        await window.shows("go to /data/anna/a.jpg", "over SSH", "@192.0.2.1:")


async def test_a_path_that_is_dropped_as_keys_is_no_filter(files: Path) -> None:
    async with picking(files) as window:
        await window.pilot.press(*str(files / "2023" / "DSC_1.jpg"), "enter")
        await window.cursor_on("DSC_1.jpg")
        await window.shows("1 file marked", "/ filter by name")


@pytest.mark.parametrize("width", [80, 120])
async def test_places_lead_away_and_back(files: Path, width: int) -> None:
    async with picking(files, size=(width, 24)) as window:
        assert ("USB stick" in window.text()) == (width >= 100)
        await window.press("p")
        await window.shows("USB stick", "Enter go")
        assert "A add" not in window.text(), "what is hidden behind the places cannot be marked"
        await window.press("q", "down")
        await window.cursor_on("2024 Brittany")
        await window.press("p", "enter")
        await window.cursor_on("Pictures")


# The preview


async def test_only_the_file_on_which_the_cursor_rests_is_drawn(files: Path) -> None:
    drawn = Drawn()
    async with picking(files, size=(120, 36), preview=drawn) as window:
        await window.press(*["down"] * 4)
        for _ in range(3):
            window.list.move_by(1)
        await window.shows("<picture of IMG_1.jpg>", "JPEG", "2.0 MB", "changed 3 May 2026 12:00")
        assert {path.name for path, _ in drawn.asked} <= {"IMG_1.jpg"} | {window.list.entries[4].name}
        width, height = drawn.asked[-1][1]
        assert 30 < width < 60
        assert 10 < height < 30
        await window.press("home")
        await window.until(lambda: "<picture" not in window.text(), "folders have no picture")


async def test_a_preview_that_fails_leaves_the_words(files: Path) -> None:
    drawn = Drawn(fails=True)
    async with picking(files, size=(120, 36), preview=drawn, start=files / "IMG_2.jpg", first="IMG_2.jpg") as window:
        await window.until(lambda: bool(drawn.asked), "it is asked for")
        await window.shows("3.0 MB", "changed 2 May 2026 12:00")
        assert window.app.is_running


async def test_nothing_is_drawn_that_is_not_shown(files: Path) -> None:
    drawn = Drawn()
    async with picking(files, size=(80, 24), preview=drawn, start=files / "IMG_2.jpg", first="IMG_2.jpg") as window:
        await window.press("down")
        running = [worker for worker in window.app.workers if worker.group == "preview"]
        await window.until(lambda: all(worker.is_finished for worker in running), "nothing is being drawn")
        assert drawn.asked == []


# Looks and size


async def test_a_folder_of_20000_files_opens_at_once(files: Path) -> None:
    many = files / "many"
    many.mkdir()
    for number in range(20_000):
        (many / f"IMG_{number}.jpg").touch()
    async with picking(files, start=many, first="") as window:
        begun = time.monotonic()
        await window.shows("20,000 entries")
        assert time.monotonic() - begun < 3.0
        await window.press("end")
        assert window.under_cursor == "IMG_19999.jpg"
        lines = []
        render = window.list.render_line
        window.list.render_line = lambda y: lines.append(y) or render(y)  # type: ignore[method-assign,func-returns-value]
        await window.press("up")
        assert 0 < len(lines) <= 4, "a move of the cursor draws its two lines, not the list"


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_each_size_has_room_for_what_matters(files: Path, size: tuple[int, int]) -> None:
    async with picking(files, size=size) as window:
        await window.press("space")
        await window.shows(
            "will be added", "~/Pictures", "1 folder marked", "2024 Brittany/", "Esc leave", "A add marked"
        )
        assert all(len(line) <= size[0] for line in window.text().splitlines())


async def test_a_window_that_is_too_small_says_so(files: Path) -> None:
    async with picking(files, size=(39, 12)) as window:
        await window.shows("The window is too small: 39×12")
        await window.pilot.resize_terminal(80, 24)
        await window.shows("IMG_1.jpg")


Compare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]


def before(*keys: str, shows: str) -> Before:
    """Wait for the list, press keys, wait for a text."""

    async def run(pilot: Pilot[None]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "2024 Brittany" not in screen_text(pilot.app):
                await pilot.pause(0.01)
            await pilot.press(*keys)
            while shows not in screen_text(pilot.app):
                await pilot.pause(0.01)
            await pilot.pause()

    return run


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    ("keys", "shows"),
    [
        pytest.param(("space", *["down"] * 4, "space"), "6.7 MB will", id="marked"),
        pytest.param(("slash", *"img_1"), "3 entries", id="filtered"),
        pytest.param(("tilde", *"Pic"), "Pictures/", id="path"),
        pytest.param(("p",), "Enter go", id="places"),
        pytest.param(("slash", *"zzz"), "No name contains", id="nothing"),
    ],
)
def test_looks(snap_compare: Compare, files: Path, size: tuple[int, int], keys: tuple[str, ...], shows: str) -> None:
    app = PickingApp(lambda: picker(files, preview=Drawn()))
    assert snap_compare(app, terminal_size=size, run_before=before(*keys, shows=shows))
