"""The search language: text -> Query -> text.

Plain words, `"a phrase"`, `-word` and `-"a phrase"` to exclude, ` + ` and ` - ` between spaces for arithmetic on
meanings (`2:"golden retriever" + ./pool.jpg - fruit`), `like:ID` and `like:./file.jpg`, filters (`type:video`,
`after:7d`, `-tag:cat`) and an order (`sort:oldest`).
"""

from vuemantics_tui.domain.query.filters import (
    UNDATED,
    AnyFilter,
    ChoiceField,
    ChoiceFilter,
    DateField,
    DateFilter,
    Filter,
    NearFilter,
    RangeField,
    RangeFilter,
    Relation,
    TextField,
    TextFilter,
    YearlyFilter,
)
from vuemantics_tui.domain.query.line import QueryError, content_words, pointed
from vuemantics_tui.domain.query.parser import parse_query
from vuemantics_tui.domain.query.tree import Like, Operand, Query, Sort, Term, Text

__all__ = [
    "UNDATED",
    "AnyFilter",
    "ChoiceField",
    "ChoiceFilter",
    "DateField",
    "DateFilter",
    "Filter",
    "Like",
    "NearFilter",
    "Operand",
    "Query",
    "QueryError",
    "RangeField",
    "RangeFilter",
    "Relation",
    "Sort",
    "Term",
    "Text",
    "TextField",
    "TextFilter",
    "YearlyFilter",
    "content_words",
    "parse_query",
    "pointed",
]
