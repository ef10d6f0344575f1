"""Google Takeout: which of its JSON files belongs to which picture, and what it says.

Google does not document this. The names come from public reports: the issues 8, 92, 353, 448 and 460 of
TheLastGimbus/GooglePhotosTakeoutHelper, 4953 of ente-io/ente with its pull request 4956, 50 of
mattwilson1024/google-photos-exif, 29 of Xentraxx/GooglePhotosTakeoutHelper_Neo, and the notes of simulot/immich-go.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vuemantics_tui.domain.moment import instant
from vuemantics_tui.media.foreign import (
    FAVORITE,
    Finding,
    Findings,
    Problem,
    caption,
    folders,
    is_media,
    point,
    read_json,
    text,
    texts,
)

# The name of a JSON file has 51 letters at most, with its ending, but without its number.
_MOST_LETTERS = 51 - len(".json")
# A name of a picture has been cut if it is about so long; how exactly Google counts is not known for all alphabets.
_LONG = 40
_TAIL = "supplemental-metadata"
_NUMBERED = re.compile(r"(?s)(.+)\((\d+)\)")
# What Google Photos appends to the name of an edited copy, in the language of the account.
_EDITED = (
    *("-edited", "-effects", "-smile", "-mix", "-bearbeitet", "-modifié", "-ha editado", "-editado", "-modificato"),
    *("-bewerkt", "-editada", "-edytowane", "-editat", "-redigerad", "-redigert", "-redigeret", "-muokattu"),
    *("-upraveno", "-düzenlendi", "-изменено", "-編集済み", "-已修改", "-已編輯", "-수정됨"),
)
# Google's clips of motion photos have endings of their own.
_CLIPS = frozenset({".mp4", ".mov", ".m4v", ".mp", ".mv", ".cover"})
# Google writes several signs of a title as an underscore.
_SIGNS = re.compile(r"[\W_]")
# Folders of a year are not albums: "Photos from 2019", "Fotos von 2019", "Zdjęcia z 2019".
_YEAR = re.compile(r"(?i)\w[\w' ]* ?(19|20)\d\d( \w+)?")
_YEAR_WORDS = ("photos", "photo", "fotos", "foto", "foto's", "fotografías", "zdjęcia", "фото", "фотографии", "bilder")


@dataclass(eq=False, slots=True)
class _Record:
    """One JSON file: the names that it may be for, each with its number, what it says, and its title."""

    path: Path
    names: tuple[tuple[str, int], ...]
    data: Mapping[str, Any]
    title: str
    used: bool = False


def of_takeout(root: Path) -> Findings:
    """Yield what the JSON files of a Takeout say: of each picture, and of those that are in none of its folders.

    What is in Google's trash is left out. An edited copy and the clip of a Live Photo have no file of their own: they
    take that of the picture.
    """
    unread: list[Problem] = []
    for folder, names in folders(root, unread):
        records: list[_Record] = []
        album = ""
        for name in names:
            if not name.lower().endswith(".json"):
                continue
            data = read_json(folder / name)
            if isinstance(data, Problem):
                yield data
            elif isinstance(data, dict) and "photoTakenTime" in data:
                title = data.get("title")
                records.append(_Record(folder / name, _names_of(name), data, title if isinstance(title, str) else ""))
            elif isinstance(data, dict) and not album:
                # Its name is translated: metadata.json, Metadaten.json, métadonnées.json.
                album = _album_of(data)
        yield from _of_folder(folder, [name for name in names if is_media(name) or _is_clip(name)], records, album)
    yield from unread


def _album_of(data: Mapping[str, Any]) -> str:
    title = text(
        data.get("title", data.get("albumData", {}).get("title") if isinstance(data.get("albumData"), dict) else None)
    )
    if not title or (_YEAR.fullmatch(title) and title.split()[0].lower() in _YEAR_WORDS):
        return ""
    return title


def _of_folder(folder: Path, media: Sequence[str], records: Sequence[_Record], album: str) -> Iterator[Finding]:
    albums = (album,) if album else ()
    matched = match(media, records)
    for name in media:
        record = matched.get(name)
        if record is None:
            if albums:
                yield Finding(folder / name, name, albums=albums)
        elif record.data.get("trashed") is not True:
            yield replace(_finding(record, name), file=folder / name, name=name, albums=albums)
    for record in records:
        # The picture is in another folder, or in another part of the Takeout.
        if not record.used and record.title and record.data.get("trashed") is not True:
            yield replace(_finding(record, record.title), albums=albums)


def _finding(record: _Record, name: str) -> Finding:
    data = record.data
    title = text(record.title)
    # Nearly all titles are the names of the files.
    is_name = not title or title == name or "." in title[-6:] or Path(name).stem.startswith(title)
    return Finding(
        None,
        name,
        title=None if is_name else title,
        caption=caption(data.get("description")),
        tags=(*texts(data.get("people")), *((FAVORITE,) if data.get("favorited") is True else ())),
        moment=_moment(data.get("photoTakenTime")),
        point=_point(data.get("geoData")) or _point(data.get("geoDataExif")),
    )


def _point(data: object) -> Any:
    if not isinstance(data, dict):
        return None
    return point(data.get("latitude"), data.get("longitude"), data.get("altitude"))


def _moment(data: object) -> str | None:
    """Return a time, which Google gives in seconds since 1970 as a text."""
    seconds = str(data.get("timestamp")) if isinstance(data, dict) else ""
    return instant(float(seconds)) if re.fullmatch(r"(?a)-?\d{1,12}", seconds) else None


# Names


def _names_of(json_name: str) -> tuple[tuple[str, int], ...]:
    """Return the names of pictures, maybe cut, that a JSON file may be for, each with its number.

    `a.jpg(1).json`, `a.jpg.supplemental-metadata(1).json` and `a.jpg.supple(1).json` are for a.jpg, number 1.
    """
    base, number = _parted(unicodedata.normalize("NFC", json_name[: -len(".json")]))
    found = [(base, number)]
    head, dot, tail = base.rpartition(".")
    if head and dot and _TAIL.startswith(tail.lower()):
        whole, inner = _parted(head)
        found.insert(0, (head, number))
        if inner and not number and not is_media(whole + "." + tail):
            found.append((whole, inner))
    return tuple(found)


def _parted(name: str) -> tuple[str, int]:
    """Return a name and the number behind it, 0 for none."""
    match = _NUMBERED.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, 0)


def _is_clip(name: str) -> bool:
    return Path(name).suffix.lower() in _CLIPS


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def match(media: Iterable[str], records: Sequence[_Record]) -> dict[str, _Record]:
    """Return which record belongs to which picture of a folder, marked as used; none where two may.

    Whole names come first, so that a cut one cannot take what belongs to another.
    """
    index = _Index(records)
    found: dict[str, _Record] = {}
    steps: tuple[Callable[[str, int], _Record | None], ...] = (index.exact, index.folded, index.cut, index.titled)
    left = list(media)
    for step in steps:
        for name in left:
            for plain, number in _plain_names(name):
                record = step(plain, number)
                if record is not None and not record.used:
                    found[name] = record
                    record.used = True
                    break
        left = [name for name in left if name not in found]
    for name in left:
        # Records of their own have gone to those that have one: these share one.
        shared = next(filter(None, (index.shared(plain, number) for plain, number in _plain_names(name))), None)
        if shared is not None:
            found[name] = shared
    for name in left:
        if name in found:
            found[name].used = True
    return found


def _plain_names(name: str) -> list[tuple[str, int]]:
    """Return a name as it is, and with the number at the end of its stem taken out: `a(1).jpg` is a.jpg, number 1."""
    path = Path(unicodedata.normalize("NFC", name))
    stem, number = _parted(path.stem)
    return [(path.name, 0), *([(stem + path.suffix, number)] if number else [])]


class _Index:
    """The records of a folder by their names."""

    def __init__(self, records: Sequence[_Record]) -> None:
        self._exact: defaultdict[tuple[str, int], list[_Record]] = defaultdict(list)
        self._folded: defaultdict[tuple[str, int], list[_Record]] = defaultdict(list)
        self._stems: defaultdict[tuple[str, int], list[_Record]] = defaultdict(list)
        # A cut name begins as the whole one does.
        self._cut: defaultdict[int, dict[str, list[_Record]]] = defaultdict(dict)
        # By their beginnings: long ones are cut.
        self._titles: defaultdict[str, list[_Record]] = defaultdict(list)
        for record in records:
            for name, number in dict.fromkeys(record.names):
                self._exact[name, number].append(record)
                self._folded[_key(name), number].append(record)
                for stem in dict.fromkeys((Path(name).stem, name)):
                    self._stems[_key(stem), number].append(record)
                self._cut[number].setdefault(_key(name), []).append(record)
            self._titles[_title_key(record.title)[:_LONG]].append(record)

    def exact(self, name: str, number: int) -> _Record | None:
        """Return the record with just this name."""
        return _only(self._exact.get((name, number), ()))

    def folded(self, name: str, number: int) -> _Record | None:
        """Return the record whose name differs in case alone."""
        return _only(self._folded.get((_key(name), number), ()))

    def cut(self, name: str, number: int) -> _Record | None:
        """Return the record whose name is a cut one of this: one whose title is not of another."""
        whole, stem = _key(name), Path(_key(name)).stem
        named = self._cut.get(number, {})
        for length in range(len(whole) - 1, 0, -1):
            if length <= len(stem) and length < _LONG and len(whole[:length].encode()) < _LONG:
                return None
            if candidates := [record for record in named.get(whole[:length], ()) if not record.used]:
                return _only(record for record in candidates if not record.title or _is_title_of(record.title, name))
        return None

    def titled(self, name: str, number: int) -> _Record | None:
        """Return the record whose title is this name, as Google writes titles as names."""
        return _only(
            record
            for record in self._titles.get(_title_key(name)[:_LONG], ())
            if not record.used and _is_title_of(record.title, name) and number in {each for _, each in record.names}
        )

    def shared(self, name: str, number: int) -> _Record | None:
        """Return the record of the picture that this is an edited copy of, the clip of, or another format of."""
        stem, ending = Path(name).stem, Path(name).suffix
        record = _alike(self._stems.get((_key(stem), number), ()))
        if record is not None:
            return record
        lower = stem.lower()
        for suffix in _EDITED:
            # A long name cuts what is appended to it, too.
            for length in range(len(suffix), 1, -1):
                if length < len(suffix) and len(stem) < _MOST_LETTERS - 3:
                    break
                if not lower.endswith(suffix[:length]):
                    continue
                plain = stem[:-length] + ending
                for found in (self.exact(plain, number), self.folded(plain, number), self._begun(plain, number)):
                    if found is not None:
                        return found
                if (found := _alike(self._stems.get((_key(stem[:-length]), number), ()))) is not None:
                    return found
        return None

    def _begun(self, name: str, number: int) -> _Record | None:
        """Return the record with a cut name of this, whether it is used or not."""
        whole, stem = _key(name), Path(_key(name)).stem
        for length in range(len(whole) - 1, min(len(stem), _LONG - 1), -1):
            if candidates := self._cut.get(number, {}).get(whole[:length]):
                return _only(candidates)
        return None


def _only(records: Iterable[_Record]) -> _Record | None:
    found = list(dict.fromkeys(records))
    return found[0] if len(found) == 1 else None


def _alike(records: Iterable[_Record]) -> _Record | None:
    """Return the first of records that were taken at one moment, as a RAW photo and its JPEG are."""
    found = list(dict.fromkeys(records))
    moments = {str(record.data.get("photoTakenTime")) for record in found}
    return found[0] if len(moments) == 1 else None


def _title_key(title: str) -> str:
    return _SIGNS.sub("_", _key(title.strip()))


def _is_title_of(title: str, name: str) -> bool:
    """Tell whether a name may be what Google made of a title: the whole of it, or, of a long one, its beginning."""
    if _title_key(title) == _title_key(name):
        return True
    stem, ending = Path(name).stem, Path(name).suffix
    return (
        len(stem) >= _LONG
        and _title_key(title).startswith(_title_key(stem))
        and Path(title).suffix.casefold() == ending.casefold()
    )
