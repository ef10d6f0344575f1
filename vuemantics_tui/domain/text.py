"""Text and numbers made safe and easy to read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

_UNITS = ("B", "KB", "MB", "GB", "TB")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DAY_LENGTH = len("2024-06-03")

# More marks than any script puts on one letter only serve to paint over the lines around it.
MOST_MARKS = 3

# Terminals disagree on how wide these make the character before them, so they would break the columns.
_JOINERS = {0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0100, 0xE01F0)}
_REGIONAL = range(0x1F1E6, 0x1F200)
_NEVER_SHOWN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def visible(text: str) -> str:
    r"""The text on one line with nothing in it that a terminal would act on: an escape shows as \x1b.

    Control characters, line breaks and the marks that turn the direction of writing are shown as escapes; emoji come
    apart into the pictures that they are joined from, which every terminal measures alike.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text):
        code = ord(character)
        if code in _JOINERS:
            continue
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > MOST_MARKS:
            continue
        if code in _REGIONAL:
            shown.append(chr(code - _REGIONAL.start + ord("A")))
        elif unicodedata.category(character) in _NEVER_SHOWN:
            shown.append(_escape(code))
        elif unicodedata.category(character) == "Zs":
            shown.append(" ")
        else:
            shown.append(character)
    return "".join(shown)


def size_words(size: int) -> str:
    """Return a number of bytes in up to three digits: 264 KB, 3.1 MB."""
    amount = float(size)
    for unit in _UNITS:
        if amount < 999.5 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.1f} {unit}" if unit not in ("B", "KB") and amount < 9.95 else f"{amount:.0f} {unit}"


def seconds_words(seconds: float) -> str:
    """Return how long something took: 22 ms, 3.4 s, 2:05 min."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 99.95 else f"{clock_words(seconds)} min"


def clock_words(seconds: float) -> str:
    """Return a length of time as a clock shows it: 0:04, 12:30, 1:02:03."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def date_words(moment: str | datetime | None, *, seconds: bool = False, own_clock: bool = False) -> str:
    """Return a moment as `3 Jun 2024 14:05`, with `:09` where seconds count.

    Shown in the time zone of this machine, or on its `own_clock`: a camera's, in the place where it was. A date without
    a time of day is shown as one. Text that is no moment in ISO 8601 is returned as it is.
    """
    if not moment:
        return ""
    is_day = isinstance(moment, str) and len(moment) == _DAY_LENGTH
    try:
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError:
        return str(moment)
    at = at.astimezone() if at.tzinfo and not own_clock else at
    # By hand: `%b` depends on the locale that some library may have set.
    words = f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
    return words if is_day else f"{words} {at:%H:%M}" + (f":{at:%S}" if seconds else "")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 week, 1,204 uploads."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def word_places(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Return the spans of all words in the text that start with one of these."""
    pattern = "|".join(re.escape(word) for word in words if word)
    if not pattern:
        return []
    return [match.span() for match in re.finditer(rf"(?<![^\W_])(?:{pattern})\w*", text, re.IGNORECASE)]


def folded(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in bare if not unicodedata.combining(letter))
