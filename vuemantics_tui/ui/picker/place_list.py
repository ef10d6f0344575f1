"""PlaceList: the places to jump to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import ANSWER, MOVE, action, hidden
from vuemantics_tui.ui.fitting import fit
from vuemantics_tui.ui.picker.lines import fit_path
from vuemantics_tui.ui.picker.messages import FieldClosed, PlaceChosen
from vuemantics_tui.ui.picker.places import Place

LONGEST_NAME = 16


class PlaceList(OptionList, inherit_bindings=False):
    """Names, each with its path where there is room. Posts PlaceChosen and FieldClosed."""

    HELP_TITLE = "The picker's places"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("picker-place-go", "enter,right,l", "select", "go", "Go to this place", ANSWER),
        hidden("picker-place-down", "down,j", "cursor_down", "down", "Down", MOVE),
        hidden("picker-place-up", "up,k", "cursor_up", "up", "Up", MOVE),
        action("picker-place-back", "escape,left,h,p,q", "back", "back", "Back to the list", ANSWER),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, markup=False)
        self._places: Sequence[Place] = ()

    def show(self, places: Sequence[Place]) -> None:
        """Offer these."""
        self._places = places
        self._fill()

    def on_resize(self) -> None:
        """Show the paths where there is room now."""
        self._fill()

    def _fill(self) -> None:
        highlighted = self.highlighted
        self.set_options(Option(self._words(place)) for place in self._places)
        self.highlighted = highlighted or (0 if self._places else None)

    def _words(self, place: Place) -> Content:
        width = self.scrollable_content_region.width
        room = width - LONGEST_NAME - 2
        if room < LONGEST_NAME:
            return Content(fit(visible(place.name), max(1, width)))
        name = fit(visible(place.name), LONGEST_NAME) + "  "
        return Content.assemble(name, (fit_path(place.path, room), "$dim"))

    def action_back(self) -> None:
        """Back to the list of files."""
        self.post_message(FieldClosed())

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(PlaceChosen(self._places[event.option_index].path))
