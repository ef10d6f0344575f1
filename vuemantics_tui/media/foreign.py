"""What other programs leave on disk about pictures: Immich, PhotoPrism and Photos (`takeout` has Google's).

Immich: https://docs.immich.app/features/xmp-sidecars, and the JSON of immich-go's archives. PhotoPrism: the YAML of its
folders `sidecar` and `albums`. Photos: XMP side-cars ("Export IPTC as XMP") and the JSON of osxphotos.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from vuemantics_tui.domain.formats import BY_EXTENSION
from vuemantics_tui.domain.media import MOST_STARS
from vuemantics_tui.domain.moment import read_moment
from vuemantics_tui.domain.sources import SYSTEM_NAMES
from vuemantics_tui.media.captions import caption_text, one_line, words_of_xmp
from vuemantics_tui.media.coordinates import Coordinates, checked, xmp_coordinates
from vuemantics_tui.media.packets import read_sidecars, sidecars_of
from vuemantics_tui.media.xmp import Xmp

FAVORITE = "favorite"
"""The tag for favorites of other programs. Stars say more, so they keep their own meaning."""

# Longer files are no metadata: an album with 100,000 photos has 3 MB.
_MOST_BYTES = 32 * 1024**2
_YAML = (".yml", ".yaml")
# Sources of values that PhotoPrism generated itself, from a place, a name or a model.
_WRITTEN_BY_PEOPLE = frozenset({"manual", "admin", "batch", "xmp", "yaml", "json", "meta", "exif"})


class Problem(NamedTuple):
    """A file that could not be read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What another program says about one picture or clip.

    `file` is where the picture is in that program's folders, None if it is not there; then `name`, `moment` and `size`,
    in bytes, tell it. A name without ending stands for any. `moment` ends in Z where only UTC is known.
    """

    file: Path | None
    name: str
    size: int | None = None
    title: str | None = None
    caption: str | None = None
    tags: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    rating: int | None = None
    moment: str | None = None
    point: Coordinates | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to attach."""
        return not (self.title or self.caption or self.tags or self.albums or self.rating or self.moment or self.point)


Findings = Iterator[Finding | Problem]


# Reading


def folders(root: Path, unread: list[Problem]) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder below a root with the names of its files, in order; links are not followed.

    Folders that cannot be read are added to `unread`.
    """

    def note(error: OSError) -> None:
        unread.append(_problem(Path(error.filename), "folder", error))

    for folder, below, names in os.walk(root, onerror=note):
        below[:] = sorted(name for name in below if not name.startswith(".") and name.lower() not in SYSTEM_NAMES)
        yield Path(folder), sorted(name for name in names if not name.startswith("."))


def is_media(name: str) -> bool:
    """Tell whether a file has the name of a picture or clip."""
    return Path(name).suffix[1:].lower() in BY_EXTENSION


def read_json(path: Path) -> Any:
    """Return what a JSON file holds, or the problem with it."""
    try:
        return json.loads(_bytes_of(path))
    except (OSError, ValueError, RecursionError) as error:
        return _problem(path, "JSON", error)


def _read_yaml(path: Path) -> Any:
    # Only PhotoPrism's folders need it.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(_bytes_of(path), Loader=loader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        return _problem(path, "YAML", error)


def _bytes_of(path: Path) -> bytes:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("it is too long")
    return path.read_bytes()


def _problem(path: Path, kind: str, error: Exception) -> Problem:
    if isinstance(error, OSError):
        return Problem(path, f"cannot be read: {error.strerror or error}")
    return Problem(path, f"is no whole {kind}")


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list, or of one text; of objects the name or the value."""
    items = value if isinstance(value, list) else [value]
    found = (
        item.get("name") or item.get("title") or item.get("value") if isinstance(item, dict) else item for item in items
    )
    clean = (one_line(each) for each in found if isinstance(each, str))
    return tuple(dict.fromkeys(filter(None, clean)))


def text(value: object) -> str | None:
    """Return a text on one line, or None."""
    return one_line(value) if isinstance(value, str) else None


def caption(value: object) -> str | None:
    """Return a text with its lines, or None."""
    return caption_text(value) if isinstance(value, str) else None


def point(latitude: object, longitude: object, altitude: object = None) -> Coordinates | None:
    """Return coordinates in degrees, or None for none; 0, 0 is none."""
    north, east, height = (
        float(value) if isinstance(value, int | float) else None for value in (latitude, longitude, altitude)
    )
    return checked(north, east, height or None)


def moment(value: object) -> str | None:
    """Return a moment that a text or a date of YAML says, or None."""
    if isinstance(value, datetime | date):
        value = value.isoformat()
    return read_moment(value) if isinstance(value, str) else None


def _stars(value: object) -> int | None:
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= MOST_STARS and value
        else None
    )


# Immich and Photos


