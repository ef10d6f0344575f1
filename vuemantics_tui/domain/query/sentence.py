"""Plain sentences as search lines: which of their phrases are filters, and the same line with filters for them.

`videos from Rome 2019` is `type:video place:rome taken:2019`. The phrases are rows of a table, the names are those
that the library has. Where a phrase may be something else, it stays words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from vuemantics_tui.domain.query.date_phrases import DatePhrase, DatePhrases, filters_in_year
from vuemantics_tui.domain.query.filters import (
    AnyFilter,
    DateField,
    DateFilter,
    Filter,
    NearFilter,
    OneValue,
    TextField,
    TextFilter,
)
from vuemantics_tui.domain.query.line import AS_IS, literal, only_empty_words
from vuemantics_tui.domain.query.parser import parse_query
from vuemantics_tui.domain.query.phrases import PhraseKind, Phrases, Tokens, known_phrases, lengths_by_first_word
from vuemantics_tui.domain.query.values import any_of
from vuemantics_tui.domain.text import folded

# What the words for pictures mean in the table of phrases.
_IMAGES = "type:image"


class ChipKind(StrEnum):
    """What a chip narrows by."""

    TYPE = "type"
    DATE = "date"
    PLACE = "place"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Chip:
    """A phrase of a line that is a filter: from where to where it stands, and the filters, all of which must match."""

    kind: ChipKind
    start: int
    end: int
    words: str
    filters: tuple[Filter, ...]

    @property
    def key(self) -> str:
        """Return what tells whether two chips are the same phrase."""
        return _key(self.words)

    @property
    def line(self) -> str:
        """Return its filters as they are written in a line."""
        return " ".join(map(str, self.filters))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A line as it was typed, its chips in order, and the line with filters in their place, which is searched for."""

    text: str
    chips: tuple[Chip, ...] = ()
    line: str = ""

    def chip_before(self, cursor: int) -> Chip | None:
        """Return the chip that the cursor stands right behind, or with one blank between."""
        behind = self.text[:cursor]
        ends = {cursor, cursor - 1} if behind[-1:].isspace() else {cursor}
        return next((chip for chip in self.chips if chip.end in ends), None)


@dataclass(frozen=True, slots=True)
class KnownTag:
    """A tag of the library. `own` says that a person or a file gave it, `seen` that an analyzer did."""

    name: str
    own: bool
    album: bool
    seen: bool


class Vocabulary:
    """The names that a library has: its tags and albums, its places in every language, the years of its uploads."""

    def __init__(
        self,
        tags: Iterable[KnownTag] = (),
        places: Iterable[tuple[Sequence[str], Sequence[str]]] = (),
        years: Iterable[int] = (),
    ) -> None:
        """Take the tags; of each place its names, region and country, and its names in other languages; the years."""
        self.tags: dict[str, KnownTag] = {}
        for tag in tags:
            # Accents tell tags apart, but a search does not.
            key = folded(tag.name)
            other = self.tags.get(key, tag)
            first = tag if tag.own and not other.own else other
            self.tags[key] = replace(first, album=tag.album or other.album, seen=tag.seen or other.seen)
        self._tag_lengths = lengths_by_first_word(self.tags)
        self.years = frozenset(years)
        self.places: dict[str, set[int]] = {}
        usual: set[str] = set()
        for number, (names, others) in enumerate(places):
            own = [folded(name) for name in names if name]
            usual.update(own)
            for name in (*own, *map(folded, others)):
                self.places.setdefault(name, set()).add(number)
        self._place_lengths = lengths_by_first_word(self.places)
        # What `place:` looks through for the beginning of a word.
        self._names = "\n".join(("", *(f" {name} " for name in usual), ""))

    def lengths(self, kind: ChipKind, first: str) -> Sequence[int]:
        """Return how many words the tags or places have that begin with a word, the longest first."""
        return (self._tag_lengths if kind is ChipKind.TAG else self._place_lengths).get(first, ())

    def is_seen(self, name: str) -> bool:
        """Whether analyzers see this in pictures: then it is a thing rather than a name."""
        tags = (self.tags.get(form) for form in (name, name.removesuffix("s"), f"{name}s"))
        return any(tag is not None and tag.seen for tag in tags)

    def place_filter(self, *names: str) -> TextFilter:
        """Return the filter that finds the places with all of these names, and no others."""
        if len(names) > 1:
            return TextFilter(TextField.PLACE, ", ".join(literal(name) for name in names))
        (name,) = names
        whole, begun = self._names.count(f"\n {name} \n"), self._names.count(f" {name}")
        # Whole names stand between commas: York, but not New York.
        text = literal(name) if begun == whole and "," not in name else f"{literal(name)}, *"
        return TextFilter(TextField.PLACE, text)


