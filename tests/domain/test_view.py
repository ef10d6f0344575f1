"""What a view says of itself."""

from __future__ import annotations

import itertools

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.view import SortKey, StatusFilter, View


def test_a_view_says_what_is_applied() -> None:
    assert View().words() == "newest first"
    assert View(SortKey.NAME, descending=False).words() == "name, a to z"
    narrowed = View(SortKey.SIZE, status=StatusFilter.FAILED, file_type=FileType.VIDEO, show_hidden=True)
    assert narrowed.words() == "largest first · failed only · videos only · with hidden"


def test_every_view_has_its_own_words() -> None:
    views = [
        View(sort, descending, status)
        for sort, descending, status in itertools.product(SortKey, (True, False), (None, *StatusFilter))
    ]
    assert len({view.words() for view in views}) == len(views)


def test_only_the_first_view_is_the_default_one() -> None:
    assert View().is_default
    assert not View(show_hidden=True).is_default
    assert not View().reversed().is_default
    assert View().reversed().reversed() == View()
