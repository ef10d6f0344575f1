"""Text and numbers made safe and easy to read, and letters made comparable."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

_UNITS = ("B", "KB", "MB", "GB", "TB")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DAY_LENGTH = len("2024-06-03")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

# More marks than any script puts on one letter would only paint over the lines around it.
MOST_MARKS = 3

# Terminals disagree on how wide these make the preceding character, which would break the columns.
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


def lines_of(text: str) -> str:
    """Return a text of several lines, each of them safe to show."""
    return "\n".join(visible(line) for line in text.strip().splitlines())


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


def length_words(seconds: float) -> str:
    """Return the length of a clip as `clock_words`; the shortest have a second."""
    return clock_words(max(1.0, seconds))


def clock_words(seconds: float) -> str:
    """Return a length of time as a clock shows it: 0:04, 12:30, 1:02:03."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def date_words(
    moment: str | datetime | None, *, seconds: bool = False, own_clock: bool = False, day_only: bool = False
) -> str:
    """Return a moment as `3 Jun 2024 14:05`, with `:09` where seconds count, or as its day alone.

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
    # Not `%b`: it depends on the locale, which some library may have set.
    words = f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
    return words if is_day or day_only else f"{words} {at:%H:%M}" + (f":{at:%S}" if seconds else "")


def month_words(month: str) -> str:
    """Return a month, as `2024-06`, in words: Jun 2024."""
    year, _, number = month.partition("-")
    return f"{_MONTHS[int(number) - 1]} {int(year)}"


def time_words(moment: datetime) -> str:
    """Return the time of day of a moment as `14:05:09`, for lists whose entries are of one day."""
    return f"{moment:%H:%M:%S}"


def age_words(moment: str, now: datetime, *, day_only: bool = False) -> str:
    """Return how long ago that was if it is under a day, as `now`, `2 min` or `3 h`; else its date, or its day alone.

    Text that is no moment in ISO 8601 with an offset is left out.
    """
    try:
        seconds = (now - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):
        return ""
    if not -_MINUTE < seconds < _DAY:
        return date_words(moment, day_only=day_only)
    if seconds < _MINUTE:
        return "now"
    return f"{seconds // _MINUTE:.0f} min" if seconds < _HOUR else f"{seconds // _HOUR:.0f} h"


def ago_words(moment: str, now: datetime) -> str:
    """Return as `age_words` how long ago that was, as the end of a sentence: just now, 2 min ago, 3 Jun 2024 14:05."""
    words = age_words(moment, now)
    if words == "now":
        return "just now"
    return f"{words} ago" if words.endswith((" min", " h")) else words


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 week, 1,204 uploads."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def storable(name: str) -> str:
    """Return a file name as text to show: bytes that are no UTF-8 become replacement characters."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


# Letters and words, as they are compared

# Letters that Unicode does not decompose into a plain letter and a mark, though people type one for the other.
_PLAIN = {
    **{"æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ŋ": "n", "ĸ": "k", "ɪ": "i", "ʀ": "r", "ə": "e"},
    # Russian is mostly written without the dots of Ё; no other Cyrillic letter loses its marks.
    **{"ё": "е", "ѐ": "е", "ѝ": "и"},
    **{"أ": "ا", "إ": "ا", "آ": "ا", "ؤ": "و", "ئ": "ي", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك"},
    # Typographic quotation marks and dashes; the middle dot of Catalan l·l, which NFKC makes of ŀl; the Arabic tatweel.
    **dict.fromkeys("‘’‚‛ʼ´′", "'"),
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("·ـ", ""),
}
_LATIN = re.compile(r"LATIN (?:SMALL LETTER|LETTER SMALL CAPITAL) (?:DOTLESS |LONG )?([A-Z])(?: WITH .*)?")
# Blocks of marks that a text is also written without: accents, and the vowels of Hebrew and Arabic.
_ACCENTS = (
    *(range(0x300, 0x370), range(0x591, 0x5C8), range(0x610, 0x61B), range(0x64B, 0x660), range(0x670, 0x671)),
    *(range(0x6D6, 0x6EE), range(0x1AB0, 0x1B00), range(0x1DC0, 0x1E00), range(0x20D0, 0x2100), range(0xFE20, 0xFE30)),
)

# The scripts that are written without blanks between words, or, as Korean, with particles joined to them: Thai, Lao,
# Myanmar, Hangul, Khmer, Tai Le, kana, Bopomofo, Han and Yi. Above them stand more Han, emoji, and letters that are
# younger than SQLite's table of them.
_SOLID = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035"
    "\u3038-\u303c\u3040-\u312f\u3131-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f"
    "\uaa60-\uaa7f\uac00-\ud7ff\uf900-\ufaff"
)
_SYMBOLS = "\u2600-\u27bf\u2b00-\u2bff"
_ASTRAL = "\U00010000-\U0010ffff"
_PARTS = re.compile(f"[{_SOLID}{_SYMBOLS}{_ASTRAL}]")
# A letter or digit of a folded text that is no part of its own, and what continues a word. The signs of India's vowels
# are no letters to `re`.
_LETTER = rf"[^\W_{_SOLID}{_ASTRAL}]"
_ON = rf"(?:[^\W{_SOLID}{_ASTRAL}]|[\u0900-\u0963\u0966-\u0dff])"
_DIGITS = re.compile("0*([0-9]+)")
# What joins the character before it without being a mark: the later letters of a Hangul syllable, and the marks of
# half-width kana.
_JOINING = (*range(0x1160, 0x1200), 0xFF9E, 0xFF9F)


