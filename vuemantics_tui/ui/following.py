"""Following the library: what anybody changes in it is on the screen a moment later."""

from __future__ import annotations

import asyncio

from vuemantics_tui.library import ChangeFeed, Library
from vuemantics_tui.ui.uploads.table import UploadTable
from vuemantics_tui.ui.uploads.upload_list import Showing

FIRST_LOOK = 100


class Following:
    """Keeps the table up to date. `step` and `read_again` raise VuemanticsError, and are called again and again."""

    def __init__(self, library: Library, table: UploadTable, showing: Showing) -> None:
        self._library = library
        self._table = table
        self._showing = showing
        self._feed: ChangeFeed | None = None
        self._outdated = asyncio.Event()

    async def step(self) -> set[int] | None:
        """Take in what changed; returns the numbers of the uploads that did, or None where nothing did."""
        if self._feed is None:
            return await self._begin()
        changes = await self._feed.poll()
        if changes is not None:
            await self._apply(changes.changed, changes.deleted)
        elif self._showing.pins_linger:
            self._table.apply((), (), await self._showing.pinned())
        return None if changes is None else {*changes.changed, *changes.deleted}

    async def read_again(self) -> None:
        """Read a sorted or filtered view, or what a search found, again, as soon as a change may have moved its lines.

        It may take as long as a search does, so it is not a part of `step`.
        """
        await self._outdated.wait()
        self._outdated.clear()
        try:
            await self._showing.refresh()
        except BaseException:
            self._outdated.set()
            raise

    async def _begin(self) -> set[int]:
        feed = self._library.changes()
        await feed.skip_to_now()
        # The first lines before the long list behind them: a large library opens as fast as a small one.
        if not self._showing.live or await self._showing.first_look(FIRST_LOOK):
            await self._showing.refresh()
        self._feed = feed
        return set()

    async def _apply(self, changed: tuple[int, ...], deleted: tuple[int, ...]) -> None:
        gone = set(deleted)
        if self._showing.live:
            # Somebody may have hidden or unhidden it.
            rows = await self._library.uploads.rows(changed)
            hidden = {row.number for row in rows if row.hidden and not self._showing.view.show_hidden}
            gone |= hidden
            self._table.apply([row.number for row in rows], gone, await self._showing.pinned())
            if any(row.number not in hidden and not self._table.lists(row.number) for row in rows):
                self._outdated.set()
        else:
            self._table.apply(changed, gone, await self._showing.pinned())
            self._outdated.set()