def understand(
    text: str,
    vocabulary: Vocabulary,
    today: date,
    *,
    kept: Collection[str] = (),
    settled: Collection[str] = (),
    typing: bool = False,
    phrases: Phrases | None = None,
) -> Sentence:
    """Return which phrases of a line are filters.

    While `typing`, the last phrase may go on until a blank stands behind it. The keys of chips that are `kept` stay
    words. A line that has filters, or arithmetic, is left as it is, apart from chips that were `settled` before, and so
    is one that begins with `=`.
    """
    if not text.strip() or text.lstrip().startswith(AS_IS):
        return Sentence(text, (), text)
    tokens = Tokens(text, phrases or known_phrases())
    is_free = not any(token.has_filter for token in tokens.all) and _is_plain(text)
    if not is_free and not settled:
        return Sentence(text, (), text)

    def read(words: Tokens) -> list[_Found]:
        return _Reader(words, vocabulary, today, kept, typing, settled, only_settled=not is_free).read()

    is_open = typing and tokens[-1].last == len(text)
    found = read(tokens) if settled or not is_open else []
    if is_open and not (found and found[-1].chip.end == tokens[-1].end and found[-1].chip.key in settled):
        # The last word may go on.
        found = read(tokens.without_last())
    return Sentence(text, tuple(part.chip for part in found), _line(tokens, found))


def _is_plain(text: str) -> bool:
    query = parse_query(text, typing=True)
    return not query.filters and query.sort is None and (query.is_plain or not query.operands)


@dataclass(frozen=True, slots=True)
class _Found:
    """A chip, and from which token to which, the first one behind it, it goes; `cut` are left out with it."""

    chip: Chip
    start: int
    end: int
    cut: int
    # A date without a year, as the text of `taken:`; a year alone.
    yearless: str = ""
    year: int = 0


@dataclass(frozen=True, slots=True)
class _Match:
    """What a rule found: up to which token, and the filters. Of those that `wait`, what follows decides."""

    end: int
    kind: ChipKind
    filters: tuple[Filter, ...]
    wait: bool = False
    cut: int = 0
    names: tuple[str, ...] = ()
    yearless: str = ""
    year: int = 0


