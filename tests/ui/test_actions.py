"""One registry of actions: what binds, what is shown, what can be renamed, and what is said of it all agree."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import pytest
from rich.cells import cell_len
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen

from tests.conftest import put_library
from tests.doubles import ThreadCompute
from tests.ui.conftest import Made, StillAnalyzer, Window, make_library, settings_for, window_on
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library
from vuemantics_tui.paths import settings_file
from vuemantics_tui.ui import actions
from vuemantics_tui.ui.actions import (
    action,
    actions_of,
    actions_on,
    all_actions,
    around,
    help_title,
    key_of,
    key_words,
    keys_table,
    owners,
    parts_of,
    places,
)
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.keymap import checked_keymap
from vuemantics_tui.ui.palette import ActionsProvider
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.uploads.table import UploadTable
from vuemantics_tui.ui.widgets.keys_line import HELP, KeysLine, fitting

KEYS_PAGE = Path(__file__).parents[2] / "docs" / "KEYS.md"


@asynccontextmanager
async def window_with(root: Path, *, size: tuple[int, int] = (100, 30), **options: Any) -> AsyncIterator[Window]:
    """The app with options of its own, on a library."""
    analyzer = StillAnalyzer()
    await put_library(root)
    library = await Library.open(settings_for(root), analyzer=analyzer, compute=ThreadCompute())
    try:
        app = VuemanticsApp(library, process=False, **options)
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Window(app, pilot, library, analyzer)
    finally:
        await library.close()


# What classes declare

OWNERS = owners()


def test_an_id_is_taken_once() -> None:
    declared = all_actions()
    assert len({each.id for each in declared}) == len(declared)
    with pytest.raises(ValueError, match="two actions are called delete-upload"):
        action("delete-upload", "Z", "nothing", "nothing", "Nothing", actions.ACT)


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
def test_no_class_gives_a_key_to_two_actions_and_does_each_of_them(owner: type[DOMNode]) -> None:
    keys = Counter(key for each in actions_of(owner) for key in each.keys)
    assert [key for key, count in keys.items() if count > 1] == []
    for each in actions_of(owner):
        name = each.action.partition("(")[0]
        place, _, name = name.rpartition(".")
        around_it = [screen for screen in OWNERS if owner in parts_of(screen)]
        known: dict[str, list[type[DOMNode]]] = {"app": [VuemanticsApp], "screen": around_it, "": [owner]}
        targets = known[place]
        assert targets
        assert all(hasattr(target, f"action_{name}") for target in targets), f"nothing does {each.id}"
        assert each.tooltip
        assert each.description
        assert each.help_group


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
def test_everything_with_keys_has_a_place_in_the_help_and_in_the_check_of_clashes(owner: type[DOMNode]) -> None:
    screens = [each for each in OWNERS if issubclass(each, Screen)]
    if issubclass(owner, App | Screen):
        assert help_title(owner)
    else:
        # A base of parts, as a list with a cursor is, stands for all that are made from it.
        assert any(issubclass(part, owner) for screen in screens for part in (*parts_of(screen), *around(screen)))


def test_every_action_is_in_the_table_of_some_place() -> None:
    listed = {each.id for place in places() for each in place.actions}
    assert listed == {each.id for each in all_actions()}
    assert places()[0].title == "The list of uploads"


def test_by_default_no_two_actions_that_are_active_together_share_a_key() -> None:
    for front in (UploadTable, Gallery):
        together = actions_on(UploadsScreen) + actions_of(front) + actions_of(VuemanticsApp)
        keys = Counter(key for each in together for key in each.keys)
        assert [key for key, count in keys.items() if count > 1] == []


def test_no_key_is_needed_that_tmux_or_a_plain_terminal_keeps() -> None:
    chosen = [each.keys for each in all_actions()]
    # Ctrl+S saves, too, but not alone.
    needed = {key for keys in chosen if all(key.startswith(("ctrl", "alt")) for key in keys) for key in keys}
    assert needed == {"ctrl+p", "ctrl+q", "ctrl+c", "ctrl+z"}
    assert ("f2", "ctrl+s") in chosen


def test_the_page_of_keys_is_what_the_classes_declare() -> None:
    found = re.search(r"<!-- keys -->\n(.*?)<!-- /keys -->", KEYS_PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None, "docs/KEYS.md has no tables of keys"
    assert found[1].strip() == keys_table().strip()


def test_the_table_of_keys_names_every_action_with_all_its_keys() -> None:
    table = keys_table()
    for each in all_actions():
        keys = " ".join(f"`{key_words(key)}`" for key in each.keys)
        assert f"| {keys} | {each.tooltip} | `{each.id}` |" in table
    assert all(f"**{place.title}**" in table for place in places())


def test_the_tables_need_no_app_and_no_terminal() -> None:
    code = "from vuemantics_tui.ui.actions import all_actions; print(len(all_actions()))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, stdin=DEVNULL)
    assert int(told.stdout) == len(all_actions())


@pytest.mark.parametrize(
    ("key", "words"),
    [("d", "d"), ("D", "D"), ("+", "+"), ("slash", "/"), ("pageup", "Page Up"), ("ctrl+p", "Ctrl+P"), ("f1", "F1")],
)
def test_keys_are_called_as_a_person_calls_them(key: str, words: str) -> None:
    assert key_words(key) == words


# Keys from the settings


@pytest.mark.parametrize(
    ("chosen", "keymap"),
    [
        pytest.param({"delete-upload": "Z"}, {"delete-upload": "Z"}, id="one"),
        pytest.param({"show-help": ";, f7"}, {"show-help": "semicolon,f7"}, id="several"),
        pytest.param({"delete-upload": "shift+z"}, {"delete-upload": "Z"}, id="shift"),
        pytest.param({"retry-upload": "p", "toggle-pause": "r"}, {"retry-upload": "p", "toggle-pause": "r"}, id="swap"),
        pytest.param({"quit-anywhere": "f10"}, {"quit-anywhere": "f10,ctrl+q,ctrl+c"}, id="quit stays"),
        pytest.param({"scroll-down": "o"}, {"scroll-down": "o"}, id="never active together"),
        pytest.param({"quit": "v", "toggle-pane": "q"}, {"quit": "v", "toggle-pane": "q"}, id="another place"),
    ],
)
def test_chosen_keys_are_taken(chosen: Mapping[str, str], keymap: Mapping[str, str]) -> None:
    assert checked_keymap(chosen) == (keymap, [])


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"delete-uplod": "D"}, "there is no action delete-uplod; did you mean delete-upload?"),
        ({"sort-by": "d"}, "d is already the key of delete-upload; sort-by keeps o"),
        ({"cursor-down": "q"}, "q is already the key of quit; cursor-down keeps ↓ j"),
        ({"agree": "ctrl+c"}, "Ctrl+C is already the key of quit-question; agree keeps y"),
        ({"sort-by": "contrl+o"}, "there is no key contrl+"),
        ({"sort-by": "pgdown"}, "did you mean pagedown?"),
        ({"sort-by": " , "}, "not a key"),
        ({"submit-paths": "x"}, "in a field x is text; it keeps Enter"),
        ({"quit-anywhere": "z"}, "in a field z is text; it keeps Ctrl+Q Ctrl+C"),
    ],
)
def test_what_is_wrong_with_chosen_keys_is_named_and_costs_only_them(chosen: Mapping[str, str], told: str) -> None:
    keymap, problems = checked_keymap({**chosen, "filter-by": "Z"})
    assert keymap == {"filter-by": "Z"}
    [problem] = problems
    assert told in problem


def test_of_two_that_choose_the_same_key_one_has_it() -> None:
    keymap, problems = checked_keymap({"sort-by": "Z", "filter-by": "Z"})
    assert keymap == {"sort-by": "Z"}
    assert problems == ["keys: Z is already the key of sort-by; filter-by keeps f"]


async def test_a_chosen_key_works_and_is_shown_and_the_old_one_is_free(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_with(root, size=(120, 30), keys={"delete-upload": "Z", "show-log": "f7"}) as window:
        await window.shows("Z delete")
        await window.press("d")
        assert window.app.screen is window.app.screen_stack[0]
        await window.press("Z")
        await window.shows("Moved x.png to the trash.")
        await window.press("f7")
        await window.shows("Log of this session")


async def test_wrong_settings_are_told_at_the_start_and_stand_in_the_log(root: Path) -> None:
    keys = {"delete-uplod": "D", "sort-by": "d"}
    problems = [f"settings.toml, line {line}: there is no setting x{line}" for line in range(4)]
    async with window_with(root, keys=keys, theme="vuemantic", problems=problems) as window:
        await window.shows("settings.toml, line 0", "3 more in the log: press F12.")
        assert window.app.theme == "vuemantics"
        await window.press("f12")
        await window.shows("warning", "did you mean delete-upload?", "there is no theme vuemantic")


async def test_no_keymap_takes_away_the_way_out(root: Path) -> None:
    async with window_with(root, keys={"quit": "f9", "quit-anywhere": "f10", "sort-by": "ctrl+q"}) as window:
        await window.press("q")
        await window.press("ctrl+q")
        await window.until(lambda: not window.app.is_running)


# The line of keys


def test_the_line_of_keys_drops_whole_entries_and_never_help_and_quit_first() -> None:
    entries = [(each.id or "", each.key, each.key, each.description) for each in actions_of(UploadsScreen)]
    entries += [(HELP, "?", "?", "help"), ("quit", "q", "q", "quit")]
    for width in range(2, 600):
        kept = fitting(entries, width)
        cells = sum(cell_len(f"{shown} {words}".strip()) + 2 for *_, shown, words in kept) - 2
        assert cells <= width
        names = [name for name, *_ in kept]
        assert names == sorted(names, key=[name for name, *_ in entries].index)
        assert names[-1] == "quit"
        if width >= 14:
            assert names[-2] == HELP
        if width >= 6:
            assert all(entry in entries for entry in kept), "a label was cut"
    assert len(fitting(entries, 1_000)) == len(entries)


def test_the_way_back_stays_in_a_narrow_line_of_keys() -> None:
    entries = [("keep", "enter", "Enter", "keep"), ("next", "n", "n", "next"), ("back", "escape", "Esc", "back")]
    assert [name for name, *_ in fitting([*entries, (HELP, "?", "?", "help")], 28)] == ["keep", "back", HELP]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_help_and_quit_are_in_sight_at_every_width(root: Path, width: int) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root, size=(width, 24)) as window:
        await window.shows("Enter view", "? help", "q quit")
        [line] = window.app.screen.query(KeysLine)
        assert cell_len(line.render().plain.rstrip()) <= width - 2


# The palette


async def test_the_palette_offers_every_action_of_the_screen_and_runs_it(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("x.png")
        hits = [hit async for hit in ActionsProvider(window.app.screen).discover()]
        offered = {(str(hit.text).lower(), hit.help) for hit in hits}
        for each in actions_on(UploadsScreen) + actions_of(UploadTable):
            assert (each.description, each.tooltip) in offered
        assert str(hits[0].prompt) == "Add  a", "what is wanted most stands first"
        await window.press("ctrl+p")
        await window.press(*"pause")
        await window.shows("Pause or resume")
        await window.press("enter", "enter")
        await window.shows("Queue paused for everyone using this library.")
        assert (await window.library.queue.store.counts()).paused


async def test_the_palette_finds_an_action_by_what_it_does(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("x.png")
        hits = [hit async for hit in ActionsProvider(window.app.screen).search("system viewer")]
        assert [hit.text for hit in hits] == ["Open original"]


async def test_the_palette_offers_only_what_can_be_done(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        offered = [hit.text async for hit in ActionsProvider(window.app.screen).discover()]
        assert "Add" in offered
        assert "Delete" not in offered


async def test_the_palette_backs_up_the_library_and_tells_when_that_was_done_last(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("ctrl+p", *"back up")
        await window.shows("Back up the library", "No backup yet")
        await window.press("enter", "enter")
        await window.says("Backed up the library")
        assert len(list((root / "backups").glob("daily-*.db"))) == 1
        await window.press("ctrl+p", *"back up")
        await window.shows("Last backup: just now")


async def test_a_theme_is_previewed_and_remembered_once_it_is_chosen(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("ctrl+p", *"theme")
        await window.shows("Theme: vuemantics-light")
        await window.press("down", "down")
        await window.until(lambda: window.app.theme == "vuemantics-light")
        await window.press("escape")
        await window.until(lambda: window.app.theme == "vuemantics")
        assert not settings_file().exists()
        await window.press("ctrl+p", *"theme: vuemantics-light")
        await window.shows("Theme: vuemantics-light")
        await window.press("enter", "enter")
        await window.until(lambda: window.app.theme == "vuemantics-light")
        await window.until(lambda: Settings.load(environment={}).theme == "vuemantics-light")


async def test_a_theme_that_cannot_be_remembered_lasts_for_the_session(root: Path) -> None:
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text("theme = \n")
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("ctrl+p", *"theme: vuemantics-light")
        await window.shows("Theme: vuemantics-light")
        await window.press("enter", "enter")
        await window.says("is not valid TOML", "Repair it.", "Your choice lasts until you quit.")
        assert window.app.theme == "vuemantics-light"
        assert settings_file().read_text() == "theme = \n"


async def test_what_is_said_names_the_keys_that_were_chosen(tmp_path: Path) -> None:
    async with window_with(tmp_path / "library", keys={"add-paths": "Z", "show-log": "f4"}) as window:
        await window.shows("Press Z to add photos")
        assert key_of(window.app, "add-paths") == key_of(window.app.screen, "add-paths") == "Z"
        assert key_of(window.app, "restore-upload") == "Enter", "the screen was not opened yet"
        window.app.notices.tell_error(ValueError("a defect"))
        await window.shows("Press F4 for the log.")


async def test_a_chosen_key_is_named_in_the_footer_the_help_the_palette_and_in_messages(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    keys = {"show-trash": "f7", "delete-upload": "Z", "trash-back": "f3", "undo": "f6"}
    async with window_with(root, size=(120, 60), keys=keys) as window:
        await window.shows("x.png", "Z delete")
        prompts = [str(hit.prompt) async for hit in ActionsProvider(window.app.screen).discover()]
        assert "Delete  Z" in prompts
        await window.press("question_mark")
        await window.shows("Move to the trash")
        lines = {" ".join(line.split()) for line in window.text().splitlines()}
        assert any("Z Move to the trash" in line for line in lines)
        assert any("F7 Show the trash, and restore from it" in line for line in lines)
        await window.press("escape", "Z")
        await window.shows("Moved x.png to the trash. F6 undoes.")
        await window.press("f7")
        await window.shows("Trash  1 upload", "F3 back")
