"""Which uploads a list shows, and in what order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from vuemantics_tui.domain.formats import FileType


class SortKey(StrEnum):
    """What a list is sorted by."""

    ADDED = "added"
    NAME = "name"
    SIZE = "size"
    TAKEN = "taken"
    STATUS = "status"
    QUALITY = "quality"


class StatusFilter(StrEnum):
    """What a list is narrowed to. WARNING is what came to its end but for something that could not be done."""

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
    """Which uploads a list shows, and in what order; what is equal in that order is newest first."""

    sort: SortKey = SortKey.ADDED
    descending: bool = True
    status: StatusFilter | None = None
    file_type: FileType | None = None
    show_hidden: bool = False

    def words(self) -> str:
        """What is applied, as a person says it: largest first · failed only · with hidden."""
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
        """Whether nothing is applied: newest first, all but the hidden ones."""
        return self == View()

    def reversed(self) -> View:
        """The same uploads the other way round."""
        return replace(self, descending=not self.descending)
