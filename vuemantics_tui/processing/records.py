"""The record of an upload: a small file beside each copied original, which names it where there is no database."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.files import inside, write_whole
from vuemantics_tui.store.folders import FolderStore, StoredFolder

log = logging.getLogger(__name__)

# Ours have some 500 bytes; a name and a path may be long.
_MOST_BYTES = 64 * 1024
_WRITTEN_AT_ONCE = 100
# A whole original, in contrast to one that was still being copied.
_ORIGINAL = re.compile(r"original\.[a-z0-9]{1,8}")
_SIDECAR = "original.xmp"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of an upload without its database, under the names that `--json` has for it. Size in bytes."""

    id: str
    filename: str
    source_path: str | None
    sha256: str
    file_size: int
    created_at: str
    modified_at: str | None = None


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder of an upload as it is on disk: its whole original, and its record if there is a sound one."""

    user_id: str
    upload_id: str
    original: Path
    record: Record | None


def write_record(folder: Path, record: Record) -> None:
    """Write the record of an upload into its folder, whole or not at all. Raises OSError.

    It is not flushed to the disk: that would take as long as copying a picture. `Records.complete` writes again what
    a power cut left empty.
    """
    text = json.dumps(asdict(record), ensure_ascii=False, indent=2) + "\n"
    write_whole(folder / paths.RECORD_NAME, text.encode("utf-8", "replace"), flushed=False)


def read_record(folder: Path) -> Record | None:
    """Return the record in the folder of an upload; None if there is none, or one that says nothing sound."""
    path = folder / paths.RECORD_NAME
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
        record = Record(**{each.name: found.get(each.name) for each in fields(Record)})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return None
    if not _is_sound(record) or record.id != folder.name:
        log.warning("%s does not describe the upload beside it", path)
        return None
    return record


def _is_sound(record: Record) -> bool:
    texts = (record.filename, record.sha256, record.created_at)
    return (
        all(isinstance(text, str) and text for text in texts)
        and all(text is None or isinstance(text, str) for text in (record.source_path, record.modified_at))
        and type(record.file_size) is int
        and record.file_size >= 0
        and _SHA256.fullmatch(record.sha256) is not None
    )


def original_in(folder: Path) -> Path | None:
    """Return the whole original in the folder of an upload; None if there is none. Raises OSError."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _ORIGINAL.fullmatch(entry.name) and entry.name != _SIDECAR and entry.is_file(follow_symlinks=False):
                return folder / entry.name
    return None


def folders_of(library: Path) -> Iterator[FoundFolder]:
    """Yield the folders of a library that hold a whole original, without links. Raises LibraryError and OSError."""
    uploads = inside(library, paths.UPLOADS_NAME)
    for owner in _folders_in(uploads):
        for folder in _folders_in(owner):
            try:
                original = original_in(folder)
            except FileNotFoundError:
                continue  # deleted meanwhile
            if original is not None:
                yield FoundFolder(owner.name, folder.name, original, read_record(folder))


def _folders_in(folder: Path) -> Iterator[Path]:
    """Yield the folders in here whose names are identifiers, in their order."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name for entry in entries if paths.is_id(entry.name) and entry.is_dir(follow_symlinks=False)
            )
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise LibraryError(f"This is not a folder: {folder}", "Move the file that is in its place.") from error
    for name in names:
        yield folder / name


def record_of(stored: StoredFolder) -> Record:
    """Return the record of an upload as the database knows it."""
    return Record(
        stored.id,
        stored.filename,
        stored.source_path,
        stored.sha256,
        stored.file_size,
        stored.created_at,
        stored.modified_at,
    )


def is_recorded(library: Path, stored: StoredFolder) -> bool:
    """Tell whether the record of a copied upload says what the database says. Raises LibraryError."""
    return read_record(inside(library, paths.upload_folder(stored.user_id, stored.id))) == record_of(stored)


class Records:
    """Keeps the records of copied uploads in step with the database."""

    def __init__(self, library: Path, store: FolderStore) -> None:
        self._library = library
        self._store = store

    async def write(self, upload_ids: Sequence[str]) -> None:
        """Write the records of these uploads. What cannot be written is logged, and written by `complete` later."""
        found = await self._store.of(upload_ids)
        await asyncio.to_thread(self._write, [each for each in found if each.source is None], is_sure=True)

    async def complete(self) -> int:
        """Write all records that are missing or out of date, as in an older library; return how many."""
        written = 0
        async for batch in self._store.batches():
            copied = [each for each in batch if each.source is None]
            # Whoever cancels this waits for one hop.
            for start in range(0, len(copied), _WRITTEN_AT_ONCE):
                written += await asyncio.to_thread(self._write, copied[start : start + _WRITTEN_AT_ONCE])
        return written

    def _write(self, stored: Sequence[StoredFolder], *, is_sure: bool = False) -> int:
        """Write what differs, of records that are older than the upload; of all of them with `is_sure`."""
        written = 0
        for one in stored:
            try:
                folder = inside(self._library, paths.upload_folder(one.user_id, one.id))
                is_right = not is_sure and _is_newer(folder / paths.RECORD_NAME, one.updated_at)
                if is_right or not folder.is_dir():
                    continue
                if read_record(folder) == record_of(one):
                    # Compared once: the next look is at its time alone.
                    os.utime(folder / paths.RECORD_NAME)
                else:
                    write_record(folder, record_of(one))
                    written += 1
            except (LibraryError, OSError) as error:
                log.warning("no record of upload %s is written: %s", one.id, error)
        return written


def _is_newer(record: Path, moment: str) -> bool:
    """Tell whether a record was written after a moment, ISO 8601, and is not what a power cut left."""
    try:
        status = record.stat()
        return status.st_size > 0 and status.st_mtime > datetime.fromisoformat(moment).timestamp()
    except (FileNotFoundError, ValueError):
        return False
