"""Text from outside (names of files, messages of errors), made safe to show and to measure."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, set_cell_size

# A file's ending is what tells it from its neighbours, so it outlives the middle of a long name.
LONGEST_ENDING = 6
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


def fit(text: str, width: int) -> str:
    """Text (already visible) in exactly `width` cells: filled up with blanks, or cut short with an ellipsis."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…"


def fit_name(name: str, width: int) -> str:
    """As `fit`, for the name of a file: what is cut from a long one is its middle, not its ending."""
    dot = name.rfind(".")
    ending = name[dot:] if dot > 0 else ""
    ending_width = cell_len(ending)
    if cell_len(name) <= width or not ending or ending_width > LONGEST_ENDING or ending_width * 2 > width:
        return fit(name, width)
    return set_cell_size(name[:dot], width - ending_width - 1) + "…" + ending


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
