"""Places where pictures use to lie: the home folder, its neighbours, mounted drives."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import psutil

# Where systems put what is plugged in; all else that is mounted is the machine's own business.
_MOUNT_FOLDERS = ("/media", "/run/media", "/mnt", "/Volumes")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder worth a shortcut, and what it is called."""

    name: str
    path: Path


def find_places(last: Path | None = None) -> list[Place]:
    """The places of this machine, `last` being the folder used last. Asks the system, so call it in a thread."""
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
    """Those of the mounted folders that a person plugged in or mapped.

    None of them is touched: a network drive that has gone would hold up the thread.
    """
    found = []
    for each in mounted:
        path = Path(each)
        if os.name == "nt" or any(path.is_relative_to(folder) for folder in _MOUNT_FOLDERS):
            found.append(Place(path.name or each, path))
    return found


def _mounted() -> list[str]:
    try:
        return [partition.mountpoint for partition in psutil.disk_partitions()]
    except (OSError, RuntimeError):
        return []


def _each_once(places: Iterable[Place]) -> list[Place]:
    known: dict[Path, Place] = {}
    for place in places:
        known.setdefault(place.path, place)
    return list(known.values())
