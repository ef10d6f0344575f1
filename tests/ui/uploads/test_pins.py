"""What stands on top of the table stays on its line as long as it runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.ui.uploads.pins import LINGER_SECONDS, Pins


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