def of_immich(root: Path) -> Findings:
    """Yield what an Immich server's side-cars say, and the JSON that immich-go writes beside each file."""
    unread: list[Problem] = []
    for folder, names in folders(root, unread):
        spelled = {name.casefold(): name for name in names}
        for name in filter(is_media, names):
            found = _of_xmp(folder / name, unread)
            record = spelled.get(f"{name}.json".casefold())
            if record is not None:
                data = read_json(folder / record)
                if isinstance(data, Problem):
                    yield data
                elif isinstance(data, dict):
                    found = _joined(_of_immich_go(folder / name, data), found)
            yield found
    yield from unread


def _of_immich_go(file: Path, data: Mapping[str, Any]) -> Finding:
    if data.get("trashed") is True:
        return Finding(file, file.name)
    return Finding(
        file,
        file.name,
        caption=caption(data.get("description")),
        tags=(*texts(data.get("tags")), *((FAVORITE,) if data.get("favorited") is True else ())),
        albums=texts(data.get("albums")),
        rating=_stars(data.get("rating")),
        moment=moment(data.get("dateTaken")),
        point=point(data.get("latitude"), data.get("longitude")),
    )


def of_apple(root: Path, *, folder_albums: bool = False) -> Findings:
    """Yield what an export of Photos says: XMP side-cars, JSON of osxphotos, and, if asked for, folders as albums."""
    unread: list[Problem] = []
    for folder, names in folders(root, unread):
        spelled = {name.casefold(): name for name in names}
        used = set[str]()
        for name in filter(is_media, names):
            found = _of_xmp(folder / name, unread)
            for record in (f"{name}.json", f"{Path(name).stem}.json"):
                if (record := spelled.get(record.casefold(), "")) and (data := read_json(folder / record)) is not None:
                    used.add(record)
                    if isinstance(data, Problem):
                        yield data
                    else:
                        found = _joined(_of_osxphotos(folder / name, data), found)
                    break
            if folder_albums and folder != root and (album := one_line(folder.name)):
                found = replace(found, albums=tuple(dict.fromkeys((*found.albums, album))))
            yield found
        for name in names:
            if name.lower().endswith(".json") and name not in used:
                data = read_json(folder / name)
                if isinstance(data, Problem):
                    yield data
                    continue
                # A list of photos, as `osxphotos query --json` writes it.
                for each in data if isinstance(data, list) else [data]:
                    if isinstance(each, dict) and (known := text(each.get("original_filename"))):
                        yield _of_osxphotos(None, each, known)
    yield from unread


def _of_osxphotos(file: Path | None, data: Any, name: str = "") -> Finding:
    """Return what osxphotos says in either of its forms: its own, or that of ExifTool."""
    if isinstance(data, list):
        data = data[0] if data else {}
    if not isinstance(data, dict):
        data = {}
    place = (
        data.get("GPSLatitude", data.get("EXIF:GPSLatitude")),
        data.get("GPSLongitude", data.get("EXIF:GPSLongitude")),
    )
    south = _first(data, "EXIF:GPSLatitudeRef", "GPSLatitudeRef") == "S"
    west = _first(data, "EXIF:GPSLongitudeRef", "GPSLongitudeRef") == "W"
    signed = [
        -abs(value) if turned and isinstance(value, int | float) else value
        for value, turned in zip(place, (south, west), strict=True)
    ]
    shot = _first(data, "date_original", "date", "EXIF:DateTimeOriginal", "DateTimeOriginal")
    offset = _first(data, "EXIF:OffsetTimeOriginal", "OffsetTimeOriginal")
    tags = (
        *texts(data.get("keywords")), *texts(data.get("persons")), *texts(_first(data, "XMP:TagsList", "TagsList")),
        *texts(_first(data, "IPTC:Keywords", "Keywords")), *texts(_first(data, "XMP:PersonInImage", "PersonInImage")),
    )  # fmt: skip
    size = data.get("original_filesize")
    return Finding(
        file,
        file.name if file is not None else name,
        size=size if isinstance(size, int) and file is None else None,
        title=text(_first(data, "title", "XMP:Title", "Title")),
        caption=caption(_first(data, "description", "XMP:Description", "EXIF:ImageDescription", "ImageDescription")),
        tags=tuple(
            dict.fromkeys(
                (*(tag for tag in tags if tag != "_UNKNOWN_"), *((FAVORITE,) if data.get("favorite") is True else ()))
            )
        ),
        albums=texts(data.get("albums")),
        rating=_stars(_first(data, "XMP:Rating", "Rating")),
        moment=moment(f"{shot}{offset}" if isinstance(shot, str) and isinstance(offset, str) else shot),
        point=point(data.get("latitude"), data.get("longitude")) or point(*signed),
    )


def _first(data: Mapping[str, Any], *names: str) -> Any:
    return next((data[name] for name in names if data.get(name)), None)


