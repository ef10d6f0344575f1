"""The search language."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vuemantics_tui.domain.days import Day, DayKind
from vuemantics_tui.domain.query import (
    AnyFilter,
    ChoiceField,
    DateField,
    DateFilter,
    Filter,
    Like,
    NearFilter,
    Operand,
    Query,
    QueryError,
    RangeField,
    RangeFilter,
    Relation,
    Sort,
    Term,
    Text,
    TextField,
    TextFilter,
    parse_query,
    pointed,
)
from vuemantics_tui.domain.query.filters import CHOICES
from vuemantics_tui.domain.query.parts import (
    filters_of,
    same_filter,
    with_filter,
    with_part,
    without_fields,
    without_filter,
    without_part,
)
from vuemantics_tui.domain.query.values import FILTERS

# Pieces that mean something, so that random lines are not words alone.
PIECES = st.sampled_from(
    """+ - " -" 2: 0.5: 0: 12:30 like: like:ab12 ./a.jpg ./a b.jpg -./a.jpg tag: tag:cat -tag:cat name:" type:image
    type:x is:hidden after:7d on:2024-02-30 before:2024-06 size:>5MB size:1..5MB size:9..1 width:800 duration:1m30s
    near:1,2,3 near:91,2,3 sort:newest -sort:name foo:bar http://x C:\\x std::map red "red -- -+ camera:"a colour:blue
    place:a,b name:, x: ´ ＂ ： 2:tag:x 2:"" """.split()
)
LINES = st.one_of(
    st.text(),
    st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=8).map(" ".join),
    st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=8).map("".join),
)


def only_filter(text: str) -> Filter:
    """The one filter of a line that holds nothing else."""
    query = parse_query(text)
    assert (query.operands, query.excluded) == ((), ())
    (found,) = query.filters
    return found


def test_types_have_the_words_that_people_use() -> None:
    for word, choice in (("photo", "image"), ("Photos", "image"), ("picture", "image"), ("movie", "video")):
        assert str(only_filter(f"type:{word}")) == f"type:{choice}"


def test_a_line_that_is_to_be_taken_as_it_is_is_the_line_behind_the_sign() -> None:
    assert parse_query("= dogs type:image") == parse_query("dogs type:image")
    with pytest.raises(QueryError) as raised:
        parse_query("=type:x")
    assert raised.value.place == len("=type:")


@given(LINES)
@example("`")
@example('2:"" 30')
@example("a - like:b c")
def test_any_text_is_a_query_or_an_error_with_a_place(text: str) -> None:
    try:
        query = parse_query(text)
    except QueryError as error:
        assert 0 <= error.place <= len(text)
        assert error.message
        assert len(pointed(text, error.place)) == 2
        return
    assert isinstance(query.words, tuple)
    assert parse_query(str(query)) == query
    assert str(parse_query(str(query))) == str(query)


@given(LINES)
def test_while_typing_nothing_is_an_error(text: str) -> None:
    query = parse_query(text, typing=True)
    assert parse_query(str(query)) == query


def test_words_and_phrases_to_find_and_to_leave_out() -> None:
    query = parse_query('a picture of the Red "sofa by  a" window -cat -"two dogs" -cat')
    assert query.words == ("red", "sofa", "window")
    assert query.phrases == (("sofa", "by", "a"),)
    assert query.excluded == (Term("cat"), Term("two dogs", quoted=True))
    assert query.excluded_phrases == (("cat",), ("two", "dogs"))
    assert query.text == "a picture of the Red sofa by a window"
    assert query.is_plain
    assert str(query) == 'a picture of the Red "sofa by a" window -cat -"two dogs"'
    assert parse_query("the picture").words == ("the", "picture"), "where all words are empty they count after all"
    assert parse_query("  ") == Query()
    assert parse_query("black-and-white -5").excluded == (Term("5"),)


def test_arithmetic_with_weights_and_pictures() -> None:
    query = parse_query('2:"golden retriever" + ./pool.jpg - 0.5:ripe fruit + like:3F2A type:image')
    assert query.operands == (
        Operand(Text((Term("golden retriever", quoted=True),)), 2.0),
        Operand(Like("./pool.jpg", is_path=True)),
        Operand(Text((Term("ripe"), Term("fruit"))), -0.5),
        Operand(Like("3f2a", is_path=False)),
    )
    assert not query.is_plain
    assert query.pictures == ("./pool.jpg",)
    assert query.words == ("golden", "retriever")
    assert query.phrases == (), "quotes hold words together here"
    assert str(query) == '2:"golden retriever" + like:./pool.jpg - 0.5:ripe fruit + like:3f2a type:image'
    assert parse_query("a+b a-b").is_plain, "without blanks they are parts of words"
    assert parse_query("- fruit").operands[0].weight == -1
    assert parse_query('like:"my pool.jpg"').operands == (Operand(Like("my pool.jpg", is_path=True)),)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("./my pool.jpg", 'like:"./my pool.jpg"'),
        ("2:./my big pool.JPG - fruit", '2:like:"./my big pool.JPG" - fruit'),
        ("~/Fotos/Käthe am Strand.heic beach", 'like:"~/Fotos/Käthe am Strand.heic" + beach'),
        ("like:my pool.jpg type:image", 'like:"my pool.jpg" type:image'),
        (r"./my\ pool.jpg beach", 'like:"./my pool.jpg" + beach'),
        (r"like:./my\ pool", 'like:"./my pool"'),
        ("./a.jpg b.jpg", "like:./a.jpg + b.jpg"),
        ("like:3f2a pool.jpg", "like:3f2a + pool.jpg"),
        ("./my ./pool.jpg", "./my + like:./pool.jpg"),
        ('./my "x" pool', './my "x" pool'),
        ("/ pool.jpg", "/ pool.jpg"),
        ("./my pool", "./my pool"),
    ],
)
def test_a_path_may_have_blanks_where_it_ends_as_a_picture(text: str, canonical: str) -> None:
    assert str(parse_query(text)) == canonical
    assert parse_query(canonical) == parse_query(text)


@pytest.mark.parametrize(
    "text", ["./my - pool.jpg", "./my type:image pool.jpg", "2:./my -x pool.jpg + night", './my "x" pool.jpg']
)
def test_a_path_of_which_the_end_is_not_clear_is_to_be_quoted(text: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse_query(text)
    assert raised.value.place == text.index("./my")
    assert "uote" in raised.value.hint


@pytest.mark.parametrize(
    "word", ["12:30", "http://x/y", "C:\\photos\\a.jpg", "c:/a.jpg", "std::map", "Chapter:", "2:tag:x"]
)
def test_what_only_looks_like_a_filter_is_a_word(word: str) -> None:
    assert parse_query(word).operands == (Operand(Text((Term(word),))),)


@pytest.mark.parametrize(
    ("text", "relation", "low", "high"),
    [
        ("size:>5MB", Relation.MORE, 5_000_000, None),
        ("size:<=1.5kib", Relation.AT_MOST, 1536, None),
        ("size:1MB..5MB", Relation.BETWEEN, 1_000_000, 5_000_000),
        ("size:1..5MB", Relation.BETWEEN, 1_000_000, 5_000_000),
        ("width:=1920px", Relation.EQUAL, 1920, None),
        ("height:>=1080", Relation.AT_LEAST, 1080, None),
        ("duration:>30s", Relation.MORE, 30_000, None),
        ("duration:2m", Relation.EQUAL, 120_000, None),
        ("rating:>=4", Relation.AT_LEAST, 4, None),
        ("rating:Rejected", Relation.EQUAL, -1, None),
        ("rating:-1..2", Relation.BETWEEN, -1, 2),
        ("duration:1h2m3.5s", Relation.EQUAL, 3_723_500, None),
        ("duration:<90", Relation.LESS, 90_000, None),
    ],
)
def test_numbers_have_relations_and_units(text: str, relation: Relation, low: int, high: int | None) -> None:
    found = only_filter(text)
    assert isinstance(found, RangeFilter)
    assert (found.relation, found.low, found.high) == (relation, low, high)


@pytest.mark.parametrize(
    ("value", "first", "after"),
    [
        ("2024", date(2024, 1, 1), date(2025, 1, 1)),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1)),
        ("2024-2-29", date(2024, 2, 29), date(2024, 3, 1)),
        ("today", date(2024, 3, 31), date(2024, 4, 1)),
        ("yesterday", date(2024, 3, 30), date(2024, 3, 31)),
        ("7d", date(2024, 3, 24), date(2024, 3, 25)),
        ("2w", date(2024, 3, 17), date(2024, 3, 18)),
        ("1m", date(2024, 2, 29), date(2024, 3, 1)),
        ("1y", date(2023, 3, 31), date(2023, 4, 1)),
        ("99999y", date.min, date(1, 1, 2)),
    ],
)
def test_days_are_read_and_stay_relative(value: str, first: date, after: date) -> None:
    found = only_filter(f"on:{value}")
    assert isinstance(found, DateFilter)
    assert found.day.bounds(date(2024, 3, 31)) == (first, after)
    assert parse_query(str(found)).filters == (found,)


def test_the_end_of_the_calendar_is_no_error() -> None:
    assert Day(DayKind.YEAR, date(9999, 1, 1)).bounds(date(2024, 1, 1)) == (date(9999, 1, 1), None)


def test_places_and_orders_and_negations() -> None:
    assert only_filter("-near:52.52,-13.4,5") == NearFilter(52.52, -13.4, 5, negated=True)
    assert only_filter("NEAR:1,2") == NearFilter(1, 2, 1)
    assert str(only_filter('-TAG:"black  cat"')) == '-tag:"black cat"'
    assert str(only_filter("colour:blue")) == "color:blue"
    assert str(only_filter("-on:2024")) == "-taken:2024"
    assert parse_query("sort:oldest sort:Name").sort is Sort.NAME


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ('red "sofa', 4, "closing quote", '"'),
        ("red tagg:cat", 4, "no filter tagg:", "Did you mean tag:"),
        ("-colr:x", 1, "no filter colr:", "color:"),
        ("type:sound", 5, "cannot be 'sound'", "image, video"),
        ("is:hiden", 3, "cannot be", "Did you mean is:hidden?"),
        ("tag: cat", 4, "needs a value", "tag:cat"),
        ("dog + ", 4, "follows the +", '"+"'),
        ("dog + - cat", 6, "Two signs", "one of them"),
        ("0:dog", 0, "weight of 0", ""),
        ("on:2024-02-30", 3, "no such day", "2024-06-30"),
        ("size:5..1", 5, "size:", "1MB..5MB"),
        ("size:>5XB", 5, "size:", "size:>5MB"),
        ("near:91,0,1", 5, "near:", "kilometres"),
        ("like:kitten", 5, "like:", "like:./file.jpg"),
        ("-sort:name", 0, "cannot be negated", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, place: int, message: str, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert caught.value.place == place
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_what_is_half_typed_is_left_out() -> None:
    assert parse_query('red "so', typing=True).words == ("red", "so")
    for text in ("red tag:", 'red tag:"black ca', "red size:>", "red aft", "red +", "red foo:b", 'red -"black c'):
        query = parse_query(text, typing=True)
        assert query.words[0] == "red"
        assert (query.filters, query.excluded) == ((), ())


def test_the_caret_stands_under_the_place() -> None:
    assert pointed("red tagg:cat", 4) == ("red tagg:cat", "    ^")
    assert pointed("日本\x1b tagg:x", 4) == ("日本\\x1b tagg:x", " " * 9 + "^")


def test_every_filter_is_explained_with_examples_that_parse() -> None:
    fields = {field.value for kind in (ChoiceField, TextField, DateField, RangeField) for field in kind}
    assert set(FILTERS) == {*fields, "day", "near", "like", "sort"}
    for name, (about, examples) in FILTERS.items():
        assert about
        for one in re.split(r" or |, (?=[a-z]+:)", examples):
            assert one.startswith(f"{name}:")
            query = parse_query(one)
            assert query.filters or query.operands or query.sort, one


def test_the_words_for_choices_are_those_that_are_accepted() -> None:
    for field in (ChoiceField.STATUS, ChoiceField.IS):
        assert FILTERS[field.value][0] == ", ".join(CHOICES[field])


def test_several_values_of_a_filter_are_alternatives() -> None:
    query = parse_query('place:nice,"new york" -type:raw,video tag:a, dog')
    assert str(query) == 'dog place:nice,"new york" -type:raw,video tag:a'
    assert parse_query(str(query)) == query
    (places, types, tag) = query.filters
    assert isinstance(places, AnyFilter)
    assert [str(one) for one in places.filters] == ["place:nice", 'place:"new york"']
    assert isinstance(types, AnyFilter)
    assert types.negated
    assert str(tag) == "tag:a"
    assert str(parse_query('name:"a,b"')) == 'name:"a,b"', "in quotes a comma is a comma"


def test_a_line_with_one_filter_more_or_less_is_otherwise_as_it_was_typed() -> None:
    nice, rome = TextFilter(TextField.PLACE, "Nice"), TextFilter(TextField.PLACE, "rome")
    line = 'my  "blue dog"  taken:2024 -place:nice'
    assert not any(same_filter(each, nice) for each in filters_of(line)), "it is negated"
    with_nice = with_filter(line, nice, either=True)
    assert with_nice == f"{line} place:Nice"
    assert any(same_filter(each, nice) for each in filters_of(with_nice.lower()))
    both = with_filter(with_nice, rome, either=True)
    assert both == f"{line} place:Nice,rome"
    assert with_filter(with_nice, rome, either=False) == f"{line} place:Nice place:rome"
    assert without_filter(both, nice) == f"{line} place:rome"
    assert without_filter(without_filter(both, nice), rome) == line
    assert without_fields(both, [TextField.PLACE]) == line
    assert with_part("a b", "b") == "a b"
    assert without_part("beach rating:5 dog", "rating:5") == "beach dog"
