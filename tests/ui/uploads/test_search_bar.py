"""The search line: as one types, what is wrong with it, what it offers, why something was found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.content import Content

from tests.ui.conftest import Made, Window, add, make_library, open_library_at, window_on
from vuemantics_tui.domain.errors import AnalyzerError, LibraryError
from vuemantics_tui.domain.moment import DateEdit
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.library import SearchResults
from vuemantics_tui.ui.uploads.pane import PaneText
from vuemantics_tui.ui.uploads.search_bar import histogram_words
from vuemantics_tui.ui.uploads.search_hint import SearchHint, error_parts
from vuemantics_tui.ui.viewer.screen import ViewerScreen

Draw = Callable[..., Path]


@asynccontextmanager
async def window_with_squares(root: Path, draw: Draw, count: int = 3, width: int = 120) -> AsyncIterator[Window]:
    """On described pictures."""
    await make_library(root)
    async with window_on(root, size=(width, 30), process=True) as window:
        await add(window.library, *(draw(f"square-{number}.png") for number in range(count)))
        await window.shows(f"{count} completed")
        yield window


async def test_words_answer_before_the_meaning(root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    async with window_with_squares(root, draw) as window:
        asked: list[str] = []
        words, run = window.library.search.words, window.library.search.run

        async def note_words(text: str, *arguments: object, **options: object) -> object:
            asked.append(f"words {text}")
            return await words(text, *arguments, **options)  # type: ignore[arg-type]

        async def note_run(text: str, *arguments: object, **options: object) -> object:
            asked.append(f"run {text} {options['final']}")
            return await run(text, *arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(window.library.search, "words", note_words)
        monkeypatch.setattr(window.library.search, "run", note_run)
        await window.press("/", *"red")
        await window.until(lambda: "run red False" in asked, "the meaning was asked for")
        assert asked.index("words red") < asked.index("run red False")
        await window.press("enter")
        await window.until(lambda: asked[-1] == "run red True", "pressed Enter")
        await window.shows("3 results for red")


async def test_a_wrong_line_is_pointed_at_and_stays_in_use(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("/", *"red size:>x")
        await window.press("enter")
        await window.until(lambda: window.app.screen.query_one(SearchHint).complains)
        assert window.app.focused is window.search_input
        lines = window.text().splitlines()
        at = next(number for number, line in enumerate(lines) if "red size:>x" in line)
        caret = lines[at + 1].index("^")
        assert lines[at].index("size:>x") <= caret <= lines[at].index("size:>x") + len("size:>x")
        await window.press("backspace")
        await window.until(lambda: not window.app.screen.query_one(SearchHint).complains)
        await window.press("escape")
        await window.shows("newest first")


async def test_what_a_line_names_and_is_not_there_is_told_under_it(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("/", *"like:ffffffff", "enter")
        await window.shows("✗ ")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(None, "✗ wrong"), (2, "  ^ wrong"), (10, "    wrong ^"), (40, "      wrong ^")],
)
def test_the_caret_stands_in_its_cell_and_the_message_where_it_fits(cell: int | None, expected: str) -> None:
    assert "".join(text for text, _ in error_parts("wrong", cell, 13)).rstrip() == expected


async def test_filters_alone_list_everything_without_scores(root: Path) -> None:
    await make_library(root, [Made(f"{number}.png") for number in range(260)] + [Made("clip.mp4", file_type="video")])
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("clip.mp4")
        await window.press("/", *"type:image", "enter")
        await window.shows("260 results for type:image")
        await window.until(lambda: len(window.uploads) == 260)
        assert "Score" not in window.text()
        await window.press("escape")
        await window.shows("clip.mp4")


async def test_hidden_ones_are_found_where_the_view_shows_them(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("home", "H")
        await window.shows("from lists and search")
        await window.press("/", *"red", "enter")
        await window.shows("2 results for red")
        await window.press("escape")
        await window.shows("newest first")
        await window.press("f", "h", "/")
        await window.press(*"red", "enter")
        await window.shows("3 results for red")


async def test_why_the_meaning_is_missing_is_told(root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    async with window_with_squares(root, draw) as window:

        async def refuse(text: str) -> object:
            raise AnalyzerError("The server is away", "Later.")

        monkeypatch.setattr(window.analyzer, "embed_query", refuse)
        await window.press("/", *"square", "enter")
        await window.shows("Found by keyword only: The server is away.", "3 results")
        await window.press("escape")
        await window.until(lambda: "Found by words" not in window.text())


async def test_one_key_shows_what_is_below_the_cut_off(root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    async with window_with_squares(root, draw) as window:
        monkeypatch.setattr("vuemantics_tui.search.ranking.cut_off", lambda *_, **__: 2.0)
        await window.press("/", *"meadow", "enter")
        await window.shows("No results, m shows 3 more.")
        assert "Enter view" not in window.text(), "nothing is there to look at"
        await window.press("m")
        await window.shows("3 results for meadow", "square-0.png", "Enter view", "Space mark", "Esc back")


def test_the_histogram_dims_what_is_cut_off() -> None:
    content = histogram_words((4, 0, 1, 8), 0.0, 0.4, 0.2)
    assert content.plain.strip() == "▃▁▂▇"
    accented = [content.plain[span.start : span.end] for span in content.spans if span.style == "$accent"]
    assert accented == ["▂", "▇"]


async def test_the_histogram_stands_beside_the_words_in_a_wide_window(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("/", *"red", "enter")
        await window.shows("▇", "3 results for red")


async def test_the_pane_says_why_it_was_found(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("/", *"square", "enter")
        await window.shows("words 51 % · meaning 49 %")
        description = window.app.screen.query_one("#pane-description", PaneText).content
        assert isinstance(description, Content)
        styles = {description.plain[span.start : span.end]: str(span.style) for span in description.spans}
        assert styles["square"] == "underline $accent"
        assert styles[description.plain] == "on $panel", "the nearest sentence is marked"
        await window.press("escape")
        await window.until(lambda: "meaning 49 %" not in window.text())


async def test_the_nearest_sentence_keeps_nothing_else_waiting(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window_with_squares(root, draw) as window:
        answered = asyncio.Event()

        async def late(text: str, upload: Upload) -> str:
            await answered.wait()
            return "evenly lit."

        monkeypatch.setattr(window.library.search, "sentence", late)
        await window.press("/", *"square", "enter")
        await window.shows("words 51 % · meaning 49 %")

        def marked() -> str:
            shown = window.app.screen.query_one("#pane-description", PaneText).content
            assert isinstance(shown, Content)
            return "".join(shown.plain[span.start : span.end] for span in shown.spans if span.style == "on $panel")

        assert marked() == "A red square on a plain ground, evenly lit."
        answered.set()
        await window.until(lambda: marked() == "evenly lit.")


async def test_the_whole_screen_of_an_upload_says_why_it_was_found(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("/", *"square", "enter")
        await window.shows("3 results")
        await window.press("enter", "i")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))
        await window.shows("words 51 % · meaning 49 %")
        await window.press("escape", "escape")
        await window.shows("newest first")
        await window.press("enter", "i")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))
        await window.shows("A red square")
        assert "meaning 49 %" not in window.text()


async def test_what_is_found_follows_the_library(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("/", *"square type:image", "enter")
        await window.shows("3 results for square")
        await window.press("down")
        chosen = window.uploads.cursor_number
        assert chosen is not None
        await add(window.library, draw("square-new.png"), draw("other.png"))
        await window.shows("5 results for square", "square-new.png", "other.png")
        assert window.uploads.cursor_number == chosen
        first = await window.library.uploads.by_number(window.uploads[0])
        assert first is not None
        await window.library.trash.put([first.id])
        await window.shows("4 results for square")
        assert window.uploads.cursor_number == chosen
        await window.press("s")
        await window.shows("/ similar to", "3 uploads")
        await add(window.library, draw("late.png"))
        await window.shows("/ similar to", "4 uploads", "late.png")


async def test_a_search_that_is_read_again_slowly_keeps_nothing_else_waiting(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window_with_squares(root, draw) as window:
        go_on, asked, run = asyncio.Event(), asyncio.Event(), window.library.search.run
        go_on.set()

        async def late(*arguments: Any, **options: Any) -> SearchResults:
            asked.set()
            await go_on.wait()
            return await run(*arguments, **options)

        monkeypatch.setattr(window.library.search, "run", late)
        await window.press("/", *"square", "enter")
        await window.shows("3 results for square")
        go_on.clear()
        asked.clear()
        await add(window.library, draw("late.png"))
        await window.until(asked.is_set)
        await window.shows("4 uploads", "4 completed", "3 results for square")
        go_on.set()
        await window.shows("4 results for square", "late.png")


async def test_a_search_that_could_not_be_read_again_is_tried_again(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window_with_squares(root, draw) as window:
        run, refuses = window.library.search.run, False

        async def refuse_once(*arguments: Any, **options: Any) -> SearchResults:
            nonlocal refuses
            if refuses:
                refuses = False
                raise LibraryError("The store is locked", "Later.")
            return await run(*arguments, **options)

        monkeypatch.setattr(window.library.search, "run", refuse_once)
        await window.press("/", *"square", "enter")
        await window.shows("3 results for square")
        refuses = True
        await window.library.trash.put([(await window.library.uploads.newest())[0].id])
        await window.shows("The store is locked")
        await window.shows("2 results for square")


async def test_a_suggestion_for_another_line_is_not_taken(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("/", *"ty")
        await window.shows("Tab type:")
        # What a person typed since is not lost, however late the next suggestion comes.
        await window.press("x", "tab")
        assert window.search_input.value.startswith("tyx")


async def test_what_is_found_stays_where_the_line_names_something_that_is_gone(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        upload = await window.library.uploads.by_number(1)
        assert upload is not None
        await window.press("/", *f"like:{upload.id[:8]}", "enter")
        await window.shows("/ similar to square-0.png", "2 uploads")
        await window.library.trash.erase([upload.id])
        await add(window.library, draw("late.png"))
        await window.shows("3 completed", "/ similar to square-0.png")
        assert "✗" not in window.text()


async def test_tab_takes_the_first_suggestion(root: Path, draw: Draw) -> None:
    async with window_with_squares(root, draw) as window:
        await window.press("/", *"ty")
        await window.shows("Tab type:")
        await window.press("tab")
        assert window.search_input.value == "type:"
        await window.shows("Tab image")
        await window.press("tab", "enter")
        await window.shows("3 results for type:image")
        assert "Tab " not in window.text()


async def test_a_search_without_results_says_so_in_the_middle(root: Path) -> None:
    await make_library(root, [Made("cat.png")])
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cat.png")
        await window.press("/", *"type:video")
        assert not window.search_input.cursor_blink, "it would be bytes over SSH, all the time"
        await window.press("enter")
        await window.shows("No results for type:video.")
        await window.press("escape")
        await window.shows("cat.png", "newest first")


def chips(window: Window) -> list[str]:
    """The phrases of the search line that are drawn as chips."""
    sentence = window.search_input.sentence
    assert sentence is not None
    drawn = window.search_input.highlighter
    assert drawn is not None
    spans = drawn(window.search_input.value).spans
    assert [(span.start, span.end) for span in spans] == [(chip.start, chip.end) for chip in sentence.chips]
    return [chip.words for chip in sentence.chips]


async def library_of_rome(root: Path) -> None:
    """A cat from Rome in 2019 with Ana, a dog from last year, and a clip from Rome."""
    await make_library(root, [Made("clip.mp4", file_type="video"), Made("dog.png"), Made("cat.png")])
    library = await open_library_at(root)
    ids = {each.filename: each.id for each in await library.uploads.newest()}
    await library.set_place([ids["cat.png"], ids["clip.mp4"]], "Rome, Italy")
    await library.set_place([ids["dog.png"]], "Nice, France")
    await library.dates.edit([ids["cat.png"]], DateEdit.of("2019-07-03"))
    await library.dates.edit([ids["dog.png"]], DateEdit.of("2019-02-03"))
    await library.tags.add([ids["cat.png"]], ["Ana"])
    await library.close()


async def test_a_sentence_is_filters_and_backspace_gives_its_words_back(root: Path) -> None:
    await library_of_rome(root)
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("clip.mp4")
        await window.press("/", *"photos from Rome")
        await window.shows("= type:image")
        assert chips(window) == ["photos"], "a phrase may go on until a blank ends it"
        await window.press("space")
        await window.shows("= type:image  place:rome  ⌫ words", "1 result")
        assert chips(window) == ["photos", "from Rome"]
        await window.lists("cat.png")

        # Words again, and so they stay for this line; the next Backspace deletes.
        await window.press("backspace")
        await window.until(lambda: chips(window) == ["photos"])
        assert window.search_input.value == "photos from Rome "
        await window.press("backspace", "space", *"2019 ")
        assert window.search_input.value == "photos from Rome 2019 "
        assert chips(window) == ["photos", "2019"]
        await window.press("enter")
        await window.until(lambda: window.uploads.text == "type:image from Rome taken:2019")
        assert window.search_input.value == "photos from Rome 2019 "

        # The history has it as it was understood.
        await window.press("c", "/", "up")
        assert window.search_input.value == "type:image from Rome taken:2019"


async def test_enter_ends_a_phrase_and_what_is_browsed_and_saved_has_filters(root: Path) -> None:
    await library_of_rome(root)
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("clip.mp4")
        await window.press("/", *"photos of ana", "enter")
        await window.lists("cat.png")
        assert chips(window) == ["photos", "of ana"]
        assert window.uploads.text == "type:image tag:Ana"
        await window.press("S")
        await window.shows("type:image tag:Ana")
        await window.press(*"Ana", "enter")
        await window.shows("Saved.")
        assert [saved.query for saved in await window.library.search.saved.all()] == ["type:image tag:Ana"]

        # Back from what is similar, the line is as it was typed; so is one of the history.
        await window.press("c", "/", "up")
        assert window.search_input.value == "photos of ana"
        await window.until(lambda: chips(window) == ["photos", "of ana"])
        await window.press("escape", "n")
        await window.lists("cat.png")
        assert (window.search_input.value, window.uploads.text) == ("photos of ana", "type:image tag:Ana")

        # A saved search of words is not a sentence.
        await window.library.search.save("words", "photos of ana")
        await window.press("c", "B", "down", "enter")
        await window.until(lambda: window.uploads.text == "photos of ana")
        assert chips(window) == []
        await window.press("/", "end", "enter")
        await window.until(lambda: not window.search_input.has_focus)
        assert window.uploads.text == "photos of ana"


@pytest.mark.parametrize("width", [60, 80])
async def test_a_chip_that_finds_nothing_is_offered_as_words(root: Path, width: int) -> None:
    await library_of_rome(root)
    async with window_on(root, size=(width, 20)) as window:
        await window.shows("clip.mp4")
        await window.press("/", *"photos from nice in 2019 ")
        await window.lists("dog.png")
        await window.press(*"of Ana ")
        await window.shows('No results with "of Ana". Backspace makes it words.')
        await window.press("enter")
        await window.shows("No results", "Backspace as words")
        await window.press("backspace")
        await window.until(lambda: window.uploads.text == "type:image place:nice taken:2019 of Ana")
        assert "No results with" not in window.text()
