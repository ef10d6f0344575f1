"""Undo and redo of what a person changed, with a sentence about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.store.descriptions import put_back_descriptions
from vuemantics_tui.store.imported import put_back_imported
from vuemantics_tui.store.metadata import put_back_dates
from vuemantics_tui.store.places import put_back_places
from vuemantics_tui.store.search import put_back_saved
from vuemantics_tui.store.stacks import put_back_stacks
from vuemantics_tui.store.tags import put_back_albums, put_back_ratings, put_back_tags
from vuemantics_tui.store.trash import put_back_trashed
from vuemantics_tui.store.undo import Change, Facet, StepKind, UndoStore
from vuemantics_tui.store.uploads import put_back_hidden, put_back_names

if TYPE_CHECKING:
    from vuemantics_tui.library.queue import Queue
    from vuemantics_tui.processing.records import Records
    from vuemantics_tui.store.database import Database
    from vuemantics_tui.store.undo import Undone

FACETS = {
    Facet.TRASHED: put_back_trashed,
    Facet.HIDDEN: put_back_hidden,
    Facet.TAGGED: put_back_tags,
    Facet.ALBUM: put_back_albums,
    Facet.RATING: put_back_ratings,
    Facet.DATE: put_back_dates,
    Facet.PLACE: put_back_places,
    Facet.STACK: put_back_stacks,
    Facet.DESCRIPTION: put_back_descriptions,
    Facet.IMPORTED: put_back_imported,
    Facet.NAME: put_back_names,
    Facet.SAVED: put_back_saved,
}

# More tags than these would not fit on the line.
MOST_NAMED = 3
# The words for an undone and for a redone step about uploads.
_WORDS = {
    StepKind.TRASH: ("Restored {}.", "Moved {} to the trash."),
    StepKind.RESTORE: ("Moved {} back to the trash.", "Restored {}."),
    StepKind.HIDE: ("Unhid {}.", "Hid {}."),
    StepKind.SHOW: ("Hid {}.", "Unhid {}."),
    StepKind.TAG: ("Restored the tags of {}.", "Changed the tags of {}."),
    StepKind.RATE: ("Restored the rating of {}.", "Rated {} again."),
    StepKind.DATE: ("Restored the date of {}.", "Changed the date of {} again."),
    StepKind.PLACE: ("Restored the place of {}.", "Changed the place of {} again."),
    StepKind.STACK: ("Restored the stacks of {}.", "Changed the stacks of {} again."),
    StepKind.NAME: ("Restored the name of {}.", "Renamed {} again."),
    StepKind.IMPORT: ("Undid the import for {}.", "Imported for {} again."),
    StepKind.DESCRIBE: ("Restored the description of {}.", "Changed the description of {} again."),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What undoing or redoing a step did: to which uploads (their IDs), to how many things, and in words.

    `left` counts the things that changed since and were left as they are, which the words say, too.
    """

    kind: str
    uploads: tuple[str, ...]
    count: int
    left: int
    words: str


class Undo:
    """Undoes and redoes what a person changed, step by step, in this or an earlier session or another window."""

    def __init__(self, database: Database, queue: Queue, records: Callable[[], Records]) -> None:
        self.store = UndoStore(database, FACETS)
        self._queue = queue
        self._records = records

    async def undo(self) -> Outcome | None:
        """Undo the latest step; None where there is none. Raises LibraryError."""
        return await self._outcome(await self.store.undo(), back=True)

    async def redo(self) -> Outcome | None:
        """Redo the step that was undone last; None where there is none. Raises LibraryError."""
        return await self._outcome(await self.store.redo(), back=False)

    async def _outcome(self, undone: Undone | None, *, back: bool) -> Outcome | None:
        if undone is None:
            return None
        if any(change.facet is Facet.TRASHED and _value(change, back) for change in undone.done):
            for upload_id in undone.uploads:
                self._queue.drop(upload_id)
        if any(change.facet is Facet.NAME for change in undone.done):
            await self._records().write(list(undone.uploads))
        # Uploads that are back from the trash, or have another description to embed, wait in the queue.
        self._queue.wake()
        count = len(_things(undone.done))
        left = len(_things(undone.changes) - _things(undone.done))
        return Outcome(str(undone.kind), tuple(undone.uploads), count, left, _words(undone, count, left, back))


def _things(changes: Sequence[Change]) -> set[int | str]:
    """Return the uploads that changes are about, and the names of what is none."""
    uploads: set[int | str] = {change.upload for change in changes if change.upload is not None}
    return uploads or {change.name for change in changes}


def _value(change: Change, back: bool) -> Any:
    return change.before if back else change.after


def _words(undone: Undone, count: int, left: int, back: bool) -> str:
    one = len(_things(undone.changes)) == 1
    if not undone.done:
        again = "Nothing was undone" if back else "Nothing was redone"
        return f"{again}: {'it' if one else 'all of it'} has changed since."
    words = _done_words(undone, count, back)
    if left:
        has, stays = ("has", "stays") if left == 1 else ("have", "stay")
        words += f" {left:,} {has} changed since and {stays} as {'it is' if left == 1 else 'they are'}."
    return words


def _done_words(undone: Undone, count: int, back: bool) -> str:
    names = list(undone.uploads.values())
    uploads = visible(names[0]) if len(names) == 1 else counted(count, "upload")
    change = undone.done[0]
    if change.facet is Facet.SAVED:
        return _saved_words(undone, back)
    if change.facet is Facet.ALBUM and not undone.uploads:
        return f"{visible(change.name)} is {'an album' if _value(change, back) else 'a plain tag'} again."
    if undone.kind is StepKind.TAG:
        return _tag_words(undone.done, uploads, back)
    return _WORDS[undone.kind][0 if back else 1].format(uploads)


def _tag_words(done: Sequence[Change], uploads: str, back: bool) -> str:
    """Return what happened to tags: by name, if it is few and the same for all uploads."""
    tagged = [change for change in done if change.facet is Facet.TAGGED]
    names = list(dict.fromkeys(visible(change.name) for change in tagged))
    # Given by a person or a keyword of the file: either way the upload has the tag.
    given = {any(_value(change, back)[:2]) for change in tagged}
    if len(names) > MOST_NAMED or len(given) > 1:
        return _WORDS[StepKind.TAG][0 if back else 1].format(uploads)
    what = f"the tag{'s' if len(names) > 1 else ''} {', '.join(names)}"
    return f"Added {what} to {uploads}." if given == {True} else f"Removed {what} from {uploads}."


def _saved_words(undone: Undone, back: bool) -> str:
    gone = [change.before if not back else change.after for change in undone.done]
    here = [_value(change, back) for change in undone.done if _value(change, back) is not None]
    if undone.kind is StepKind.RENAME and here:
        old = next(each[0] for each in gone if each is not None)
        return f"Renamed the saved search {visible(old)} to {visible(here[0][0])}."
    if here:
        return f"Restored the saved search {visible(here[0][0])}."
    return f"Removed the saved search {visible(next(each[0] for each in gone if each is not None))}."