class _Folds(dict[int, str]):
    """What each character becomes, worked out on first use."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = found = _folded_character(character)
        return found


class _Gaps(dict[int, str]):
    """What each character is in a list of words: itself, a gap, nothing, or, as an emoji is, a word of its own."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LNM" or character == "_":
            found = character
        elif code in _JOINERS or category == "Cf" or character == "·":
            found = ""
        else:
            found = f" {character} " if category == "So" and _PARTS.match(character) else " "
        self[code] = found
        return found


def _folded_character(character: str) -> str:
    """Return a lower-case character of a text in NFKC as the plain letters that people type for it."""
    code, category = ord(character), unicodedata.category(character)
    if code in _JOINERS or category == "Cf" or any(code in block for block in _ACCENTS):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if (plain := _PLAIN.get(character)) is not None:
        return plain
    base = unicodedata.normalize("NFD", character)[0]
    name = unicodedata.name(base, "")
    if name.startswith("LATIN"):
        letter = _LATIN.fullmatch(name)
        return _PLAIN.get(base, letter[1].lower() if letter else base)
    return base if name.startswith("GREEK") else character


_FOLDS, _GAPS = _Folds(), _Gaps()


def folded(text: str) -> str:
    """Return the text as everything is compared by which is searched for: without case, accents and ways of encoding.

    `Straße`, `STRASSE` and `Strasse` are the same, as are `Łódź` and `lodz`, NFC and NFD, full and half width. Marks
    without which a letter is another one stay: those of kana, Thai, the scripts of India, and й. Folding twice
    changes nothing. After "Default Caseless Matching" in section 3.13 of the Unicode Standard.
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold().translate(_FOLDS))


def caseless(text: str) -> str:
    """Return what tells whether two names are one: without case and ways of encoding, but with accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text).casefold()
    # The dot of İ: in lower case i has it anyway.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", decomposed).replace("i\u0307", "i"))


def natural_order(text: str) -> str:
    """Return what orders names as people do: folded, and 2 before 10."""
    return _DIGITS.sub(lambda run: f"{min(len(run[1]), 99):02}{run[1]}", folded(text))


def split_words(text: str) -> tuple[str, ...]:
    """Return all words in order, lower case. A run of Chinese or Thai is one word, an emoji is one, too."""
    return tuple(unicodedata.normalize("NFC", text).lower().translate(_GAPS).split())


def segmented(text: str) -> str:
    """Return the text as full text holds and finds it: folded, with each character of a solid run as a word.

    So a part of a run is a phrase. What FTS5 does not know for a letter is written as a number.
    """
    text = folded(text)
    return text if text.isascii() else _PARTS.sub(_part, text)


def _part(match: re.Match[str]) -> str:
    character = match[0]
    return f" {character} " if character < "\u2600" or "\u2e80" <= character <= "\uffff" else f" u{ord(character):x} "


def word_places(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Return the spans of all words in the text that start with one of these, and of all parts of solid runs."""
    pattern = "|".join(_begun(word) for word in sorted({folded(word) for word in words}, key=len, reverse=True) if word)
    if not pattern:
        return []
    if text.isascii():
        return [match.span() for match in re.finditer(pattern, text.lower())]
    # Each character of the folded text is that of a cluster of the other: a letter with its marks.
    clusters = _clusters(text)
    origins: list[tuple[int, int]] = []
    pieces: list[str] = []
    for start, stop in clusters:
        piece = folded(text[start:stop])
        pieces.append(piece)
        origins += [(start, stop)] * len(piece)
    return [(origins[match.start()][0], origins[match.end() - 1][1]) for match in re.finditer(pattern, "".join(pieces))]


def _begun(word: str) -> str:
    """Return the pattern of words that begin with a folded one; what is solid begins and ends anywhere."""
    before = "" if _PARTS.match(word) else rf"(?<!{_LETTER})"
    return before + re.escape(word) + ("" if _PARTS.match(word[-1]) else f"{_ON}*")


def _clusters(text: str) -> list[tuple[int, int]]:
    """Return the spans of the characters with the marks behind them."""
    starts = [
        place
        for place, character in enumerate(text)
        if not place or not (unicodedata.category(character)[0] == "M" or ord(character) in _JOINING)
    ]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))
