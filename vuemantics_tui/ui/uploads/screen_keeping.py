"""The part of the uploads screen that keeps order: trash, duplicates, statistics, tags, saved searches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from textual import work

from vuemantics_tui.domain.text import counted
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.screens.ask import AskScreen
from vuemantics_tui.ui.screens.duplicates import DuplicatesScreen
from vuemantics_tui.ui.screens.saved import SavedScreen
from vuemantics_tui.ui.screens.stats import StatsScreen
from vuemantics_tui.ui.screens.trash import TrashScreen
from vuemantics_tui.ui.uploads.commands import named
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.screen_searching import SearchingPart
from vuemantics_tui.ui.uploads.search_bar import SearchLine

ALBUM = "album:"


@dataclass(frozen=True, slots=True)
class TagChanges:
    """The tags to give, those of them that are albums, and those to take away."""

    added: tuple[str, ...]
    albums: tuple[str, ...]
    removed: tuple[str, ...]


class KeepingPart(SearchingPart):
    """Brings back, tags, saves searches."""

    @work(group="acting", exit_on_error=False)
    async def action_undo_delete(self) -> None:
        """Bring back what was deleted last."""
        with self.notices.errors_told():
            # What is deleted together has the same moment.
            last = [entry.upload for entry in await self.library.trash.store.latest()]
            if not last:
                self.notices.tell("The trash is empty.")
                return
            count = await self.library.trash.restore([upload.id for upload in last])
            words = named(last) if count == len(last) else counted(count, "upload")
            self.notices.tell(f"{words} {'is' if count == 1 else 'are'} back.")

    def action_show_trash(self) -> None:
        """What was deleted."""
        self.app.push_screen(TrashScreen(self.library, self.clock))

    def action_show_duplicates(self) -> None:
        """What looks the same."""
        self.app.push_screen(DuplicatesScreen(self.library, self.pictures))

    def action_show_stats(self) -> None:
        """The library in numbers."""
        self.app.push_screen(StatsScreen(self.library))

    # Tags

    @work(group="acting", exit_on_error=False)
    async def action_edit_tags(self) -> None:
        """Give tags to the marked uploads, or to the one under the cursor, or take them away."""
        with self.notices.errors_told():
            rows = await self.library.uploads.rows(self.uploads.targets)
            if not rows:
                return
            ids = [row.id for row in rows]

            async def do(text: str) -> str:
                changes = tag_changes(text)
                plain = [name for name in changes.added if name not in changes.albums]
                changed = await self.library.tags.change(ids, add=plain, albums=changes.albums, remove=changes.removed)
                return f"The tags of {counted(changed, 'upload')} changed." if changed else "No tag changed."

            told = await self.app.push_screen_wait(
                AskScreen(
                    f"Tag {named(rows)}",
                    await self._own_tags(ids),
                    do,
                    placeholder="rome, +holiday, -blue, album:Rome 2024",
                    complete=self._complete_tag,
                )
            )
            if told is not None:
                self.notices.tell(told)
                self.uploads.clear_marks()
                self.query_one(UploadPane).explain_anew()

    async def _own_tags(self, ids: Sequence[str]) -> str:
        upload = await self.library.uploads.get(ids[0]) if len(ids) == 1 else None
        own = ", ".join(upload.own_tags) if upload is not None else ""
        return f"Your tags: {own}" if own else "name or +name gives a tag, -name takes it away; commas part them."

    async def _complete_tag(self, text: str) -> list[str]:
        before, sign, begun = tag_begun(text)
        if not begun:
            return []
        return [f"{before}{sign}{tag.name}" for tag in await self.library.tags.beginning(begun)]

    # Saved searches

    @work(group="asking", exit_on_error=False)
    async def action_save_search(self) -> None:
        """Keep the search by a name."""
        with self.notices.errors_told():
            text = self.uploads.text
            if not text:
                self.notices.tell("There is nothing to save.", "Search for something first.")
                return

            async def do(name: str) -> str:
                await self.library.search.save(name, text)
                return f"Saved. {key_of(self, 'show-saved')} shows the saved searches."

            told = await self.app.push_screen_wait(AskScreen("Save this search as", text, do, placeholder="a name"))
            if told is not None:
                self.notices.tell(told)

    @work(group="asking", exit_on_error=False)
    async def action_show_saved(self) -> None:
        """The saved searches and the albums; what the one chosen finds is shown."""
        with self.notices.errors_told():
            saved = SavedScreen(self.library, save_key=key_of(self, "save-search"), tag_key=key_of(self, "edit-tags"))
            query = await self.app.push_screen_wait(saved)
            if query is not None:
                self.query_one(SearchLine).put(query)
                self.change_table(lambda: self.search_now(query))


def tag_changes(text: str) -> TagChanges:
    """What a line says: names parted by commas, each with + or - before it or nothing, which is +.

    A sign begins another name also without a comma; `album:` before a name makes it an album.
    """
    added: dict[str, None] = {}
    albums: dict[str, None] = {}
    removed: dict[str, None] = {}
    for piece in re.split(r",|\s(?=[+-]\S)", text):
        name = piece.strip()
        if not name:
            continue
        into = removed if name.startswith("-") else added
        name = name.removeprefix("-").removeprefix("+").strip()
        if name.lower().startswith(ALBUM):
            name = name[len(ALBUM) :].strip()
            if into is added:
                albums[name] = None
        into[name] = None
    return TagChanges(tuple(added), tuple(albums), tuple(removed))


def tag_begun(text: str) -> tuple[str, str, str]:
    """The line before the tag that is being typed, the sign before that tag, and its beginning."""
    start = max((match.end() for match in re.finditer(r",\s*|\s(?=[+-]\S)", text)), default=0)
    begun = text[start:]
    sign = re.match(rf"[+-]?(?:{ALBUM})?", begun, re.IGNORECASE)
    length = sign.end() if sign else 0
    return text[:start], begun[:length], begun[length:].lstrip()
