"""Which part of a picture the viewer shows."""

from __future__ import annotations

import pytest

from vuemantics_tui.domain.media import WHOLE
from vuemantics_tui.ui.viewer.view import MOST_ZOOM, View

WIDE = View((4000, 2000), (800, 600))


def test_a_whole_picture_is_decoded_no_larger_than_it_is_shown() -> None:
    assert WIDE.crop == WHOLE
    assert WIDE.side == 800
    assert View((100, 50), (800, 600)).side == 100


def test_life_size_shows_one_pixel_as_one() -> None:
    near = WIDE.toggled()
    assert near.is_life_size
    left, top, right, bottom = near.crop
    assert (right - left) * 4000 == pytest.approx(800)
    assert (bottom - top) * 2000 == pytest.approx(600)
    assert near.side == 4000
    assert near.toggled().crop == WHOLE


def test_zooming_keeps_the_middle_and_has_ends() -> None:
    assert WIDE.zoomed(-1) == WIDE
    near = WIDE.zoomed(2).panned(1, 0)
    middle = (near.crop[0] + near.crop[2]) / 2
    assert (near.zoomed(1).crop[0] + near.zoomed(1).crop[2]) / 2 == pytest.approx(middle)
    assert WIDE.zoomed(100).zoom == MOST_ZOOM
    assert near.zoomed(-100) == WIDE


def test_panning_ends_at_the_edges() -> None:
    near = WIDE.zoomed(3)
    assert near.panned(100, 100).crop[2:] == pytest.approx((1, 1))
    assert near.panned(-100, -100).crop[:2] == pytest.approx((0, 0))
    assert near.panned(100, 0).panned(-1, 0).crop[2] < 1


def test_a_picture_smaller_than_the_window_is_shown_smaller_at_life_size() -> None:
    small = View((100, 50), (800, 600))
    assert small.percent == 800
    assert small.toggled().shown == pytest.approx((100, 50))
    assert not small.toggled().is_zoomed
    assert small.toggled().toggled() == small


def test_what_is_under_the_mouse_stays_there_when_it_is_zoomed() -> None:
    near = WIDE.zoomed(4, (0.25, 0.5))
    left, _, right, _ = near.crop
    assert left + 0.25 * (right - left) == pytest.approx(0.25)


def test_a_drag_draws_the_picture_along() -> None:
    near = WIDE.zoomed(4)
    moved = near.dragged(10, 0)
    assert moved.crop[0] == pytest.approx(near.crop[0] - 10 / near.shown[0])
