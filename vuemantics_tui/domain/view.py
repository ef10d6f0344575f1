"""The view of a list: which uploads it shows, in which order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from vuemantics_tui.domain.formats import FileType


class SortKey(StrEnum):
    """The sort key of a list."""

    ADDED = "added"
    NAME = "name"
    SIZE = "size"
    TAKEN = "taken"
    STATUS = "status"
    RATING = "rating"
    QUALITY = "quality"
    DURATION = "duration"


class StatusFilter(StrEnum):
    """The status filter of a list. WARNING means completed with a warning."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    WARNING = "warning"


# For each key: the words ascending, and descending.
_ORDER_WORDS: dict[SortKey, tuple[str, str]] = {
    SortKey.ADDED: ("oldest first", "newest first"),
    SortKey.NAME: ("name, a to z", "name, z to a"),
    SortKey.SIZE: ("smallest first", "largest first"),
    SortKey.TAKEN: ("earliest taken first", "latest taken first"),
    SortKey.STATUS: ("running and waiting first", "completed first"),
    SortKey.RATING: ("lowest rating first", "highest rating first"),
    SortKey.QUALITY: ("lowest quality first", "highest quality first"),
    SortKey.DURATION: ("shortest first", "longest first"),
}
_STATUS_WORDS: dict[StatusFilter, str] = {
    StatusFilter.WAITING: "waiting only",
    StatusFilter.RUNNING: "running only",
    StatusFilter.COMPLETED: "completed only",
    StatusFilter.FAILED: "failed only",
    StatusFilter.WARNING: "with a warning only",
}
_TYPE_WORDS: dict[FileType, str] = {FileType.IMAGE: "photos only", FileType.VIDEO: "videos only"}
_ASCENDING = (SortKey.NAME, SortKey.STATUS)


@dataclass(frozen=True, slots=True)
class View:
    """Which uploads a list shows, in which order; ties are newest first.

    `rated` are those with at least one star, `untagged` those without tags of a person's own or of the file, and
    `with_text` those in which text was read. All conditions hold together.
    """

    sort: SortKey = SortKey.ADDED
    descending: bool = True
    status: StatusFilter | None = None
    file_type: FileType | None = None
    rated: bool = False
    untagged: bool = False
    with_text: bool = False
    show_hidden: bool = False

    def words(self) -> str:
        """Return the view in words: largest first · failed only · with hidden."""
        return " · ".join(filter(None, (self.order_words, self.filter_words)))

    @property
    def order_words(self) -> str:
        """Return the order in words: largest first."""
        return _ORDER_WORDS[self.sort][self.descending]

    @property
    def filter_words(self) -> str:
        """Return the conditions in words: failed only · with hidden; empty without any."""
        parts = [
            "" if self.status is None else _STATUS_WORDS[self.status],
            "" if self.file_type is None else _TYPE_WORDS[self.file_type],
            "rated only" if self.rated else "",
            "without tags" if self.untagged else "",
            "with text only" if self.with_text else "",
            "with hidden" if self.show_hidden else "",
        ]
        return " · ".join(part for part in parts if part)

    @property
    def narrows(self) -> bool:
        """Whether some uploads that are not hidden are left out."""
        return replace(self, show_hidden=False, sort=SortKey.ADDED, descending=True) != View()

    def in_order_of(self, key: SortKey) -> View:
        """Return the same uploads by a key, in its usual direction: names from a to z, all else the most first."""
        return replace(self, sort=key, descending=key not in _ASCENDING)

    def everything(self) -> View:
        """Return the same order without conditions."""
        return View(self.sort, self.descending)

    @property
    def is_default(self) -> bool:
        """Whether this is the default view: newest first, without hidden uploads."""
        return self == View()

    @property
    def is_filtered(self) -> bool:
        """Whether uploads of some state or type are left out."""
        return self.status is not None or self.file_type is not None

    def unfiltered(self) -> View:
        """Return the same view of uploads of every state and type."""
        return replace(self, status=None, file_type=None)

    def reversed(self) -> View:
        """Return the same view in reverse order."""
        return replace(self, descending=not self.descending)
