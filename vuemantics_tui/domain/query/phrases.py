"""The phrases that turn a plain sentence into filters, and the words of a line in which they are looked for.

The table has one row for each kind of phrase and language. A language joins with rows of its own: every kind is
optional, and nothing else has to change. Words are compared without case and accents. Blanks separate them, an
underscore stands for a blank within a phrase, and what stands behind `=` says what the phrase means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cache

from vuemantics_tui.domain.days import MONTH_NAMES
from vuemantics_tui.domain.query.line import AS_IS
from vuemantics_tui.domain.query.values import known_name
from vuemantics_tui.domain.text import folded


class PhraseKind(StrEnum):
    """What a phrase does in a sentence."""

    # May stand before a type at the beginning of a line, and goes with it.
    OPENER = auto()
    # A type of uploads, with the filter that it means. One of them may also describe what follows: a photo frame.
    TYPES = auto()
    TYPE = auto()
    # Between a type and what it shows; goes with the type.
    SHOWS = auto()
    # Before a place, before a tag that a person gave, before an album, and before any tag that is named as one.
    PLACE = auto()
    TAG = auto()
    ALBUM = auto()
    TAGGED = auto()
    # Before the name of an album, and behind it; both go with it.
    OWNER = auto()
    IS_ALBUM = auto()
    # Before a date; before a year alone; how a date limits what is found; between two dates.
    DATE = auto()
    YEAR = auto()
    SINCE = auto()
    BEFORE = auto()
    AFTER = auto()
    UNTIL = auto()
    BETWEEN = auto()
    TO = auto()
    # May stand before a date or a place, and goes with it.
    TAKEN = auto()
    ARTICLE = auto()
    # Turn a filter round; the second needs no other word before a name.
    NOT = auto()
    WITHOUT = auto()
    # Between two of a kind.
    AND = auto()
    OR = auto()
    # Words of dates: `CLASS:what read_day understands`.
    DAY = auto()
    # Months, and names of people and places, that are ordinary words too.
    ORDINARY_DAY = auto()
    ORDINARY = auto()


@dataclass(frozen=True, slots=True)
class PhraseRow:
    """The phrases of one kind in one language (ISO 639-1)."""

    kind: PhraseKind
    language: str
    phrases: str


def _months() -> str:
    names = [month.lower() for month in MONTH_NAMES]
    short = " ".join(f"{name[:3]}=m:{name[:3]}" for name in names if len(name) > 3)
    return " ".join(f"{name}=M:{name}" for name in names) + f" {short} sept=m:sep"


# The classes of words of dates: M a month, m its abbreviation, S a season, W a weekday, F a feast, L last, T this,
# u a unit, U units, A ago, K a day by itself, n a number, o a word that says nothing.
PHRASES: tuple[PhraseRow, ...] = (
    PhraseRow(PhraseKind.OPENER, "en", "show me find all my our the some any a an every"),
    PhraseRow(
        PhraseKind.TYPES,
        "en",
        """
        photos=type:image photographs=type:image pictures=type:image pics=type:image images=type:image
        snapshots=type:image videos=type:video clips=type:video movies=type:video footage=type:video
        screenshots=type:screenshot screen_shots=type:screenshot animations=type:animated gifs=type:gif
        raws=type:raw raw_photos=type:raw raw_files=type:raw raw_images=type:raw live_photos=is:live
        motion_photos=is:motion
        """,
    ),
    PhraseRow(
        PhraseKind.TYPE,
        "en",
        """
        photo=type:image photograph=type:image picture=type:image pic=type:image image=type:image
        snapshot=type:image video=type:video clip=type:video movie=type:video screenshot=type:screenshot
        screen_shot=type:screenshot animation=type:animated gif=type:gif
        """,
    ),
    PhraseRow(PhraseKind.SHOWS, "en", "of showing"),
    PhraseRow(PhraseKind.PLACE, "en", "in from at near around"),
    PhraseRow(PhraseKind.TAG, "en", "of with featuring showing"),
    PhraseRow(PhraseKind.ALBUM, "en", "from in of at on"),
    PhraseRow(PhraseKind.OWNER, "en", "my our"),
    PhraseRow(PhraseKind.IS_ALBUM, "en", "album"),
    PhraseRow(
        PhraseKind.TAGGED,
        "en",
        """
        tagged tagged_with tagged_as with_tag with_the_tag album in_album in_the_album from_album from_the_album
        of_the_album
        """,
    ),
    PhraseRow(PhraseKind.DATE, "en", "in on from during at over for within"),
    PhraseRow(PhraseKind.YEAR, "en", "of"),
    PhraseRow(PhraseKind.SINCE, "en", "since"),
    PhraseRow(PhraseKind.BEFORE, "en", "before"),
    PhraseRow(PhraseKind.AFTER, "en", "after"),
    PhraseRow(PhraseKind.UNTIL, "en", "until till up_to"),
    PhraseRow(PhraseKind.BETWEEN, "en", "between from"),
    PhraseRow(PhraseKind.TO, "en", "to and until till through"),
    PhraseRow(PhraseKind.TAKEN, "en", "taken shot made recorded filmed"),
    PhraseRow(PhraseKind.ARTICLE, "en", "the a an"),
    PhraseRow(PhraseKind.NOT, "en", "not except"),
    PhraseRow(PhraseKind.WITHOUT, "en", "without"),
    PhraseRow(PhraseKind.AND, "en", "and &"),
    PhraseRow(PhraseKind.OR, "en", "or"),
    PhraseRow(
        PhraseKind.DAY,
        "en",
        f"""
        {_months()}
        spring=S:spring summer=S:summer autumn=S:autumn fall=S:fall winter=S:winter
        monday=W:monday tuesday=W:tuesday wednesday=W:wednesday thursday=W:thursday friday=W:friday
        saturday=W:saturday sunday=W:sunday
        christmas=F:christmas xmas=F:xmas christmas_day=F:christmas christmas_eve=F:christmas_eve
        easter=F:easter halloween=F:halloween new_year=F:new_year new_year's=F:new_year new_years=F:new_year
        new_year's_eve=F:new_year's_eve new_years_eve=F:new_year's_eve
        valentine's=F:valentine's valentine's_day=F:valentine's valentines_day=F:valentine's
        first=Q:first second=Q:second third=Q:third last=L:last past=L:last previous=L:last this=T:this
        day=u:day week=u:week weekend=u:weekend month=u:month year=u:year
        days=U:day weeks=U:week months=U:month years=U:year ago=A:ago
        of=o: the=o:
        early=P:early start_of=P:early the_start_of=P:early beginning_of=P:early the_beginning_of=P:early
        mid=P:mid middle_of=P:mid the_middle_of=P:mid late=P:late end_of=P:late the_end_of=P:late
        today=K:today this_morning=K:today this_afternoon=K:today this_evening=K:today
        yesterday=K:yesterday day_before_yesterday=K:2d
        a=n:1 an=n:1 one=n:1 two=n:2 three=n:3 four=n:4 five=n:5 six=n:6 seven=n:7 eight=n:8 nine=n:9 ten=n:10
        eleven=n:11 twelve=n:12
        """,
    ),
    PhraseRow(PhraseKind.ORDINARY_DAY, "en", "may march mar"),
    PhraseRow(
        PhraseKind.ORDINARY,
        "en",
        """
        amber angel april art august autumn back bar baron bath battle bay beach bear bend best bill black
        blue boulder bridge brook brown buffalo bury candy car castle cat central chad charity chase cherry
        china christian church city clay cliff constance cooper coral cork corona country crystal daisy dale
        dark dawn day deal dean deer diamond dog drew duke eagle east eden enterprise eve faith fall family
        fern field fields fire fish flint flora forest found frank friends front garden gardens gene general
        ginger gold grace grant gray green grey guinea guy harmony hazel heather hell hill hills holly home
        hope horse house hull hunter ice iris island ivy jack jade jamaica jasmine jay jersey jordan joy june
        kids king lake lance lemon liberty light lily lime lost love male man mar march mark mason mass may
        melody miles mobile moon most motion movie music nature newport nice nick night norm normal north of
        off olive on opal orange page paradise park pat patience peace pearl penny people phoenix piece pink
        plain plains point pool poppy port power pretty purple rain raven ray reading red reed rich river road
        rob robin rock rocks rose roses ruby rugby rusty saffron sage sale sand sandy sea shadow shadows
        sienna silver skip sky skye snow south spa split sport spring square stage star sterling stone store
        street style summer sun sunny surprise table temple tower town train tree trees troy turkey union
        universal valley victor view village violet vista wade wall war ward ware water wave wedding wells
        west wheel white wild will willow wind wing winner winter wise women wood woods woody world worms wren
        yard yellow young zoo
        """,
    ),
)


class Phrases:
    """The rows of a table by kind: what each phrase means, without case and accents."""

    def __init__(self, rows: Iterable[PhraseRow]) -> None:
        self._meanings: dict[PhraseKind, dict[str, str]] = {kind: {} for kind in PhraseKind}
        for row in rows:
            for phrase in row.phrases.split():
                name, _, meaning = phrase.partition("=")
                self._meanings[row.kind][folded(name.replace("_", " "))] = meaning.replace("_", " ")
        self._lengths = {kind: lengths_by_first_word(names) for kind, names in self._meanings.items()}

    def of(self, kind: PhraseKind) -> Mapping[str, str]:
        """Return the phrases of a kind with what each means; empty for most kinds."""
        return self._meanings[kind]

    def lengths(self, kind: PhraseKind, first: str) -> Sequence[int]:
        """Return how many words the phrases of a kind have that begin with a word, the longest first."""
        return self._lengths[kind].get(first, ())


def lengths_by_first_word(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return for each first word of some names how many words these have, the longest first."""
    found: dict[str, tuple[int, ...]] = {}
    for name in names:
        first, count = name.partition(" ")[0], name.count(" ") + 1
        lengths = found.get(first)
        if lengths is None:
            found[first] = _ALONE if count == 1 else (count,)
        elif count not in lengths:
            found[first] = tuple(sorted((*lengths, count), reverse=True))
    return found


