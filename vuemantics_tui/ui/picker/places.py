"""Places where pictures usually are, and the list of them to jump to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import platformdirs
from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import ANSWER, MOVE, action, hidden
from vuemantics_tui.ui.picker.fields import FieldClosed
from vuemantics_tui.ui.widgets.one_line import fit, fit_path

# Where systems put what is plugged in; all else that is mounted is the machine's own business.
_MOUNT_FOLDERS = ("/media", "/run/media", "/mnt", "/Volumes")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder worth a shortcut, and what it is called."""

    name: str
    path: Path


def find_places(last: Path | None = None) -> list[Place]:
    """Return the places of this machine; `last` is the folder used last. Asks the system, so call it in a thread."""
    places = [
        Place("Home", Path.home()),
        Place("Pictures", platformdirs.user_pictures_path()),
        Place("Videos", platformdirs.user_videos_path()),
        Place("Downloads", platformdirs.user_downloads_path()),
    ]
    if last is not None:
        places.insert(0, Place("Last used", last))
    existing = [place for place in places if place.path.is_dir()]
    return _each_once([*existing, *drives(_mounted())])


def drives(mounted: Iterable[str]) -> list[Place]:
    """Return those of the mounted folders that a person plugged in or mapped.

    None of them is touched: a network drive that has gone would hold up the thread.
    """
    found = []
    for each in mounted:
        path = Path(each)
        if os.name == "nt" or any(path.is_relative_to(folder) for folder in _MOUNT_FOLDERS):
            found.append(Place(path.name or each, path))
    return found


def _mounted() -> list[str]:
    import psutil

    try:
        return [partition.mountpoint for partition in psutil.disk_partitions()]
    except (OSError, RuntimeError):
        return []


def _each_once(places: Iterable[Place]) -> list[Place]:
    known: dict[Path, Place] = {}
    for place in places:
        known.setdefault(place.path, place)
    return list(known.values())


@dataclass
class PlaceChosen(Message):
    """Someone wants to go to a place."""

    path: Path


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
