"""Signs and reasons as the screens say them."""

from __future__ import annotations

from datetime import datetime

from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import RUNNING, ProcessingStage, ProcessingStatus, UploadRow, without_prefix


def glyph_of(row: UploadRow) -> str:
    """Return the one sign for an upload's state."""
    if row.status is ProcessingStatus.COMPLETED:
        return "!" if row.warning else "✓"
    if row.status in RUNNING:
        return "◐"
    return "✗" if row.stage is ProcessingStage.FAILED else "·"


def reason_of(row: UploadRow) -> str:
    """Return why it failed or what its warning is, without what its status says already."""
    return error_words(row) if row.status is ProcessingStatus.FAILED else row.warning or ""


def error_words(row: UploadRow) -> str:
    """Return what went wrong, without what its status says already."""
    return without_prefix(row.error_message or "")


def lines_of(text: str) -> str:
    """Return a text of several lines, each of them safe to show."""
    return "\n".join(visible(line) for line in text.strip().splitlines())


def local_moment(moment: str) -> datetime | None:
    """Return a moment of the store (ISO 8601) in the zone of this machine; None if it is none."""
    try:
        return datetime.fromisoformat(moment).astimezone()
    except ValueError:
        return None