# Nearly every name begins with a word of its own.
_ALONE = (1,)


@cache
def known_phrases() -> Phrases:
    """Return the phrases of every language in the table."""
    return Phrases(PHRASES)


_TOKEN = re.compile(r'-?"[^"]*"?|[^\s"]+')
_NAME = re.compile(r"-?([A-Za-z]+):")
_STOPS = ",.;:?!"


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a line. `end` is behind what belongs to it, `last` behind the punctuation after it."""

    start: int
    end: int
    last: int
    raw: str
    key: str
    is_word: bool
    has_filter: bool

    @property
    def stops(self) -> bool:
        """Whether punctuation follows it."""
        return self.last > self.end

    @property
    def is_capital(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.raw[:1].isupper()


class Tokens:
    """The words of a line, and the phrases that stand in it. A place is the index of a word."""

    def __init__(self, text: str, phrases: Phrases, tokens: Sequence[Token] | None = None) -> None:
        self.text = text
        self.phrases = phrases
        self.all = tokens if tokens is not None else [_token_of(match, text) for match in _TOKEN.finditer(text)]

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, place: int) -> Token:
        return self.all[place]

    def without_last(self) -> Tokens:
        """Return the same words but for the last one."""
        return Tokens(self.text, self.phrases, self.all[:-1])

    def word(self, place: int) -> str:
        """Return a word as it is compared; empty behind the end, and for what is quoted."""
        return self.all[place].key if place < len(self.all) and self.all[place].is_word else ""

    def run(self, start: int, count: int) -> str:
        """Return so many words in a row, empty if there are not so many, or a comma stands between them."""
        if start + count > len(self.all):
            return ""
        if count == 1:
            return self.word(start)
        run = self.all[start : start + count]
        if not all(token.is_word for token in run) or any(token.stops for token in run[:-1]):
            return ""
        return " ".join(token.key for token in run)

    def take(self, kind: PhraseKind, start: int) -> int | None:
        """Return the place behind the longest phrase of a kind that stands here, or None."""
        for count in self.phrases.lengths(kind, self.word(start)):
            if self.run(start, count) in self.phrases.of(kind):
                return start + count
        return None

    def has(self, kind: PhraseKind, place: int) -> bool:
        """Tell whether the word here is a phrase of a kind."""
        return self.word(place) in self.phrases.of(kind)


def _token_of(match: re.Match[str], text: str) -> Token:
    raw = match[0]
    name = _NAME.match(raw)
    has_filter = name is not None and known_name(name[1]) is not None
    is_word = not raw.startswith(("-", "+", '"', AS_IS)) and not has_filter and match.end() - match.start() > 0
    # A quotation that touches a word makes it part of something else.
    is_word = is_word and text[match.end() : match.end() + 1] != '"'
    core = raw.rstrip(_STOPS) or raw
    key = folded(core.replace("’", "'"))
    return Token(match.start(), match.start() + len(core), match.end(), core, key, is_word, has_filter)
