"""Which upload stands on which line, held against the plainest way to say it."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.ui.uploads.lines import LINGER_SECONDS, Listing, Marks, Pins


def plainly(order: list[int], pinned: list[int]) -> list[int]:
    """The order with the pinned ones on top."""
    top = [number for number in pinned if number in order]
    return top + [number for number in order if number not in top]


numbers = st.lists(st.integers(1, 40), unique=True, max_size=25)


@given(numbers, numbers, st.booleans())
def test_every_line_has_its_upload_and_every_upload_its_line(
    order: list[int], pinned: list[int], newest_first: bool
) -> None:
    order = sorted(order, reverse=True) if newest_first else order
    listing = Listing(array("q", order), newest_first=newest_first)
    listing.pin(pinned)
    expected = plainly(order, pinned)
    assert [listing[index] for index in range(len(listing))] == expected == list(listing)
    assert list(listing.in_order()) == expected
    assert [listing.index_of(number) for number in expected] == list(range(len(expected)))
    assert listing.index_of(99) is None


@given(numbers, numbers, numbers, numbers)
def test_what_comes_and_goes_leaves_the_others_in_order(
    order: list[int], pinned: list[int], fresh: list[int], gone: list[int]
) -> None:
    order = sorted(order, reverse=True)
    listing = Listing(array("q", order))
    listing.pin(pinned)
    came = [number for number in fresh if not order or number > order[0]]
    assert listing.insert_newest(fresh) == bool(came)
    order = sorted([*order, *came], reverse=True)
    assert listing.remove(gone) == any(number in order for number in gone)
    left = [number for number in order if number not in gone]
    kept = [number for number in pinned if number in sorted(set(left) - set(came), reverse=True)]
    assert list(listing) == plainly(left, kept)


def test_a_sorted_listing_takes_in_nothing_by_itself() -> None:
    listing = Listing(array("q", [3, 1, 2]), newest_first=False)
    assert not listing.insert_newest([9])
    assert list(listing) == [3, 1, 2]


def test_there_is_no_line_beyond_the_last() -> None:
    with pytest.raises(IndexError):
        Listing(array("q", [1]))[1]


# Pins


def test_the_next_one_takes_the_place_of_the_one_that_ended() -> None:
    pins = Pins()
    assert pins.update([1, 2], 0) == [1, 2]
    assert pins.update([3, 2], 0.1) == [3, 2]
    assert not pins.lingering


def test_one_that_ended_stays_for_a_moment() -> None:
    pins = Pins()
    pins.update([1, 2], 0)
    assert pins.update([2], 1) == [1, 2]
    assert pins.lingering
    assert pins.update([2, 5], 1.2) == [5, 2]
    pins.update([2], 2)
    assert pins.update([2], 2 + LINGER_SECONDS) == [2]
    assert not pins.lingering


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=5)))
def test_all_that_runs_is_pinned_once(runs: list[list[int]]) -> None:
    pins = Pins()
    for now, running in enumerate(runs):
        pinned = pins.update(running, float(now))
        assert set(running) <= set(pinned)
        assert len(set(pinned)) == len(pinned)
    if runs:
        assert sorted(pins.update(runs[-1], len(runs) + LINGER_SECONDS)) == sorted(runs[-1])


# Marks


@given(numbers, numbers, numbers)
def test_marks_and_a_range_over_them_count_once(marked: list[int], stretched: list[int], gone: list[int]) -> None:
    marks = Marks()
    marks.add(marked)
    marks.begin_range(40)
    marks.stretch(stretched)
    marks.drop(gone)
    assert len(marks) == len(marks.numbers) == len((set(marked) | set(stretched)) - set(gone))
    marks.end_range()
    assert len(marks) == len(marks.numbers)
