"""Backups with originals: a plain tar file that holds a library as its folder does, the database first."""

from __future__ import annotations

import hashlib
import io
import logging
import re
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError, UsageError
from vuemantics_tui.files import WholeFile, hash_file, inside, make_folder, sync_folder

log = logging.getLogger(__name__)

OnBytes = Callable[[int], None]
"""Is told how many more bytes are done; may raise, which ends the work."""

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# What of the folder of an upload cannot be made again. The rest of an archive is left alone: it may be anybody's.
_KEPT_FILE = r"original\.[a-z0-9]{1,8}(?:\.xmp)?|upload\.json"
_MEMBER = re.compile(rf"{paths.UPLOADS_NAME}/{_ID}/(?P<id>{_ID})/(?P<file>{_KEPT_FILE})")
_KEPT = re.compile(_KEPT_FILE)
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """What went into an archive: how many originals, and how many were not there."""

    originals: int
    missing: int


class _Counted(io.RawIOBase):
    """A file that tells how much of it is read."""

    def __init__(self, file: IO[bytes], on_bytes: OnBytes) -> None:
        super().__init__()
        self._file = file
        self._on_bytes = on_bytes

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._on_bytes(len(block))
        return block


def is_archive(path: Path) -> bool:
    """Tell whether a file is a tar file. Raises OSError."""
    return tarfile.is_tarfile(path)


def write_archive(
    target: Path, database: Path, library: Path, folders: Iterable[tuple[Path, str]], on_bytes: OnBytes
) -> Written:
    """Write a database and the folders of copied uploads into one whole file. Raises OSError and LibraryError.

    Each of `folders` is that of an upload, relative to the library, with the name of its original. It is written as it
    is read, so it needs no other space.
    """
    originals = missing = 0
    with WholeFile(target) as whole, tarfile.open(fileobj=whole.file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _put(tar, database, paths.DATABASE_NAME, on_bytes)
        for relative, original in folders:
            folder = inside(library, relative)
            try:
                names = sorted(path.name for path in folder.iterdir() if _KEPT.fullmatch(path.name))
            except FileNotFoundError:
                names = []
            for name in names:
                # What is deleted for good meanwhile is not there to be copied.
                if _put(tar, folder / name, f"{relative.as_posix()}/{name}", on_bytes) and name == original:
                    originals += 1
            missing += original not in names
    sync_folder(target.parent)
    return Written(originals, missing)


def _put(tar: tarfile.TarFile, path: Path, name: str, on_bytes: OnBytes) -> bool:
    try:
        file = inside(path.parent, path.name).open("rb")
    except FileNotFoundError:
        return False
    with file:
        info = tar.gettarinfo(arcname=name, fileobj=file)
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mode, info.mtime = 0o600, int(info.mtime)
        tar.addfile(info, _Counted(file, on_bytes))
    return True


@contextmanager
def opened_archive(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive to read it from beginning to end. Raises UsageError where it ends too early, and OSError."""
    try:
        with tarfile.open(path, "r|*") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise UsageError(
            f"The backup cannot be read to its end: {path} ({error})", "Nothing was replaced. Use another backup."
        ) from error


def take_database(tar: tarfile.TarFile, target: Path) -> None:
    """Write the database, which is the first in an archive, into a file. Raises UsageError and OSError."""
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == paths.DATABASE_NAME else None
    if content is None:
        raise UsageError(
            "This tar file is not a backup of a library", "Its first file must be library.db, as `backup` writes it."
        )
    with content, WholeFile(target) as whole:
        shutil.copyfileobj(content, whole.file, _BLOCK_BYTES)


def take_originals(
    tar: tarfile.TarFile, library: Path, hashes: Mapping[str, str], aside: Path, on_bytes: OnBytes
) -> int:
    """Put the originals of an archive where they belong, with what goes with them; return how many were written.

    `hashes` are the SHA-256 of the uploads by their IDs. A file that is there and is the same stays; one that differs
    goes into the folder `aside`. Raises LibraryError and OSError.
    """
    written = 0
    while (member := tar.next()) is not None:
        match = _MEMBER.fullmatch(member.name)
        if match is None or not member.isreg():
            log.warning("%r in the backup is left alone", member.name)
            continue
        content = tar.extractfile(member)
        assert content is not None
        with content:
            is_original = not match["file"].endswith((".xmp", ".json"))
            expected = hashes.get(match["id"], "") if is_original else ""
            written += _take(content, inside(library, member.name), expected, aside / member.name, on_bytes)
        on_bytes(member.size)
    return written


def archived_hashes(tar: tarfile.TarFile, on_bytes: OnBytes) -> dict[str, str]:
    """Return the SHA-256 of the originals that follow in an archive, by the IDs of their uploads. Raises OSError."""
    found: dict[str, str] = {}
    while (member := tar.next()) is not None:
        match = _MEMBER.fullmatch(member.name)
        content = tar.extractfile(member) if match and member.isreg() else None
        if match is None or content is None or match["file"].endswith((".xmp", ".json")):
            continue
        digest = hashlib.sha256()
        with content:
            while block := content.read(_BLOCK_BYTES):
                digest.update(block)
                on_bytes(len(block))
        found[match["id"]] = digest.hexdigest()
    return found


def _take(content: IO[bytes], target: Path, expected: str, aside: Path, on_bytes: OnBytes) -> bool:
    """Write one file unless it is there; returns whether it is an original that was written."""
    if target.is_file():
        if not expected or hash_file(target) == expected:
            return False
        make_folder(aside.parent)
        target.replace(aside)
    make_folder(target.parent)
    digest = hashlib.sha256()
    with WholeFile(target) as whole:
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
            whole.write(block)
            on_bytes(0)
        if expected and digest.hexdigest() != expected:
            raise LibraryError(
                f"The backup is damaged: {target.name} of the upload {target.parent.name} is not what was backed up",
                "Nothing was replaced. Use another backup.",
            )
    sync_folder(target.parent)
    return bool(expected)
