"""The columns of the table: what each shows of an upload, how wide it is, and which of those chosen fit on a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from rich.cells import cell_len

from vuemantics_tui.domain.fields import FIELDS, USUAL_COLUMNS, dimension_words, rating_words
from vuemantics_tui.domain.formats import BY_MIME_TYPE, FileType
from vuemantics_tui.domain.stacks import StackRole
from vuemantics_tui.domain.text import age_words, date_words, length_words, size_words, visible
from vuemantics_tui.domain.upload import STACK_SIGN, UploadRow
from vuemantics_tui.domain.view import SortKey

NAME, DESCRIPTION, TAKEN, TAGS, RATING = "name", "description", "taken", "tags", "rating"

GAP = "  "
LEAD = 3  # a blank, the sign of the state, a blank
SCORE = 5
# From this many cells on, dates have their time of day, and signs more room.
WIDE = 100
_NARROW = 70
# In a window of so many cells, signs, scores and all matches have a colour of their own: each costs some 40 bytes of
# every move of the cursor, which smaller windows over SSH feel.
_COLOURFUL = 85
_NARROWEST_NAME = 12
# A longer one does not widen the column for all others.
_LONGEST_NAME = 40
# Of the line: the name and the description have at least so much, or as much of it as the longest name needs, before
# another column is added.
_NAME_SHARE = 0.32
_DESCRIPTION_SHARE = 0.25
# A photo of ..., The image shows ..., A video clip of what looks like ...
_OPENING = re.compile(
    r"(?:an?|the|this) (?:\w+ )?(?:photo|photograph|picture|image|video|clip)"
    r"(?P<possibly>, possibly)? (?:(?:of|shows|depicts|features|captures) (?P<guess>what looks like )?|(?=without))",
    re.IGNORECASE,
)
# More of a description is never shown on a line.
_SNIPPET = 400


@dataclass(frozen=True, slots=True)
class Column:
    """A column by the label of its field. `width` in cells, with `wide` on a wide line; 0 takes what the others leave.

    `cell` makes its text on a line that is wide or not. `sort` is the order that a click on the heading gives.
    """

    label: str
    width: int
    cell: Callable[[UploadRow, datetime, bool], str]
    wide: int = 0
    right: bool = False
    sort: SortKey | None = None

    @property
    def heading(self) -> str:
        """Return the name over the column."""
        return _HEADINGS[self.label]

    def cells(self, wide: bool) -> int:
        """Return its width on a line that is wide or not."""
        return self.wide if wide and self.wide else self.width


def _added(row: UploadRow, now: datetime, wide: bool) -> str:
    return age_words(row.created_at, now, day_only=not wide)


def _place(row: UploadRow, now: datetime, wide: bool) -> str:
    return ", ".join(dict.fromkeys(visible(part) for part in (row.place, row.country) if part))


def snippet(text: str) -> str:
    """Return the beginning of a text on one line."""
    return visible(" ".join(text[:_SNIPPET].split()))


def shown_words(description: str) -> str:
    """Return what a description says is to be seen, on one line, without the words with which nearly all begin.

    What it only guesses is marked as a guess.
    """
    text = snippet(description)
    opening = _OPENING.match(text)
    if opening is None:
        return text
    is_guess = opening["possibly"] or opening["guess"]
    return ("perhaps " if is_guess else "") + text[opening.end() :]


def _shows(row: UploadRow, now: datetime, wide: bool) -> str:
    if row.description:
        return shown_words(row.description)
    if row.warning or not row.read_text:
        return snippet(row.warning or "")
    return f"text: {snippet(row.read_text)}"


def tags_of(row: UploadRow) -> tuple[str, ...]:
    """Return the tags of an upload, yours first."""
    return tuple(dict.fromkeys((*row.own_tags, *row.tags)))


def _type(row: UploadRow, now: datetime, wide: bool) -> str:
    known = BY_MIME_TYPE.get(row.mime_type)
    return known.name if known else row.file_type.value


def _quality(row: UploadRow, now: datetime, wide: bool) -> str:
    return "" if row.description_audit_score is None else str(row.description_audit_score)


_HEADINGS = {field.label: field.heading for field in FIELDS if field.heading}
_COLUMNS = (
    Column(NAME, 0, lambda row, now, wide: visible(row.filename), sort=SortKey.NAME),
    Column(
        *(TAKEN, 11, lambda row, now, wide: date_words(row.taken_at, own_clock=True, day_only=not wide)),
        wide=17,
        right=True,
        sort=SortKey.TAKEN,
    ),
    Column(DESCRIPTION, 0, _shows),
    Column("place", 18, _place),
    Column("size", 7, lambda row, now, wide: size_words(row.file_size), right=True, sort=SortKey.SIZE),
    Column("dimensions", 13, lambda row, now, wide: dimension_words(row), right=True),
    Column(
        *("duration", 7, lambda row, now, wide: "" if row.duration is None else length_words(row.duration)),
        right=True,
        sort=SortKey.DURATION,
    ),
    Column(RATING, 8, lambda row, now, wide: rating_words(row.rating), sort=SortKey.RATING),
    Column(TAGS, 24, lambda row, now, wide: ", ".join(visible(tag) for tag in tags_of(row))),
    Column("type", 9, _type),
    Column("quality", 9, _quality, right=True, sort=SortKey.QUALITY),
    Column("added", 11, _added, wide=17, right=True, sort=SortKey.ADDED),
)
BY_LABEL = {column.label: column for column in _COLUMNS}


def chosen_columns(labels: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns of these labels, leaving out what is none; the name is always there."""
    known = dict.fromkeys(label.strip() for label in labels if label.strip() in BY_LABEL)
    return tuple(BY_LABEL[label] for label in (known if NAME in known else (NAME, *known)))


