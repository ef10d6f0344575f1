"""One registry of actions: what binds, what is shown, what can be renamed, and what is said of it all agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.dom import DOMNode

from tests.doubles import ThreadCompute
from tests.ui.conftest import Made, StillAnalyzer, Window, make_library, settings_for, window_on
from vuemantics_tui.library import Library
from vuemantics_tui.ui import actions
from vuemantics_tui.ui.actions import PLACES, Action, all_actions, key_words, keys_table
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.keymap import checked_keymap
from vuemantics_tui.ui.palette import ActionsProvider
from vuemantics_tui.ui.picker.fields import FilterInput, GoInput
from vuemantics_tui.ui.picker.file_list import FileList
from vuemantics_tui.ui.picker.place_list import PlaceList
from vuemantics_tui.ui.screens.ask import AskInput
from vuemantics_tui.ui.screens.confirm import ConfirmScreen
from vuemantics_tui.ui.screens.descriptions import DescriptionList, DescriptionsScreen
from vuemantics_tui.ui.screens.detail import DetailScreen
from vuemantics_tui.ui.screens.doctor import DoctorScreen
from vuemantics_tui.ui.screens.duplicates import DuplicatesScreen
from vuemantics_tui.ui.screens.edit import EditScreen
from vuemantics_tui.ui.screens.failures import FailureList, FailuresScreen
from vuemantics_tui.ui.screens.filter import FilterScreen
from vuemantics_tui.ui.screens.help import HelpScreen
from vuemantics_tui.ui.screens.log import LogScreen
from vuemantics_tui.ui.screens.overwrite import OverwriteScreen
from vuemantics_tui.ui.screens.picker import PickerScreen
from vuemantics_tui.ui.screens.saved import SavedList, SavedScreen
from vuemantics_tui.ui.screens.stats import StatsScreen
from vuemantics_tui.ui.screens.trash import TrashList, TrashScreen
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.path_field import PathInput
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.uploads.search_bar import SearchInput
from vuemantics_tui.ui.uploads.table import UploadTable
from vuemantics_tui.ui.widgets.keys_line import HELP, KeysLine, fitting

README = Path(__file__).parents[2] / "README.md"
OWNERS: list[tuple[type[DOMNode], Sequence[Action]]] = [
    (VuemanticsApp, actions.APP),
    (UploadsScreen, actions.UPLOADS_SCREEN),
    (UploadTable, actions.UPLOAD_TABLE),
    (Gallery, actions.GALLERY),
    (DetailScreen, actions.DETAIL_SCREEN),
    (PathInput, actions.PATH_FIELD),
    (SearchInput, actions.SEARCH_FIELD),
    (FilterScreen, actions.FILTER_SCREEN),
    (PickerScreen, actions.PICKER_SCREEN),
    (FileList, actions.FILE_LIST),
    (FilterInput, actions.FILTER_FIELD),
    (GoInput, actions.GO_FIELD),
    (PlaceList, actions.PLACE_LIST),
    (ConfirmScreen, actions.CONFIRM_SCREEN),
    (OverwriteScreen, actions.OVERWRITE_SCREEN),
    (EditScreen, actions.EDIT_SCREEN),
    (AskInput, actions.ASK_FIELD),
    (TrashScreen, actions.TRASH_SCREEN),
    (TrashList, actions.TRASH_LIST),
    (SavedScreen, actions.SAVED_SCREEN),
    (SavedList, actions.SAVED_LIST),
    (DuplicatesScreen, actions.DUPLICATES_SCREEN),
    (StatsScreen, actions.STATS_SCREEN),
    (FailuresScreen, actions.FAILURES_SCREEN),
    (FailureList, actions.FAILURE_LIST),
    (DescriptionsScreen, actions.DESCRIPTIONS_SCREEN),
    (DescriptionList, actions.DESCRIPTION_LIST),
    (DoctorScreen, actions.DOCTOR_SCREEN),
    (LogScreen, actions.LOG_SCREEN),
    (HelpScreen, actions.HELP_SCREEN),
]


@asynccontextmanager
async def window_with(root: Path, *, size: tuple[int, int] = (100, 30), **options: Any) -> AsyncIterator[Window]:
    """The app with options of its own, on a library."""
    analyzer = StillAnalyzer()
    library = await Library.open(settings_for(root), analyzer=analyzer, compute=ThreadCompute())
    try:
        app = VuemanticsApp(library, process=False, **options)
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Window(app, pilot, library, analyzer)
    finally:
        await library.close()


# The registry


def test_each_id_stands_for_one_action() -> None:
    assert [id for id, count in Counter(action.id for action in all_actions()).items() if count > 1] == []


@pytest.mark.parametrize(("owner", "place"), OWNERS, ids=lambda value: getattr(value, "__name__", ""))
def test_what_a_part_binds_is_what_the_registry_says(owner: type[DOMNode], place: Sequence[Action]) -> None:
    bound = {binding.id: binding for binding in owner.BINDINGS if not isinstance(binding, tuple)}
    assert set(bound) == {action.id for action in place}
    for action in place:
        binding = bound[action.id]
        assert (binding.key, binding.action, binding.description) == (action.keys, action.action, action.label)
        name = action.action.partition("(")[0]
        target = VuemanticsApp if name.startswith("app.") else owner
        assert hasattr(target, f"action_{name.removeprefix('app.')}"), f"nothing does {action.id}"


def test_every_place_has_an_owner_and_every_action_is_explained() -> None:
    owned = {action.id for _, place in OWNERS for action in place}
    assert owned == {action.id for action in all_actions()}
    assert all(action.description and action.label and action.group for action in all_actions())


def test_by_default_no_two_actions_that_are_active_together_share_a_key() -> None:
    keys = Counter(
        key for action in actions.UPLOADS_SCREEN + actions.UPLOAD_TABLE + actions.APP for key in action.keys.split(",")
    )
    assert [key for key, count in keys.items() if count > 1] == []


def test_no_key_is_needed_that_tmux_or_a_plain_terminal_keeps() -> None:
    chosen = [action.keys.split(",") for action in all_actions()]
    # Ctrl+S saves, too, but not alone.
    needed = {key for keys in chosen if all(key.startswith(("ctrl", "alt")) for key in keys) for key in keys}
    assert needed == {"ctrl+p", "ctrl+q", "ctrl+c"}
    assert ["f2", "ctrl+s"] in chosen


def test_the_table_of_keys_in_the_readme_is_the_registry() -> None:
    found = re.search(r"<!-- keys -->\n(.*?)<!-- /keys -->", README.read_text("utf-8"), re.DOTALL)
    assert found is not None, "the README has no table of keys"
    assert found[1].strip() == keys_table().strip()


def test_the_table_of_keys_names_every_action_with_all_its_keys() -> None:
    table = keys_table()
    for action in all_actions():
        keys = " ".join(f"`{key_words(key)}`" for key in action.keys.split(","))
        assert f"| {keys} | {action.description} | `{action.id}` |" in table
    assert all(f"**{place.title}**" in table for place in PLACES)


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
        pytest.param({"show-help": "%, f2"}, {"show-help": "percent_sign,f2"}, id="several"),
        pytest.param({"delete-upload": "shift+z"}, {"delete-upload": "Z"}, id="shift"),
        pytest.param({"retry-upload": "p", "toggle-pause": "r"}, {"retry-upload": "p", "toggle-pause": "r"}, id="swap"),
        pytest.param({"quit-anywhere": "f10"}, {"quit-anywhere": "f10,ctrl+q,ctrl+c"}, id="quit stays"),
        pytest.param({"toggle-metadata": "r"}, {"toggle-metadata": "r"}, id="never active together"),
        pytest.param({"quit": "d", "delete-upload": "q"}, {"quit": "d", "delete-upload": "q"}, id="another place"),
    ],
)
def test_chosen_keys_are_taken(chosen: Mapping[str, str], keymap: Mapping[str, str]) -> None:
    assert checked_keymap(chosen) == (keymap, [])


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"delete-uplod": "D"}, "there is no action delete-uplod; did you mean delete-upload?"),
        ({"sort-by": "d"}, "d is the key of delete-upload already; sort-by stays o"),
        ({"cursor-down": "q"}, "q is the key of quit already; cursor-down stays ↓ j"),
        ({"agree": "ctrl+c"}, "Ctrl+C is the key of quit-question already; agree stays y"),
        ({"sort-by": "contrl+o"}, "there is no key contrl+"),
        ({"sort-by": "pgdown"}, "did you mean pagedown?"),
        ({"sort-by": " , "}, "that is no key"),
        ({"submit-paths": "x"}, "in a field x is text; Enter stays"),
        ({"quit-anywhere": "z"}, "in a field z is text; Ctrl+Q Ctrl+C stays"),
    ],
)
def test_what_is_wrong_with_chosen_keys_is_named_and_costs_only_them(chosen: Mapping[str, str], told: str) -> None:
    keymap, problems = checked_keymap({**chosen, "filter-by": "Z"})
    assert keymap == {"filter-by": "Z"}
    [problem] = problems
    assert told in problem


def test_of_two_that_choose_the_same_key_one_has_it() -> None:
    keymap, problems = checked_keymap({"sort-by": "z", "filter-by": "z"})
    assert keymap == {"sort-by": "z"}
    assert problems == ["keys: z is the key of sort-by already; filter-by stays f"]


async def test_a_chosen_key_works_and_is_shown_and_the_old_one_is_free(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_with(root, size=(120, 30), keys={"delete-upload": "Z", "show-log": "K"}) as window:
        await window.shows("Z delete")
        await window.press("d")
        assert window.app.screen is window.app.screen_stack[0]
        await window.press("Z")
        await window.shows("Delete x.png?")
        await window.press("escape", "K")
        await window.shows("The log of this session")


async def test_wrong_settings_are_told_at_the_start_and_stand_in_the_log(root: Path) -> None:
    keys = {"delete-uplod": "D", "sort-by": "d"}
    problems = [f"settings.toml, line {line}: there is no setting x{line}" for line in range(4)]
    async with window_with(root, keys=keys, theme="vuemantic", problems=problems) as window:
        await window.shows("settings.toml, line 0", "And 3 more: press L for the log.")
        assert window.app.theme == "vuemantics"
        await window.press("L")
        await window.shows("warning", "did you mean delete-upload?", "there is no theme vuemantic")


async def test_no_keymap_takes_away_the_way_out(root: Path) -> None:
    async with window_with(root, keys={"quit": "f9", "quit-anywhere": "f10", "sort-by": "ctrl+q"}) as window:
        await window.press("q")
        await window.press("ctrl+q")
        await window.until(lambda: not window.app.is_running)


# The line of keys


def test_the_line_of_keys_drops_whole_entries_and_never_help_and_quit_first() -> None:
    entries = [(action.id, action.keys, action.keys, action.label) for action in actions.UPLOADS_SCREEN]
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
    assert len(fitting(entries, 600)) == len(entries)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_help_and_quit_are_in_sight_at_every_width(root: Path, width: int) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root, size=(width, 24)) as window:
        await window.shows("a add", "? help", "q quit")
        [line] = window.app.screen.query(KeysLine)
        assert cell_len(line.render().plain.rstrip()) <= width - 2


# The palette


async def test_the_palette_offers_every_action_of_the_screen_and_runs_it(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("✓ x.png")
        hits = [hit async for hit in ActionsProvider(window.app.screen).discover()]
        offered = {(str(hit.text).lower(), hit.help) for hit in hits}
        for action in actions.UPLOADS_SCREEN + actions.UPLOAD_TABLE:
            assert (action.label, action.description) in offered
        assert str(hits[0].prompt) == "Add  a", "what is wanted most stands first"
        await window.press("ctrl+p")
        await window.press(*"pause")
        await window.shows("Pause or resume")
        await window.press("enter", "enter")
        await window.shows("Paused, for all who share this library.")
        assert (await window.library.queue.store.counts()).paused


async def test_the_palette_finds_an_action_by_what_it_does(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("✓ x.png")
        hits = [hit async for hit in ActionsProvider(window.app.screen).search("system viewer")]
        assert [hit.text for hit in hits] == ["Open original"]


async def test_the_palette_offers_only_what_can_be_done(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        offered = [hit.text async for hit in ActionsProvider(window.app.screen).discover()]
        assert "Add" in offered
        assert "Delete" not in offered


async def test_the_palette_changes_the_theme(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("ctrl+p", *"theme: vuemantics-light")
        await window.shows("Theme: vuemantics-light")
        await window.press("enter", "enter")
        await window.until(lambda: window.app.theme == "vuemantics-light")


async def test_what_is_said_names_the_keys_that_were_chosen(tmp_path: Path) -> None:
    async with window_with(tmp_path / "library", keys={"add-paths": "+", "show-log": "f4"}) as window:
        await window.shows("Press + to add photos")
        window.app.notices.tell_error(ValueError("a defect"))
        await window.shows("Press F4 for the log.")
