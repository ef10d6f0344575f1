"""Lines and events, however the network cuts them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.analyzers.wire import MOST_BYTES_A_LINE, EventReader, LineSplitter

BREAKS = st.sampled_from(["\n", "\r\n", "\r"])
# JSON may hold these as they are, and other splitters end lines there.
TEXTS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]) | st.sampled_from("\u2028\x85\x0b"))
CUTS = st.lists(st.integers(1, 12), min_size=1, max_size=20)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks: list[bytes] = []
    while data:
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(data[:size])
        data = data[size:]
    return chunks


def lines_of(chunks: list[bytes]) -> list[str]:
    splitter = LineSplitter()
    return [*[line for chunk in chunks for line in splitter.feed(chunk)], *splitter.end()]


def events_of(lines: list[str]) -> list[str]:
    reader = EventReader()
    return [*[data for line in lines for data in reader.feed(line)], *reader.end()]


@given(st.lists(st.tuples(TEXTS.filter(bool), BREAKS), max_size=12), CUTS)
def test_lines_come_out_as_they_went_in(lines: list[tuple[str, str]], sizes: list[int]) -> None:
    data = "".join(text + line_break for text, line_break in lines).encode()
    assert lines_of(cut(data, sizes)) == [text.removeprefix("\ufeff") for text, _ in lines]


@given(st.lists(st.dictionaries(st.text(), TEXTS), max_size=8), CUTS)
def test_ndjson_survives_any_cut(values: list[dict[str, str]], sizes: list[int]) -> None:
    data = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()
    assert [json.loads(line) for line in lines_of(cut(data, sizes))] == values


@given(st.lists(st.dictionaries(st.text('ab\u2028é \\"'), TEXTS), min_size=1, max_size=8), CUTS, BREAKS)
def test_events_survive_any_cut(values: list[dict[str, str]], sizes: list[int], line_break: str) -> None:
    data = f": hello{line_break}{line_break}" + "".join(
        f"id: 1{line_break}data: {json.dumps(value, ensure_ascii=False)}{line_break}{line_break}" for value in values
    )
    assert [json.loads(event) for event in events_of(lines_of(cut(data.encode(), sizes)))] == values


def test_a_last_line_needs_no_break() -> None:
    assert lines_of([b"one\ntw", b"o"]) == ["one", "two"]
    assert lines_of([b"one\r"]) == ["one"]
    assert lines_of([b"one\r", b"\ntwo"]) == ["one", "two"]
    assert lines_of([b"one\r", b"two"]) == ["one", "two"]


def test_a_line_without_an_end_is_refused() -> None:
    splitter = LineSplitter()
    splitter.feed(b"a" * MOST_BYTES_A_LINE)
    with pytest.raises(ValueError, match="without an end"):
        splitter.feed(b"a")


@pytest.mark.parametrize(
    ("lines", "events"),
    [
        (["data: a", "data: b", "", "data:c"], ["a\nb", "c"]),
        (["", ": ping", "", "event: x", "retry: 3", "data: a", ""], ["a"]),
        (["error: {}", ""], ["{}"]),
        (["{", '"a": 1', "}"], ['{\n"a": 1\n}']),
        (["", "<html>", "</html>"], ["<html>\n</html>"]),
        ([], []),
    ],
)
def test_events(lines: list[str], events: list[str]) -> None:
    assert events_of(lines) == events