@dataclass(frozen=True, slots=True)
class Placed:
    """A column on a line: from which cell on, and how many."""

    column: Column
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands on a line of `total` cells. `signs` and `score` are cells at its end, 0 for none.

    Unless it is `colourful`, fewer colours save bytes.
    """

    placed: tuple[Placed, ...]
    signs: int
    score: int
    total: int
    colourful: bool = True

    @property
    def is_wide(self) -> bool:
        """Whether dates have their time of day."""
        return self.total >= WIDE

    def shows(self, label: str) -> bool:
        """Tell whether a column is shown."""
        return any(each.column.label == label for each in self.placed)

    def at(self, x: int) -> Placed | None:
        """Return the column in a cell of the line."""
        return next((each for each in self.placed if each.start <= x < each.start + each.width), None)

    @classmethod
    def of(cls, total: int, columns: Sequence[Column], *, name: int, scores: bool = False) -> Layout:
        """Return the layout of a line: the first of `columns` that fit. `name` is how long the longest name is.

        A name and a description take what the others leave. The others are left out from the right until both have
        their share.
        """
        wide, gap = total >= WIDE, len(GAP)
        signs = 6 if total < _NARROW else 8 if not wide else 12
        score = SCORE if scores else 0
        room = max(0, total - LEAD - 1 - gap - signs - (score + gap if score else 0))
        needs = {
            NAME: min(max(name, _NARROWEST_NAME), max(_NARROWEST_NAME, int(total * _NAME_SHARE)), room),
            DESCRIPTION: int(total * _DESCRIPTION_SHARE),
        }
        widths = {each.label: needs.get(each.label) or each.cells(wide) for each in columns}
        elastic = [each for each in columns if each.label in needs]
        left = room - sum(widths[each.label] + gap for each in elastic) + gap
        fixed = [each for each in columns if each not in elastic]
        # How much is left after each of these and those before it.
        lefts = {
            each.label: left - sum(widths[one.label] + gap for one in fixed[: place + 1])
            for place, each in enumerate(fixed)
        }
        kept = {*takewhile(lambda label: lefts[label] >= 0, lefts), *(each.label for each in elastic)}
        shown = [each for each in columns if each.label in kept]
        left = room - sum(widths[each.label] + gap for each in shown) + gap
        if DESCRIPTION in kept and left + widths[DESCRIPTION] < _NARROWEST_NAME:
            shown = [each for each in shown if each.label != DESCRIPTION]
            left += widths[DESCRIPTION] + gap
            kept.discard(DESCRIPTION)
        if DESCRIPTION in kept:
            more = max(0, min(left // 2, name - widths[NAME]))
            widths[NAME] += more
            widths[DESCRIPTION] += left - more
        else:
            widths[NAME] = max(0, widths[NAME] + left)
        placed = []
        start = LEAD
        for each in shown:
            placed.append(Placed(each, start, widths[each.label]))
            start += widths[each.label] + gap
        return cls(tuple(placed), signs, score, total)


def signs_of(row: UploadRow, *, rating: bool) -> list[str]:
    """Return the signs of what is special about an upload, the most important first; with `rating` also its stars."""
    roles = {member.role for member in row.stack_members}
    known = BY_MIME_TYPE.get(row.mime_type)
    is_live = StackRole.CLIP in roles or bool(row.motion_bytes)
    is_raw = StackRole.RAW in roles or (known is not None and known.is_raw)
    is_clip = row.file_type is FileType.VIDEO
    signs = [
        "MISSING" if row.missing_since else "",
        "HIDDEN" if row.hidden else "",
        f"▶ {length_words(row.duration)}" if is_clip and row.duration is not None else "▶" if is_clip else "",
        "LIVE" if is_live and not is_clip else "",
        "RAW" if is_raw else "",
        f"{STACK_SIGN} {row.stack_count:,}" if row.stack_count > (2 if is_live or is_raw else 1) else "",
        rating_words(row.rating).rstrip("☆") if rating and row.rating else "",
        "EDITED" if row.edited or StackRole.EDITED in roles else "",
        "TEXT" if row.read_text else "",
    ]
    return [sign for sign in signs if sign]


def fitting_signs(signs: Sequence[str], width: int) -> str:
    """Return as many of the signs as fit into so many cells, the first ones."""
    text = ""
    for sign in signs:
        longer = f"{text} {sign}" if text else sign
        if cell_len(longer) > width:
            break
        text = longer
    return text


class TableColumns:
    """The columns chosen, and how long the names are. `listeners` are called when another layout comes of that."""

    def __init__(self, labels: Iterable[str] = USUAL_COLUMNS) -> None:
        self.chosen = chosen_columns(labels)
        self.listeners: list[Callable[[], object]] = []
        self._longest_name = 0

    def choose(self, labels: Iterable[str]) -> None:
        """Show these columns, in this order."""
        self.chosen = chosen_columns(labels)
        self._tell()

    def fit_names(self, names: Iterable[str]) -> None:
        """Take in that these names are listed: their column grows with them, and never shrinks under the eye."""
        longest = max((min(cell_len(visible(name)), _LONGEST_NAME) for name in names), default=0)
        if longest > self._longest_name:
            self._longest_name = longest
            self._tell()

    def layout(self, total: int, *, window: int, scores: bool) -> Layout:
        """Return the layout of a line of `total` cells in a window of so many."""
        layout = Layout.of(total, self.chosen, name=self._longest_name, scores=scores)
        return replace(layout, colourful=window >= _COLOURFUL)

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()
