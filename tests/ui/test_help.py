"""Help explains what is focused: its keys as they are now, and the signs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.ui.conftest import Made, Window, make_library, window_on
from tests.ui.test_actions import window_with
from tests.ui.uploads.test_snapshots import MIXED, SIZES, Compare, OwnLibraryApp, before
from vuemantics_tui.ui.actions import actions_of, actions_on
from vuemantics_tui.ui.screens.help import FAMILIES, SIGNS, HelpScreen, HelpText
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.uploads.search_line import SearchInput
from vuemantics_tui.ui.uploads.table import UploadTable


def open_help(window: Window) -> bool:
    return isinstance(window.app.screen, HelpScreen)


def explained(window: Window) -> str:
    return window.app.screen.query_one(HelpText).render().plain


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_explains_every_key_of_the_list_and_every_sign(root: Path, key: str) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root, size=(120, 36)) as window:
        await window.shows("x.png")
        await window.press(key)
        await window.shows("The list of uploads")
        text = explained(window)
        for action in actions_on(UploadsScreen) + actions_of(UploadTable):
            family = action.action.partition("(")[0]
            assert FAMILIES.get(family, action.tooltip) in text
        for sign, words in SIGNS:
            assert f"{sign} " in text
            assert words.split(",")[0] in text
        assert "q Ctrl+Q Ctrl+C  Quit; asks while work is running" in text
        assert "thumbnail, frames, describing" in text


@pytest.mark.parametrize("key", ["escape", "q", "question_mark", "f1", "enter"])
async def test_help_goes_as_it_came(root: Path, key: str) -> None:
    async with window_on(root) as window:
        await window.press("question_mark")
        assert open_help(window)
        await window.press(key)
        assert not open_help(window)
        assert window.app.is_running


async def test_in_a_field_help_is_about_the_field_and_the_question_mark_is_text(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("x.png")
        await window.press("slash", "question_mark")
        assert window.app.screen.query_one(SearchInput).value == "?"
        await window.press("f1")
        await window.shows("The search line", "Leave the search")
        assert "Move to the trash" not in explained(window), "that key would be text"
        await window.press("escape")
        assert window.app.screen.query_one(SearchInput).has_focus


async def test_on_a_question_help_is_about_its_answers(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("x.png")
        await window.press("d", "T", "x")
        await window.shows("Delete x.png permanently?")
        await window.press("f1")
        await window.shows("A question", "No, change nothing")
        assert "being worked on" not in explained(window)
        await window.press("escape")
        await window.shows("Delete x.png permanently?")


async def test_in_a_menu_the_question_mark_explains_the_menu_and_leads_back_to_it(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("x.png")
        await window.press("o", "question_mark")
        await window.shows("The sort menu", "Most stars first", "? F1")
        await window.press("escape", "n")
        await window.shows("name, a to z")


async def test_help_on_a_question_with_a_field_is_called_after_the_question(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("x.png")
        await window.press("J", "f1")
        await window.shows("The jump to a date", "Stay where you are")


async def test_help_leaves_out_what_cannot_be_done(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("question_mark")
        assert actions_of(UploadsScreen)[0].tooltip in explained(window)
        assert "Move to the trash" not in explained(window)


async def test_help_names_the_keys_of_the_settings(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_with(root, keys={"delete-upload": "Z,ctrl+x"}) as window:
        await window.shows("x.png")
        await window.press("question_mark")
        assert "Z Ctrl+X" in explained(window)
        assert "d Delete" not in explained(window)


async def test_help_scrolls_to_its_end_in_a_small_window_with_its_keys_in_sight(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root, size=(60, 20)) as window:
        await window.shows("x.png")
        await window.press("question_mark")
        await window.shows("The list of uploads", "Esc back")
        assert "marked; actions apply" not in window.text()
        await window.press("end")
        await window.shows("marked; actions apply to all", "Esc back")
        await window.press("g", "j")
        await window.shows("Show all details")
        assert all(len(line) <= 60 for line in window.text().splitlines())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_looks(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    asyncio.run(make_library(tmp_path / "library", MIXED))
    app = OwnLibraryApp(tmp_path / "library")
    assert snap_compare(app, terminal_size=size, run_before=before(len(MIXED), "question_mark", shows="The list of"))