@dataclass
class _Reader:
    tokens: Tokens
    vocabulary: Vocabulary
    today: date
    kept: Collection[str]
    typing: bool
    settled: Collection[str]
    only_settled: bool
    found: list[_Found] = field(default_factory=list)

    def __post_init__(self) -> None:
        words = [token for token in self.tokens.all if token.is_word]
        # In a line of capitals, or of words that all begin with one, capitals tell nothing.
        self._cased = any(token.raw[:1].islower() for token in words)
        self._dates = DatePhrases(self.tokens, self.vocabulary.years, self.today)
        self._rules: tuple[Callable[[int], _Match | None], ...] = (self._date, self._type, self._tag, self._place)

    def read(self) -> list[_Found]:
        """Return the chips in order."""
        place = 0
        while place < len(self.tokens):
            place = self._read_at(place)
        return _with_years(self.found)

    def _read_at(self, start: int) -> int:
        """Take the longest phrase that begins here; return where to go on."""
        token = self.tokens[start]
        if not token.is_word:
            return start + 1
        begin, negated = start, False
        after_not = self.tokens.take(PhraseKind.NOT, start)
        if after_not is not None:
            begin, negated = after_not, True
        matches = [match for rule in self._rules if (match := rule(begin)) is not None]
        if not negated and (without := self.tokens.take(PhraseKind.WITHOUT, start)) is not None:
            named = self._named_tag(without, without, plain=True)
            matches, negated = ([named], True) if named else (matches, False)
        if not matches:
            return start + 1
        match = max(matches, key=lambda each: each.end)
        match = self._joined(match) if not negated else match
        if negated and len(match.filters) != 1:
            return match.end
        filters = tuple(_negated(one) for one in match.filters) if negated else match.filters
        first, last = self.tokens[start], self.tokens[match.end - 1]
        words = self.tokens.text[first.start : last.end]
        chip = Chip(match.kind, first.start, last.end, words, filters)
        if self._stays_words(chip):
            return match.end
        if self.only_settled and chip.key not in self.settled:
            return start + 1
        if match.wait and chip.key not in self.settled and not self._is_closed(match.end):
            return start + 1
        cut = max(match.cut, match.end)
        plain = not negated
        self.found.append(
            _Found(chip, start, match.end, cut, match.yearless if plain else "", match.year if plain else 0)
        )
        return match.end

    def _stays_words(self, chip: Chip) -> bool:
        return any(chip.key == key or chip.key.startswith(f"{key} ") for key in self.kept)

    def _is_closed(self, place: int) -> bool:
        """Tell whether nothing that belongs to a phrase follows it: the end, another phrase, or a word between."""
        if self.tokens[place - 1].stops:
            return True
        if place >= len(self.tokens):
            return not self.typing
        if not self.tokens[place].is_word:
            return False
        links = (
            *(PhraseKind.SHOWS, PhraseKind.PLACE, PhraseKind.TAG, PhraseKind.ALBUM, PhraseKind.DATE, PhraseKind.YEAR),
            *(PhraseKind.SINCE, PhraseKind.BEFORE, PhraseKind.AFTER, PhraseKind.UNTIL, PhraseKind.BETWEEN),
            *(PhraseKind.TAKEN, PhraseKind.NOT, PhraseKind.WITHOUT, PhraseKind.AND, PhraseKind.OR),
        )
        if (
            any(self.tokens.has(kind, place) for kind in links)
            or self.tokens.take(PhraseKind.TAGGED, place) is not None
        ):
            return True
        return self._dates.at(place) is not None

    def _is_ordinary(self, name: str) -> bool:
        return name in self.tokens.phrases.of(PhraseKind.ORDINARY) or self.vocabulary.is_seen(name)

    def _is_capital(self, start: int) -> bool:
        return self._cased and self.tokens[start].is_capital

    def _date(self, start: int) -> _Match | None:
        return _match_of(self._dates.at(start))

    # Types

    def _type(self, start: int) -> _Match | None:
        if any(each.chip.kind is ChipKind.TYPE for each in self.found):
            return None
        place = start
        if all(self.tokens.has(PhraseKind.OPENER, each) for each in range(start)):
            if start and not self.found:
                return None  # it was looked at together with what opens the line
            while self.tokens.has(PhraseKind.OPENER, place):
                place += 1
        elif not self._may_end_in_type(start):
            return None
        return self._type_at(place)

    def _type_at(self, place: int) -> _Match | None:
        for kind in (PhraseKind.TYPES, PhraseKind.TYPE):
            end = self.tokens.take(kind, place)
            if end is not None:
                meaning = self.tokens.phrases.of(kind)[self.tokens.run(place, end - place)]
                cut = self.tokens.take(PhraseKind.SHOWS, end) or end
                is_one = kind is PhraseKind.TYPE and bool(place) and self.tokens.has(PhraseKind.ARTICLE, place - 1)
                if is_one and cut > end and meaning == _IMAGES:
                    # "A photo of a dog" is a caption, of the kind that joint models learned from: all of it counts.
                    return None
                filters = parse_query(meaning).filters
                return _Match(end, ChipKind.TYPE, filters, kind is PhraseKind.TYPE, cut)
        return None

    def _may_end_in_type(self, start: int) -> bool:
        """Tell whether the word before may describe uploads: dog videos, but not watching videos."""
        before = self.tokens[start - 1]
        kinds = (
            *(PhraseKind.OPENER, PhraseKind.ARTICLE, PhraseKind.SHOWS, PhraseKind.PLACE, PhraseKind.TAG),
            *(PhraseKind.DATE, PhraseKind.TO, PhraseKind.AND, PhraseKind.OR),
        )
        if self.found and self.found[-1].end == start:
            return True
        return (
            before.is_word and not before.key.endswith("ing") and not any(self.tokens.has(k, start - 1) for k in kinds)
        )

    # Tags and albums

    def _tag(self, start: int) -> _Match | None:
        after = self.tokens.take(PhraseKind.TAGGED, start)
        if after is not None and (named := self._named_tag(after, after, plain=True)):
            return named
        best: _Match | None = None
        if self.tokens.has(PhraseKind.TAG, start):
            best = self._named_tag(start + 1, start + 1)
        if self.tokens.has(PhraseKind.ALBUM, start):
            place = start + 1
            has_lead = any(self.tokens.has(kind, place) for kind in (PhraseKind.ARTICLE, PhraseKind.OWNER))
            album = self._named_tag(place + int(has_lead), place, place=True)
            # From my holiday album: the word may follow the name.
            if album and self.tokens.has(PhraseKind.IS_ALBUM, album.end) and not self.tokens[album.end - 1].stops:
                album = replace(album, end=album.end + 1)
            best = album if album and (best is None or album.end > best.end) else best
        return best

    def _named_tag(self, begin: int, lead: int, *, plain: bool = False, place: bool = False) -> _Match | None:
        """Return the longest tag that is named here; with `plain` any, else one that a person gave.

        A `place` may be an album, or a tag that is written as a name.
        """
        for count in self.vocabulary.lengths(ChipKind.TAG, self.tokens.word(begin)):
            run = self.tokens.run(begin, count)
            tag = self.vocabulary.tags.get(run) if run else None
            if tag is None or not (plain or tag.own or tag.album):
                continue
            if not plain:
                first, last = self.tokens[begin], self.tokens[begin + count - 1]
                is_exact = self._cased and self.tokens.text[first.start : last.end] == tag.name and tag.name != run
                if self._is_ordinary(run) and not is_exact:
                    continue
                if place and not (tag.album or count > 1 or tag.name[:1].isupper()):
                    continue
                if begin > lead and not tag.album:
                    continue
            filters = (TextFilter.exactly(TextField.TAG, tag.name),)
            return _Match(begin + count, ChipKind.TAG, filters)
        return None

    # Places

    def _place(self, start: int) -> _Match | None:
        lead = self._lead(start, PhraseKind.PLACE)
        if lead is None and self.tokens.has(PhraseKind.SHOWS, start) and self._follows_type(start):
            lead = start + 1
        if lead is None:
            return None
        has_article = self.tokens.has(PhraseKind.ARTICLE, lead)
        match = self._named_place(lead, has_article=False)
        if match is None and has_article:
            match = self._named_place(lead + 1, has_article=True)
        return match

    def _follows_type(self, start: int) -> bool:
        return bool(self.found) and self.found[-1].chip.kind is ChipKind.TYPE and self.found[-1].end == start

    def _lead(self, start: int, kind: PhraseKind) -> int | None:
        """Return the place behind a word such as `in`, or `taken in`."""
        place = start + int(self.tokens.has(PhraseKind.TAKEN, start))
        return place + 1 if self.tokens.has(kind, place) else None

    def _named_place(self, begin: int, *, has_article: bool) -> _Match | None:
        name = self._place_name(begin, has_article=has_article)
        if name is None:
            return None
        run, end, wait = name
        names = [run]
        # Rome, Italy: one within the other.
        numbers = self.vocabulary.places[run]
        while (inner := self._place_name(end)) is not None and numbers & self.vocabulary.places[inner[0]]:
            numbers = numbers & self.vocabulary.places[inner[0]]
            names.append(inner[0])
            end, wait = inner[1], False
        return _Match(end, ChipKind.PLACE, (self.vocabulary.place_filter(*names),), wait)

    def _place_name(self, begin: int, *, has_article: bool = False) -> tuple[str, int, bool] | None:
        """Return the longest place that is named here, the place behind it, and whether what follows decides."""
        for count in self.vocabulary.lengths(ChipKind.PLACE, self.tokens.word(begin)):
            run = self.tokens.run(begin, count)
            if not run or run not in self.vocabulary.places:
                continue
            is_capital = self._is_capital(begin)
            if len(run) <= 2 and not (self._cased and self.tokens[begin].raw.isupper()):
                continue
            is_doubtful = len(run) <= 3 or (count == 1 and self._is_ordinary(run))
            if is_doubtful and has_article and not is_capital:
                continue
            return run, begin + count, is_doubtful and not is_capital
        return None

    # Two of a kind

    def _joined(self, match: _Match) -> _Match:
        """Return a match with others of its kind that are joined to it: Rome or Paris, 2018 and 2019, Ana and Ben."""
        filters = list(match.filters)
        if len(filters) != 1 or match.wait:
            return match
        while (another := self._another(match)) is not None:
            joint, end = another
            both = joint[0]
            if match.kind is ChipKind.TAG and not both:
                filters.append(joint[1])
            else:
                alternatives = [*_values(filters[-1]), *_values(joint[1])]
                filters[-1] = any_of(alternatives, negated=False)
            match = replace(match, end=end, cut=0, filters=tuple(filters), yearless="", year=0)
        return match

    def _another(self, match: _Match) -> tuple[tuple[bool, Filter], int] | None:
        """Return a further filter that is joined to a match, whether it is an alternative, and the place behind it."""
        place = match.end
        is_or = self.tokens.has(PhraseKind.OR, place)
        if is_or or self.tokens.has(PhraseKind.AND, place):
            place += 1
        elif not self.tokens[place - 1].stops or self.tokens.text[self.tokens[place - 1].end] != ",":
            return None
        further: _Match | None = None
        if match.kind is ChipKind.TYPE:
            further = self._type_at(place)
        elif match.kind is ChipKind.TAG:
            further = self._named_tag(place, place) or (
                self._named_tag(place + 1, place + 1) if self.tokens.has(PhraseKind.TAG, place) else None
            )
        elif match.kind is ChipKind.PLACE:
            further = self._named_place(place + int(self.tokens.has(PhraseKind.PLACE, place)), has_article=False)
        elif _is_on(match.filters[0]):
            further = _match_of(self._dates.at(place) or self._dates.alone(place, has_lead=True))
        if further is None or len(further.filters) != 1 or (further.wait and not self._is_closed(further.end)):
            return None
        one = further.filters[0]
        return ((is_or, one), further.end) if match.kind is not ChipKind.DATE or _is_on(one) else None


