"""Moments, signs and reasons as the screens say them."""

from __future__ import annotations

from datetime import datetime

from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.domain.upload import RUNNING, ProcessingStage, ProcessingStatus, UploadRow, without_prefix

_DAY = 86_400


def age_words(created_at: str, now: datetime) -> str:
    """Return how long ago that was: now, 2 min, 3 h, yesterday, 3 days, 1 week, 5 months, 2 years."""
    try:
        seconds = (now - datetime.fromisoformat(created_at)).total_seconds()
    except (ValueError, TypeError):
        return ""
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < _DAY:
        return f"{seconds // 3600:.0f} h"
    days = int(seconds // _DAY)
    if days == 1:
        return "yesterday"
    if days < 7:
        return f"{days} days"
    if days < 60:
        return counted(days // 7, "week")
    return counted(days // 30, "month") if days < 730 else counted(days // 365, "year")


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


def ago_words(moment: str, now: datetime) -> str:
    """Return how long ago that was, as the end of a sentence: just now, 2 min ago, yesterday."""
    words = age_words(moment, now)
    if words == "now":
        return "just now"
    return words if words in ("", "yesterday") else f"{words} ago"


def local_moment(moment: str) -> datetime | None:
    """Return a moment of the store (ISO 8601) in the zone of this machine; None if it is none."""
    try:
        return datetime.fromisoformat(moment).astimezone()
    except ValueError:
        return None
