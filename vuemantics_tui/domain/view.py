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
    QUALITY = "quality"


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
    SortKey.QUALITY: ("lowest quality first", "highest quality first"),
}
_STATUS_WORDS: dict[StatusFilter, str] = {
    StatusFilter.WAITING: "waiting only",
    StatusFilter.RUNNING: "running only",
    StatusFilter.COMPLETED: "completed only",
    StatusFilter.FAILED: "failed only",
    StatusFilter.WARNING: "with a warning only",
}
_TYPE_WORDS: dict[FileType, str] = {FileType.IMAGE: "pictures only", FileType.VIDEO: "videos only"}


@dataclass(frozen=True, slots=True)
class View:
    """Which uploads a list shows, in which order; ties are newest first."""

    sort: SortKey = SortKey.ADDED
    descending: bool = True
    status: StatusFilter | None = None
    file_type: FileType | None = None
    show_hidden: bool = False

    def words(self) -> str:
        """Return the view in words: largest first · failed only · with hidden."""
        parts = [_ORDER_WORDS[self.sort][self.descending]]
        if self.status is not None:
            parts.append(_STATUS_WORDS[self.status])
        if self.file_type is not None:
            parts.append(_TYPE_WORDS[self.file_type])
        if self.show_hidden:
            parts.append("with hidden")
        return " · ".join(parts)

    @property
    def is_default(self) -> bool:
        """Whether this is the default view: newest first, without hidden uploads."""
        return self == View()

    def reversed(self) -> View:
        """Return the same view in reverse order."""
        return replace(self, descending=not self.descending)