def _key(words: str) -> str:
    return folded(" ".join(words.replace("’", "'").split()))


def _negated(one: Filter) -> Filter:
    return replace(one, negated=True)


def _values(one: Filter) -> tuple[OneValue, ...]:
    if isinstance(one, AnyFilter):
        return one.filters
    return () if isinstance(one, NearFilter) else (one,)


def _is_on(one: Filter) -> bool:
    return all(isinstance(value, DateFilter) and value.field is DateField.ON for value in _values(one))


def _with_years(found: Sequence[_Found]) -> list[_Found]:
    """Give a month or a feast without a year the one that the line names elsewhere: at Christmas ... 2019."""
    years = {each.year for each in found if each.year}
    if len(years) != 1:
        return list(found)
    (year,) = years
    return [replace(each, chip=_in_year(each, year)) if each.yearless else each for each in found]


def _in_year(found: _Found, year: int) -> Chip:
    filters = filters_in_year(found.yearless, year)
    return replace(found.chip, filters=filters) if filters else found.chip


def _match_of(found: DatePhrase | None) -> _Match | None:
    if found is None:
        return None
    return _Match(found.end, ChipKind.DATE, found.filters, found.wait, yearless=found.yearless, year=found.year)


def _line(tokens: Tokens, found: Sequence[_Found]) -> str:
    """Return the line with the filters of its chips in their place; words that say nothing alone are left out."""
    text = tokens.text
    if not found:
        return text
    words: list[str] = []
    place = 0
    for part in found:
        words.append(text[place : max(place, part.chip.start)].strip())
        place = max(place, tokens[part.cut - 1].last)
    words.append(text[place:].strip())
    rest = " ".join(filter(None, words))
    if not any(mark in rest for mark in '"-') and only_empty_words(rest):
        words = [""] * len(words)
    parts = [part for word, each in zip(words, found, strict=False) for part in (word, each.chip.line)]
    return " ".join(filter(None, (*parts, words[-1])))
