"""UploadPane: one upload's picture and details, updated as results arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from vuemantics_tui.domain.text import lines_of, visible
from vuemantics_tui.domain.upload import TERMINAL, ProcessingStatus, Upload, UploadEvent, status_word
from vuemantics_tui.ui.feed import RETRY_SECONDS
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.uploads import pane_words as words
from vuemantics_tui.ui.uploads.results import Why
from vuemantics_tui.ui.uploads.table import TagClicked
from vuemantics_tui.ui.widgets.one_line import fit
from vuemantics_tui.ui.widgets.thumbnail import PLACEHOLDER, Thumbnail

if TYPE_CHECKING:
    from vuemantics_tui.library import Library


ALBUM_SIGN = "▤"
SIGN = "◐ being written"
PEN = "▌"
# A layout of the whole screen takes 14 ms and is needed whenever this grows: it grows by so many lines at once.
LINES_AT_ONCE = 4


class TagChips(Widget):
    """Tags side by side, each on a small field of its own, none broken in two. Posts TagClicked."""

    DEFAULT_CSS = """
    TagChips {
        width: 100%;
        height: auto;
    }
    """

    def __init__(self, *, style: str = "$foreground on $line", id: str | None = None) -> None:
        super().__init__(id=id)
        self._chip_style = style
        self._tags: tuple[str, ...] = ()
        self._hovered: int | None = None

    def show(self, tags: Sequence[str]) -> None:
        """Show these tags."""
        if tuple(tags) != self._tags:
            self._tags = tuple(tags)
            self._hovered = None
            self.refresh(layout=True)

    def _lines(self, width: int) -> list[list[str]]:
        return chip_lines([visible(tag) for tag in self._tags], width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines the tags need in this width."""
        return max(1, len(self._lines(width)))

    def render(self) -> Content:
        """Return the chips."""
        parts: list[str | tuple[str, str]] = []
        index = 0
        for number, line in enumerate(self._lines(self.content_size.width)):
            parts.append("\n" if number else "")
            for place, chip in enumerate(line):
                parts.append(" " if place else "")
                parts.append((chip, "$foreground on $panel underline" if index == self._hovered else self._chip_style))
                index += 1
        return Content.assemble(*parts)

    def _index_at(self, event: events.MouseEvent) -> int | None:
        offset = event.get_content_offset(self)
        lines = self._lines(self.content_size.width)
        if offset is None or not 0 <= offset.y < len(lines):
            return None
        index, at = sum(len(line) for line in lines[: offset.y]), 0
        for chip in lines[offset.y]:
            if at <= offset.x < at + cell_len(chip):
                return index
            index, at = index + 1, at + cell_len(chip) + 1
        return None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show which tag a click would search for."""
        self._hover(self._index_at(event))

    def on_leave(self) -> None:
        """Show none as being under the mouse."""
        self._hover(None)

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Ask for a search for the tag under the mouse."""
        if (index := self._index_at(event)) is not None:
            self.post_message(TagClicked(self._tags[index].removeprefix(f"{ALBUM_SIGN} ")))


def own_tags(upload: Upload, albums: Collection[str]) -> tuple[str, ...]:
    """Return the tags you added, albums first and with a sign."""
    named = [f"{ALBUM_SIGN} {tag}" for tag in upload.own_tags if tag in albums]
    return (*named, *(tag for tag in upload.own_tags if tag not in albums))


def chip_lines(tags: Sequence[str], width: int) -> list[list[str]]:
    """Return the tags as chips, in lines of at most `width` cells; a longer one is cut short."""
    lines: list[list[str]] = []
    room = 0
    for tag in tags:
        chip = f" {tag} " if cell_len(tag) + 2 <= width else f" {fit(tag, max(1, width - 2))} "
        needed = cell_len(chip)
        if not lines or needed + 1 > room:
            lines.append([chip])
            room = width - needed
        else:
            lines[-1].append(chip)
            room -= needed + 1
    return lines


