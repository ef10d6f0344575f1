"""The filters of a search, and how they print."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vuemantics_tui.domain.days import MONTH_NAMES, Day
from vuemantics_tui.domain.formats import BY_ALIAS, FileType
from vuemantics_tui.domain.moment import DateSource
from vuemantics_tui.domain.query.line import literal, pattern_pieces


class TextField(StrEnum):
    r"""Filters by text. `*` stands for any characters, `\*` for itself; a tag or a label is compared whole, the others
    in part."""

    TAG = "tag"
    NAME = "name"
    CAMERA = "camera"
    PLACE = "place"
    COUNTRY = "country"
    COLOR = "color"
    TITLE = "title"
    CREATOR = "creator"
    LABEL = "label"
    SOURCE = "source"
    ERROR = "error"


class ChoiceField(StrEnum):
    """Filters with a fixed set of values."""

    TYPE = "type"
    STATUS = "status"
    IS = "is"
    DATED = "dated"


class DateField(StrEnum):
    """Filters by date taken, or else added: from a day on, before it, or on it."""

    AFTER = "after"
    BEFORE = "before"
    ON = "taken"


class RangeField(StrEnum):
    """Filters by number: bytes, pixels, milliseconds or stars."""

    SIZE = "size"
    WIDTH = "width"
    HEIGHT = "height"
    DURATION = "duration"
    RATING = "rating"


class YearlyField(StrEnum):
    """The filter by a day of any year."""

    DAY = "day"


TYPES_BY_LOOK = ("screenshot", "animated", "stack")
"""The choices of `type:` that are no format."""
UNDATED = "no"
"""The choice of `dated:` for what has no date."""

TYPE_WORDS = {
    **dict.fromkeys(("photo", "photos", "photograph", "photographs", "picture", "pictures", "images"), FileType.IMAGE),
    **dict.fromkeys(("videos", "clip", "clips", "movie", "movies"), FileType.VIDEO),
    **{"screenshots": "screenshot", "animation": "animated", "animations": "animated", "stacks": "stack"},
}
"""Other words for choices of `type:`."""

CHOICES: dict[ChoiceField, tuple[str, ...]] = {
    ChoiceField.TYPE: (*FileType, *TYPES_BY_LOOK, *BY_ALIAS),
    ChoiceField.STATUS: ("waiting", "running", "completed", "failed", "cancelled", "warning"),
    ChoiceField.IS: (
        *("hidden", "failed", "edited", "duplicate", "portrait", "landscape", "animated"),
        *("stack", "live", "motion", "burst", "raw", "missing", "away", "in-place", "copied"),
    ),
    ChoiceField.DATED: (*DateSource, UNDATED),
}


class Relation(StrEnum):
    """How a number compares with the given one."""

    EQUAL = ""
    MORE = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    BETWEEN = ".."


@dataclass(frozen=True, slots=True)
class TextFilter:
    r"""`tag:cat`, `name:"my file*"`, `camera:canon`, `color:blue`, `tag:"5\* best"`."""

    field: TextField
    text: str
    negated: bool = False

    @classmethod
    def exactly(cls, field: TextField, text: str) -> TextFilter:
        """Return the filter that matches this text literally."""
        return cls(field, literal(text))

    @property
    def pieces(self) -> tuple[str, ...]:
        """Return the text between the wildcards: one piece if there are none."""
        return pattern_pieces(self.text)

    @property
    def value(self) -> str:
        """Return what stands behind the colon."""
        return f'"{self.text}"' if " " in self.text or "," in self.text else self.text

    def __str__(self) -> str:
        return _printed(self.field, self.value, self.negated)


@dataclass(frozen=True, slots=True)
class ChoiceFilter:
    """`type:video`, `type:heic`, `status:failed`, `is:hidden`."""

    field: ChoiceField
    choice: str
    negated: bool = False

    @property
    def value(self) -> str:
        """Return what stands behind the colon."""
        return self.choice

    def __str__(self) -> str:
        return _printed(self.field, self.value, self.negated)


@dataclass(frozen=True, slots=True)
class DateFilter:
    """`after:2024-06`, `before:7d`, `taken:today`, `taken:"last summer"`."""

    field: DateField
    day: Day
    negated: bool = False

    @property
    def value(self) -> str:
        """Return what stands behind the colon."""
        value = str(self.day)
        return f'"{value}"' if " " in value else value

    def __str__(self) -> str:
        return _printed(self.field, self.value, self.negated)


@dataclass(frozen=True, slots=True)
class YearlyFilter:
    """`day:28-nov`: taken on that day of any year."""

    month: int
    day: int
    negated: bool = False

    @property
    def field(self) -> YearlyField:
        """Return the one field that there is."""
        return YearlyField.DAY

    @property
    def value(self) -> str:
        """Return what stands behind the colon."""
        return f"{self.day}-{MONTH_NAMES[self.month - 1][:3].lower()}"

    def __str__(self) -> str:
        return _printed(self.field, self.value, self.negated)


@dataclass(frozen=True, slots=True)
class RangeFilter:
    """`size:>5MB`, `width:1920`, `duration:30s..2m`: bytes, pixels, milliseconds or stars; `high` of BETWEEN.

    Without a rating an upload has 0 stars, and a rejected one has -1.
    """

    field: RangeField
    relation: Relation
    low: int
    high: int | None = None
    negated: bool = False

    @property
    def value(self) -> str:
        """Return what stands behind the colon."""
        if self.high is not None:
            return f"{_number(self.field, self.low)}..{_number(self.field, self.high)}"
        return f"{self.relation.value}{_number(self.field, self.low)}"

    def __str__(self) -> str:
        return _printed(self.field, self.value, self.negated)


@dataclass(frozen=True, slots=True)
class NearFilter:
    """`near:52.52,13.4,5`: degrees north and east, and kilometres around that point."""

    latitude: float
    longitude: float
    kilometres: float
    negated: bool = False

    def __str__(self) -> str:
        parts = (f"{part:.6f}".rstrip("0").rstrip(".") for part in (self.latitude, self.longitude, self.kilometres))
        return _printed("near", ",".join(parts), self.negated)


OneValue = TextFilter | ChoiceFilter | DateFilter | YearlyFilter | RangeFilter


@dataclass(frozen=True, slots=True)
class AnyFilter:
    """`place:nice,rome`: several values of one field, of which an upload must meet one. Each of `filters` is plain."""

    filters: tuple[OneValue, ...]
    negated: bool = False

    def __str__(self) -> str:
        return _printed(self.filters[0].field, ",".join(one.value for one in self.filters), self.negated)


Filter = OneValue | NearFilter | AnyFilter


def _printed(name: str, value: str, negated: bool) -> str:
    return f"{'-' if negated else ''}{name}:{value}"


def _number(field: RangeField, number: int) -> str:
    if field is RangeField.SIZE:
        unit, bytes_in_it = next(
            (pair for pair in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)) if number and number % pair[1] == 0),
            ("B", 1),
        )
        return f"{number // bytes_in_it}{unit}"
    if field is RangeField.DURATION:
        whole, rest = divmod(number, 1000)
        return f"{whole}.{rest:03}".rstrip("0") + "s" if rest else f"{whole}s"
    return str(number)
