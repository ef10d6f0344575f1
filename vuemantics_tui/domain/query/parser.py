"""The parser of the search language."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vuemantics_tui.domain.formats import BY_EXTENSION
from vuemantics_tui.domain.query.filters import Filter
from vuemantics_tui.domain.query.line import AS_IS, QueryError
from vuemantics_tui.domain.query.tree import Like, Operand, Query, Sort, Term, Text
from vuemantics_tui.domain.query.values import (
    LIKE,
    NEAR,
    SORT,
    any_of,
    example_of,
    is_upload,
    known_name,
    read_filter,
    read_like,
    read_sort,
    unknown_name,
)

_BLANKS = re.compile(r"\s*")
_TOKEN = re.compile(r"\S*")
_VALUE = re.compile(r"[^\s,]*")
# A word, with the blanks of what is quoted in it.
_WORD = re.compile(r'(?:"[^"]*"?|[^\s"])+')
_ESCAPED = re.compile(r"(?:\\ |[^\s\"])+")
_FILTER = re.compile(r"([A-Za-z]+):")
# A digit behind the colon makes it a time, not a weight: 12:30.
_WEIGHT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?):(?=[\"./~\\]|[^\W\d_])")
_PATH_BEGIN = re.compile(r"(?:\.{0,2}/|~/|\.{1,2}\\)[^\s\"]")
_PICTURE_ENDS = tuple(f".{extension}" for extension in BY_EXTENSION)


def parse_query(text: str, *, typing: bool = False) -> Query:
    """Parse a search line. Raises QueryError, whose `place` is at most the length of the text.

    While `typing`, errors and incomplete parts are ignored, but the words in an open quotation count as plain words.
    """
    return _Reader(text, typing).read()


def placed_filters(text: str) -> list[tuple[Filter, int, int]]:
    """Return the filters of a line, each with the index of its first character and of the first one behind it.

    What makes no sense is left out.
    """
    reader = _Reader(text, True)
    reader.read()
    return reader.placed


@dataclass
class _Reader:
    text: str
    typing: bool
    place: int = 0
    operands: list[Operand] = field(default_factory=list)
    excluded: list[Term] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    sort: Sort | None = None
    # Each filter, and from where to where it stands in the text.
    placed: list[tuple[Filter, int, int]] = field(default_factory=list)
    # The terms of the operand that words still join, and its weight.
    open_terms: list[Term] = field(default_factory=list)
    open_weight: float = 1.0
    sign: int = 1
    # The place of a sign that nothing follows yet.
    dangling: int | None = None

    def read(self) -> Query:
        self._skip_blanks()
        if self.text.startswith(AS_IS, self.place):
            self.place += len(AS_IS)
            self._skip_blanks()
        while self.place < len(self.text):
            start = self.place
            try:
                self._read_one()
            except QueryError:
                if not self.typing:
                    raise
                self._leave_out(start)
            self._skip_blanks()
        if self.dangling is not None and not self.typing:
            sign = self.text[self.dangling]
            raise QueryError(
                f"Nothing follows the {sign}",
                self.dangling,
                f'Add what it applies to, or quote it to search for it: "{sign}"',
            )
        self._close()
        return Query(tuple(self.operands), tuple(self.excluded), tuple(self.filters), self.sort)

    def _read_one(self) -> None:
        token = self._token()
        if token in ("+", "-"):
            self._read_sign(token)
        elif token.startswith("-"):
            self._read_negated()
        elif match := _WEIGHT.match(self.text, self.place):
            self._read_weighted(match)
        else:
            self._read_meaning(None)

    def _read_sign(self, sign: str) -> None:
        if self.dangling is not None and not self.typing:
            raise QueryError("Two signs in a row", self.place, "Remove one of them.")
        self._close()
        self.sign = -1 if sign == "-" else 1
        self.dangling = self.place
        self.place += 1

    def _read_negated(self) -> None:
        start = self.place
        self.place += 1
        if self.text.startswith('"', self.place):
            self._exclude(Term(self._quotation(), quoted=True))
        elif not self._read_filter(negated=True, minus=start):
            self._exclude(Term(self._take_token()))

    def _exclude(self, term: Term) -> None:
        term = Term(" ".join(term.text.split()), term.quoted)
        if term.text and term not in self.excluded:
            self.excluded.append(term)

    def _read_weighted(self, match: re.Match[str]) -> None:
        name = _FILTER.match(self.text, match.end())
        if name and known_name(name[1]) not in (None, LIKE):
            # 2:tag:cat makes no sense as a weight, and may well be a word.
            self._add_term(Term(self._take_token()), None)
            return
        weight = float(match[1])
        if not weight:
            raise QueryError("A weight of 0 has no effect", self.place, "Remove it, or use another weight.")
        self.place = match.end()
        self._read_meaning(weight)

    def _read_meaning(self, weight: float | None) -> None:
        if self.text.startswith('"', self.place):
            if self.typing and '"' not in self.text[self.place + 1 :]:
                self.place += 1  # still open: its words are words
            else:
                self._add_term(Term(self._quotation(), quoted=True), weight)
        elif not self._read_filter(weight=weight):
            path = self._take_picture() if _PATH_BEGIN.match(self.text, self.place) else None
            if path is not None:
                self._add_like(Like(path, is_path=True), weight)
            else:
                self._add_term(Term(self._take_token()), weight)

    def _read_filter(self, *, negated: bool = False, minus: int = 0, weight: float | None = None) -> bool:
        """Read a filter, if there is one here."""
        match = _FILTER.match(self.text, self.place)
        if match is None:
            return False
        start, name = self.place, known_name(match[1])
        behind = self.text[match.end() : match.end() + 2]
        if name is None:
            # A drive's letter, an address, a name of C++, or the end of a clause.
            if len(match[1]) == 1 or not behind or behind[0].isspace() or behind[0] == ":" or behind == "//":
                return False
            raise unknown_name(match[1], self._token(), start)
        self.place = match.end()
        values = [self._value(name)] if name in (LIKE, SORT, NEAR) else self._values()
        value = values[0] if values else ""
        if not value.strip():
            raise QueryError(f"{name}: needs a value right after the colon", match.end(), example_of(name))
        if name in (LIKE, SORT) and negated:
            hint = (
                "To subtract a meaning, write ` - like:...`" if name == LIKE else "Choose the opposite order instead."
            )
            raise QueryError(f"{name}: cannot be negated", minus, hint)
        if name == LIKE:
            self._add_like(read_like(value, match.end()), weight)
        elif name == SORT:
            self.sort = read_sort(value, match.end())
        else:
            self.filters.append(any_of([read_filter(name, one, match.end(), negated) for one in values], negated))
            self.placed.append((self.filters[-1], minus if negated else start, self.place))
        return True

    def _add_term(self, term: Term, weight: float | None) -> None:
        text = " ".join(term.text.split())
        if not text:
            return
        if weight is not None:
            self._close()
            self.open_weight = weight
        self.open_terms.append(Term(text, term.quoted))
        self.dangling = None

    def _add_like(self, like: Like, weight: float | None) -> None:
        self._close()
        self.operands.append(Operand(like, self.sign * (1.0 if weight is None else weight)))
        self.dangling = None

    def _close(self) -> None:
        if self.open_terms:
            self.operands.append(Operand(Text(tuple(self.open_terms)), self.sign * self.open_weight))
        self.open_terms, self.open_weight = [], 1.0

    def _take_picture(self) -> str | None:
        """Take the path of a picture that begins here, or return None.

        Blanks in it may be escaped as for a shell. Others belong to it if a word behind them ends as pictures do.
        Raises QueryError if something between them may mean something else.
        """
        escaped = _ESCAPED.match(self.text, self.place)
        if escaped and (escaped[0].lower().endswith(_PICTURE_ENDS) or "\\ " in escaped[0]):
            self.place = escaped.end()
            return escaped[0].replace("\\ ", " ")
        has_sign = has_others = False
        for match in _WORD.finditer(self.text, self.place):
            word, is_first = match[0], match.start() == self.place
            name = _FILTER.match(word)
            known = known_name(name[1]) if name and not is_first else None
            begins_another = _PATH_BEGIN.match(word) or _WEIGHT.match(word) or known == LIKE
            if begins_another and not is_first and not has_others and '""' not in word:
                return None
            has_sign |= word in ("+", "-")
            is_other = known is not None or '"' in word or (word[0] == "-" and word != "-")
            has_others |= is_other
            if not is_other and word.lower().endswith(_PICTURE_ENDS):
                path = self.text[self.place : match.end()]
                if has_sign or has_others:
                    path = path.replace('"', "")
                    raise QueryError("It is not clear where the path ends", self.place, f'Quote it: like:"{path}"')
                self.place = match.end()
                return path
        return None

    def _quotation(self) -> str:
        """Return the text up to the closing quote, and move past it."""
        end = self.text.find('"', self.place + 1)
        if end < 0:
            raise QueryError("The closing quote is missing", self.place, 'Add a " where the phrase ends.')
        inner = self.text[self.place + 1 : end]
        self.place = end + 1
        return inner

    def _value(self, name: str) -> str:
        """Return the one value that begins here, and move past it."""
        if self.text.startswith('"', self.place):
            return self._quotation()
        is_path = name == LIKE and self._token() and not is_upload(self._token())
        return (self._take_picture() if is_path else None) or self._take_token()

    def _values(self) -> list[str]:
        """Return the values between commas that begin here, and move past them; a comma in quotes stands for itself."""
        values: list[str] = []
        while True:
            if self.text.startswith('"', self.place):
                values.append(self._quotation())
            else:
                match = _VALUE.match(self.text, self.place)
                assert match is not None
                values.append(match[0])
                self.place = match.end()
            if not self.text.startswith(",", self.place):
                return [value for value in values if value.strip()]
            self.place += 1

    def _token(self) -> str:
        match = _TOKEN.match(self.text, self.place)
        return match[0] if match else ""

    def _take_token(self) -> str:
        token = self._token()
        self.place += len(token)
        return token

    def _skip_blanks(self) -> None:
        match = _BLANKS.match(self.text, self.place)
        self.place = match.end() if match else self.place

    def _leave_out(self, start: int) -> None:
        """Skip the token at `start`, or everything if it opens a quotation that never closes."""
        self.place = start
        token = self._take_token()
        quotes = token.count('"')
        if quotes % 2:
            end = self.text.find('"', self.place)
            self.place = len(self.text) if end < 0 else end + 1