class WritingText(Widget):
    """Grows with the text; most pieces of it repaint nothing but this widget. Without a text it takes no room."""

    DEFAULT_CSS = """
    WritingText {
        width: 100%;
        height: auto;
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="-blank")
        self._text = ""
        self._height = 0
        self._wrapped: tuple[int, str, list[Content]] = (0, "", [])

    def show(self, text: str) -> None:
        """Show this much of the text."""
        if text == self._text:
            return
        self._text = text
        if not text:
            self._height = 0
        self.set_class(not text, "-blank")
        width = self.content_size.width
        self.refresh(layout=not width or len(self._lines(width)) + 1 > self._height)

    def _lines(self, width: int) -> list[Content]:
        if self._wrapped[:2] != (width, self._text):
            content = Content.assemble(lines_of(self._text), (PEN, "$running"))
            self._wrapped = (width, self._text, content.wrap(max(1, width)))
        return self._wrapped[2]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return room for the text and some lines to come. It does not shrink while the text is being written."""
        lines = len(self._lines(width)) + 1
        self._height = max(self._height, -(-lines // LINES_AT_ONCE) * LINES_AT_ONCE)
        return self._height

    def render(self) -> Content:
        """Return the sign that it is being written, and the text so far."""
        return Content("\n").join([Content.styled(SIGN, "$running"), *self._lines(self.content_size.width)])


# Long enough to skip uploads while a key is held down, short enough to feel instant.
BLINK_SECONDS = 0.08
BAR_CELLS = 18
# How much of the height the picture may take; the words below it matter as much.
PICTURE_SHARE = 0.48
SMALLEST_PICTURE_ROWS = 4


@dataclass(frozen=True, slots=True)
class _Page:
    upload: Upload
    history: tuple[UploadEvent, ...]
    thumbnail: Path | None
    why: Why | None = None
    albums: frozenset[str] = frozenset()


class PaneText(Static):
    """A part of the pane. What it shows already is not painted again, and nothing takes no room."""

    def __init__(self, *, id: str) -> None:
        super().__init__("", id=id, markup=False)
        self._shown: Content | None = None
        self.add_class("-blank")

    def show(self, content: Content | str) -> None:
        """Show this."""
        content = Content(content) if isinstance(content, str) else content
        if self._shown is None or not content.is_same(self._shown):
            self._shown = content
            self.set_class(not content.plain, "-blank")
            self.update(content)


class FactLines(PaneText):
    """Lines of facts with " · " in between. A line that is too long breaks there, and not within a fact."""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines the facts need in this width."""
        return len(self._lines(width))

    def render(self) -> Content:
        """Return the facts."""
        return Content("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Content]:
        shown = self._shown.plain if self._shown is not None else ""
        return [line for fact in fact_lines(shown, width) for line in Content(fact).wrap(max(1, width))]


def fact_lines(facts: str, width: int) -> list[str]:
    """Return lines of facts with " · " in between, each of at most `width` cells unless one fact is longer."""
    lines: list[str] = []
    for line in facts.splitlines():
        first, *others = line.split(words.FACT_GAP)
        lines.append(first)
        for fact in others:
            longer = lines[-1] + words.FACT_GAP + fact
            if cell_len(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(fact)
    return lines


class UploadPane(VerticalScroll, can_focus=False):
    """Shows the upload of a number; reads nothing while it is hidden.

    `paused`, what its owner knows of the queue, is part of what is said of a waiting upload.
    """

    DEFAULT_CSS = """
    UploadPane {
        background: $surface;
        padding: 0 0 0 1;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        scrollbar-background: $surface;
        scrollbar-background-hover: $surface;
        scrollbar-background-active: $surface;

        PaneText, TagChips, WritingText {
            height: auto;
            max-width: 100;
            margin-top: 1;
        }

        #pane-name {
            text-style: bold;
        }

        #pane-facts, #pane-why {
            margin-top: 0;
            color: $dim;
        }

        #pane-read, #pane-history {
            color: $dim;
        }

        .-blank {
            display: none;
        }

        &.-nothing > * {
            display: none;
        }
    }
    """

    def __init__(
        self,
        library: Library,
        clock: Callable[[], datetime],
        *,
        loader: PictureLoader | None = None,
        why: Callable[[Upload], Why | None] = lambda upload: None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id, classes="-nothing")
        self._library = library
        self._clock = clock
        self._thumbnail = Thumbnail(loader or PictureLoader(), id="pane-thumbnail")
        self._why = why
        self._wanted: int | None = None
        self._page: _Page | None = None
        self._paused = False
        self._settled_at = 0.0
        self._stale = False
        # Whether what was asked for is still being read.
        self.is_reading = False

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom; what an upload does not have takes no room."""
        yield self._thumbnail
        for part in ("name", "facts", "why", "stack", "failure", "try", "state", "warning"):
            yield (FactLines if part == "facts" else PaneText)(id=f"pane-{part}")
        yield WritingText(id="pane-writing")
        for part in ("brought", "description", "read"):
            yield PaneText(id=f"pane-{part}")
        yield TagChips(id="pane-own-tags", style="$accent on $line")
        yield TagChips(id="pane-keywords")
        yield TagChips(id="pane-tags")
        yield PaneText(id="pane-quality")
        yield PaneText(id="pane-history")

    # What its owner tells it

    def show(self, number: int | None) -> None:
        """Show this upload, or nothing, once nothing else was asked for within a blink."""
        if number != self._wanted:
            self._wanted = number
            self._settled_at = monotonic() + BLINK_SECONDS
            self._stale = True
            self._load_later()

    def refresh_if(self, numbers: Iterable[int]) -> None:
        """Read the upload again if it is among those that changed."""
        if self._wanted is not None and self._wanted in numbers:
            self._stale = True
            self._load_later()

    def explain_again(self) -> None:
        """Ask again why the upload is shown: another search may have found it."""
        self._stale = True
        self._load_later()

    def repaint_outdated(self) -> None:
        """Repaint what has changed by itself: its age, a frame, a text being written. Costs microseconds."""
        if self._stale:
            self._load_later()  # what could not be read a moment ago
        elif self._page is not None:
            self._show_moving(self._page.upload)

    @property
    def paused(self) -> bool:
        """Whether the queue is paused."""
        return self._paused

    @paused.setter
    def paused(self, paused: bool) -> None:
        if paused != self._paused:
            self._paused = paused
            self.repaint_outdated()

    @property
    def upload(self) -> Upload | None:
        """What is shown just now."""
        return self._page.upload if self._page else None

    @property
    def history(self) -> tuple[UploadEvent, ...]:
        """What happened to what is shown."""
        return self._page.history if self._page else ()

    # Loading

    @property
    def is_seen(self) -> bool:
        """Whether it is displayed; else nothing is read."""
        return all(node.display for node in self.ancestors_with_self if isinstance(node, Widget))

    def on_mount(self) -> None:
        """Catch up after each layout with what was asked for while it was hidden.

        Textual posts no Show where the list scrolls between the change of a style and the layout that follows it.
        """
        self.screen.screen_layout_refresh_signal.subscribe(self, lambda _: self._load_later())

    def on_show(self) -> None:
        """Catch up after the first layout, too."""
        self._load_later()

    def on_resize(self) -> None:
        """Fit the picture to the height."""
        rows = max(SMALLEST_PICTURE_ROWS, int(self.size.height * PICTURE_SHARE))
        if rows != self._thumbnail.most_rows:
            self._thumbnail.most_rows = rows
            if self._page is not None:
                self._stale = True
                self._load_later()

    def _load_later(self) -> None:
        if self._stale and not self.is_reading and self.is_mounted and self.is_seen:
            self.is_reading = True
            self._load_wanted()

    @work(group="pane", exit_on_error=False)
    async def _load_wanted(self) -> None:
        try:
            while self._stale:
                if (left := self._settled_at - monotonic()) > 0:
                    await asyncio.sleep(left)
                    continue  # another one may have been asked for meanwhile
                self._stale, failed = False, True
                with Notices.of(self).errors_told():
                    await self._load(self._wanted)
                    failed = False
                if failed:
                    self._stale = True
                    self.set_timer(RETRY_SECONDS, self._load_later)
                    return
        finally:
            self.is_reading = False

    async def _load(self, number: int | None) -> None:
        page = await self._read(number)
        drawn = await self._thumbnail.draw(page.thumbnail if page else None)
        if number != self._wanted:
            return
        with self.app.batch_update():
            if page is not None:
                self._thumbnail.put(drawn, _without_thumbnail(page.upload))
            self._show_page(page)
        if page is not None and page.why is not None:
            self._look_nearer(page)

    async def _read(self, number: int | None) -> _Page | None:
        upload = None if number is None else await self._library.uploads.by_number(number)
        if upload is None:
            return None
        history = await self._library.history.of(upload.number)
        why = self._why(upload)
        # Few uploads have tags of a person's own.
        tags = await self._library.tags.own() if upload.own_tags else []
        albums = frozenset(tag.name for tag in tags if tag.album)
        return _Page(upload, tuple(history), self._library.absolute(upload.thumbnail_path), why, albums)

    @work(group="nearest", exclusive=True, exit_on_error=False)
    async def _look_nearer(self, page: _Page) -> None:
        """Mark the sentence that is nearest to the search line, which takes longer than to show the rest."""
        if page.why is None:
            return
        sentence = ""
        with Notices.of(self).errors_told():
            sentence = await self._library.search.sentence(page.why.text, page.upload)
        if sentence and self._page is page:
            self._page = replace(page, why=replace(page.why, sentence=sentence))
            self._show_texts(self._page)

    # Showing

    def _show_page(self, page: _Page | None) -> None:
        before, self._page = self._page, page
        self.set_class(page is None, "-nothing")
        if page is None:
            return
        upload = page.upload
        another = before is None or before.upload.number != upload.number
        if another:
            self.query_one(WritingText).show("")
        failed = upload.status is ProcessingStatus.FAILED
        matched = page.why.hit.matched if page.why else ()
        self._text("name", words.lit_words(visible(upload.filename), matched))
        self._text("why", words.why_words(page.why.hit) if page.why else "")
        self._text("stack", words.stack_words(upload, self._press("play-clip", "to play the clip")))
        self._text("failure", words.failure_words(upload) if failed else "")
        advice = visible(upload.hint or "") or self._press("retry-upload", "to retry")
        self._text("try", words.try_words(advice) if failed and advice else "")
        warning = visible(upload.warning or "") if not failed else ""
        self._text("warning", Content.styled(f"! {warning}", "$warning") if warning else "")
        self._text("brought", words.brought_words(upload, matched))
        self._show_texts(page)
        self._text("quality", words.quality_words(upload))
        for part, tags in (
            ("own-tags", own_tags(upload, page.albums)),
            ("keywords", upload.keywords),
            ("tags", upload.tags),
        ):
            chips = self.query_one(f"#pane-{part}", TagChips)
            chips.set_class(not tags, "-blank")
            chips.show(tags)
        self._show_moving(upload)
        done = upload.status is ProcessingStatus.COMPLETED and not upload.warning
        self._text("history", "" if done else words.history_words(page.history, self._clock()))
        if another:
            self.scroll_to(y=0, animate=False)

    def _show_texts(self, page: _Page) -> None:
        self._text("description", words.description_words(page.upload, page.why))
        self._text("read", words.lit_lines(page.upload.read_text or "", page.why))

    def _show_moving(self, upload: Upload) -> None:
        now = self._clock()
        self._text("facts", words.facts_words(upload, now))
        self._show_writing(upload)
        if upload.status in TERMINAL:
            self._text("state", "")
            return
        if upload.status is ProcessingStatus.PENDING and upload.retry_at is not None:
            self._text("state", words.retry_words(upload, now))
            return
        word = status_word(upload.stage, frame=self._library.queue.frames.get(upload.id))
        waits = "It is processed when its turn comes."
        if self._paused:
            waits = f"The queue is paused. {self._press('toggle-pause', 'to resume')}"
        self._text("state", words.state_words(upload, word, bar_cells=BAR_CELLS, waits=waits))

    def _show_writing(self, upload: Upload) -> None:
        text = self._library.queue.texts.get(upload.id) if upload.status is ProcessingStatus.ANALYZING else ""
        # Between its end and the moment that the store has it, it stays as it is.
        if text is not None:
            self.query_one(WritingText).show(text)

    def _text(self, part: str, content: Content | str) -> None:
        self.query_one(f"#pane-{part}", PaneText).show(content)

    def _press(self, binding_id: str, to_do: str) -> str:
        """Return which key does that here, as a sentence; empty where no key does."""
        for active in self.screen.active_bindings.values():
            if active.binding.id == binding_id and active.enabled:
                return f"Press {visible(self.app.get_key_display(active.binding))} {to_do}."
        return ""


def _without_thumbnail(upload: Upload) -> str:
    return "no thumbnail" if upload.status in TERMINAL else PLACEHOLDER