def _of_xmp(file: Path, unread: list[Problem]) -> Finding:
    """Return what the XMP side-cars beside a file say; one that cannot be read is added to `unread`."""
    try:
        xmp = read_sidecars(file) if sidecars_of(file) else Xmp()
    except OSError as error:
        unread.append(_problem(Path(error.filename or file), "XMP", error))
        xmp = Xmp()
    words = words_of_xmp(xmp)
    return Finding(
        file,
        file.name,
        title=words.title,
        caption=words.caption,
        tags=tuple(dict.fromkeys((*words.keywords, *texts(list(xmp.texts("Iptc4xmpExt:PersonInImage")))))),
        rating=words.rating or None,
        moment=moment(xmp.text("exif:DateTimeOriginal", "photoshop:DateCreated")),
        point=xmp_coordinates(xmp),
    )


def _joined(first: Finding, second: Finding) -> Finding:
    """Return what both say; where both say something, the first."""
    return replace(
        first,
        title=first.title or second.title,
        caption=first.caption or second.caption,
        tags=tuple(dict.fromkeys((*first.tags, *second.tags))),
        albums=tuple(dict.fromkeys((*first.albums, *second.albums))),
        rating=first.rating or second.rating,
        moment=first.moment or second.moment,
        point=first.point or second.point,
    )


# PhotoPrism


def of_photoprism(root: Path) -> Findings:
    """Yield what PhotoPrism's YAML says, from its folder of storage or any folder above it."""
    albums: defaultdict[str, list[str]] = defaultdict(list)
    # Side-cars may be named without the rest of the storage.
    near = [root.parent / "originals", root.parent.parent / "originals"] if root.name in ("storage", "sidecar") else []
    originals = [root, *near]
    unread: list[Problem] = []
    for folder, names in folders(root, unread):
        if folder.name == "originals":
            originals.append(folder)
        for name in names if "albums" in folder.relative_to(root).parts else ():
            data = _read_yaml(folder / name) if name.lower().endswith(_YAML) else None
            if isinstance(data, Problem):
                yield data
            # Those of other types follow from dates, folders and places.
            elif isinstance(data, dict) and data.get("Type", "album") == "album" and (title := text(data.get("Title"))):
                for uid in _photos(data.get("Photos")):
                    albums[uid].append(title)
    yield from unread
    _by_stem.cache_clear()
    for folder, names in folders(root, unread):
        if "albums" in folder.relative_to(root).parts:
            continue
        for name in names:
            data = _read_yaml(folder / name) if name.lower().endswith(_YAML) else None
            if isinstance(data, Problem):
                yield data
            elif isinstance(data, dict) and isinstance(data.get("UID"), str):
                yield from _of_photo(folder, Path(name).stem, data, originals, albums.get(data["UID"], ()))


def _photos(value: object) -> Iterator[str]:
    for each in value if isinstance(value, list) else ():
        uid = each.get("UID") if isinstance(each, dict) else each
        if isinstance(uid, str):
            yield uid


def _of_photo(
    folder: Path, stem: str, data: Mapping[str, Any], originals: Iterable[Path], albums: Iterable[str]
) -> Iterator[Finding]:
    """Yield what one side-car says for each file of that name: a RAW photo and its JPEG share one."""
    details: Mapping[str, Any] = data["Details"] if isinstance(data.get("Details"), dict) else {}
    keywords = [word.strip() for word in re.split("[,;]", str(details.get("Keywords") or ""))]
    subjects = [word.strip() for word in re.split("[,;]", str(details.get("Subject") or ""))]
    said = Finding(
        None,
        Path(text(data.get("OriginalName")) or stem).name,
        title=text(data.get("Title")) if data.get("TitleSrc") in _WRITTEN_BY_PEOPLE else None,
        caption=caption(
            data.get("Caption") or data.get("Description")
            if (data.get("CaptionSrc") or data.get("DescriptionSrc")) in _WRITTEN_BY_PEOPLE
            else None
        ),
        tags=(
            *(texts(keywords) if details.get("KeywordsSrc") in _WRITTEN_BY_PEOPLE else ()),
            *(texts(subjects) if details.get("SubjectSrc") in _WRITTEN_BY_PEOPLE else ()),
            *((FAVORITE,) if data.get("Favorite") is True else ()),
        ),
        albums=tuple(albums),
        moment=moment(data.get("TakenAt")) if data.get("TakenSrc") else None,
        point=point(data.get("Lat"), data.get("Lng"), data.get("Altitude"))
        if data.get("PlaceSrc") in _WRITTEN_BY_PEOPLE
        else None,
    )
    parts = folder.parts
    below = Path(*parts[len(parts) - parts[::-1].index("sidecar") :]) if "sidecar" in parts else Path()
    found = dict[Path, None]()
    for place in dict.fromkeys((folder, *(each / below for each in originals))):
        found |= dict.fromkeys(place / name for name in _by_stem(place).get(stem, ()))
    for file in found:
        yield replace(said, file=file, name=file.name)
    if not found:
        yield replace(said, moment=moment(data.get("TakenAt")))


@lru_cache(maxsize=16)
def _by_stem(folder: Path) -> Mapping[str, list[str]]:
    """Return the names of a folder's pictures and clips by what stands before their endings."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in (
        sorted(each.name for each in folder.iterdir())
        if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
        else ()
    ):
        if is_media(name):
            found[Path(name).stem].append(name)
    return found
