"""Files on disk that appear whole or not at all, and that only their owner can read."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from vuemantics_tui.domain.errors import LibraryError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
PART_SUFFIX = ".part"

_BLOCK_BYTES = 1024 * 1024
# Without O_BINARY, which only Windows has, it would turn line feeds into line breaks of its own.
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class WholeFile:
    """Writes a file beside its target and renames it when it is finished. Raises OSError.

    `file` is open for writing until then. With `private` only its owner can read the file, whatever the umask; without,
    the umask decides. As a context manager it is finished at the end, and after an error nothing of it remains. Without
    `flushed` a power cut soon after may leave it empty: for what can be written again.
    """

    def __init__(self, target: Path, *, private: bool = True, flushed: bool = True) -> None:
        self._target = target
        self._flushed = flushed
        self._part = target.with_name(f"{_part_prefix(target)}{secrets.token_hex(8)}{PART_SUFFIX}")
        self.file: BinaryIO = os.fdopen(_create(self._part, private), "wb")

    @property
    def part(self) -> Path:
        """Where it is written, for what writes files by their names."""
        return self._part

    def write(self, data: bytes | memoryview) -> None:
        """Add to the end."""
        self.file.write(data)

    def finish(self) -> None:
        """Flush to the disk and replace what was there."""
        self.file.flush()
        if self._flushed:
            os.fsync(self.file.fileno())
        self.file.close()
        self._part.replace(self._target)

    def abandon(self) -> None:
        """Remove what was written."""
        # Closed first: Windows removes no open file, and unwritten bytes on a full disk fail again here.
        try:
            self.file.close()
        finally:
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.abandon()
            return
        try:
            self.finish()
        except BaseException:
            self.abandon()
            raise


def write_whole(target: Path, data: bytes | memoryview, *, private: bool = True, flushed: bool = True) -> None:
    """Write a whole file, or leave what was there; see `WholeFile`. Raises OSError."""
    with WholeFile(target, private=private, flushed=flushed) as whole:
        whole.write(data)


def copy_and_hash(source: Path, target: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """Copy a file for its owner alone, and return the SHA-256 of what was copied, in hexadecimal.

    The copy keeps when the file was last changed. Reads and writes blocks of 1 MiB; `on_bytes` is called after each
    with its size in bytes. Raises OSError, among it FileExistsError if `target` is there already, which is then left
    alone; after any error or interruption no target remains.
    """
    if os.path.lexists(target):
        raise FileExistsError(f"This file already exists: {target}")
    digest = hashlib.sha256()
    with source.open("rb") as reading, WholeFile(target) as whole:
        while block := reading.read(_BLOCK_BYTES):
            digest.update(block)
            whole.write(block)
            if on_bytes is not None:
                on_bytes(len(block))
        # Any later write would change the time again.
        whole.file.flush()
        status = os.fstat(reading.fileno())
        os.utime(whole.part, ns=(status.st_atime_ns, status.st_mtime_ns))
    return digest.hexdigest()


def copy_part(source: Path, target: Path, start: int, size: int, *, private: bool = True) -> None:
    """Copy a part of a file into a whole one; `start` and `size` in bytes. Raises OSError, also if it is cut short."""
    with source.open("rb") as reading, WholeFile(target, private=private) as whole:
        reading.seek(start)
        while size > 0:
            block = reading.read(min(size, _BLOCK_BYTES))
            if not block:
                raise OSError(errno.EIO, "the file ends too early")
            size -= len(block)
            whole.write(block)


def is_disk_fault(error: OSError) -> bool:
    """Tell whether the disk is to blame for a write that failed: full, over a quota, or read-only."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def is_missing(path: Path) -> bool:
    """Tell whether there is nothing of this name. What stands in a closed folder may be there."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def read_fault(path: Path, error: OSError) -> tuple[str, str]:
    """Return why a file or folder cannot be read, and what to do about it."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return "It cannot be read: permission denied", "Ask its owner for access, or change the permissions."
    if error.errno == errno.ELOOP:
        return "It is a link that leads back to itself", "Remove the link."
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        if path.is_symlink():
            return "It is a link to a file that is missing", "Remove the link, or restore what it leads to."
        return "It is gone: it was moved or deleted in the meantime", "Check the path."
    if error.errno == errno.ENAMETOOLONG:
        return "It cannot be read: its path is too long", "Move it to a folder with a shorter path."
    return f"It cannot be read: {(error.strerror or str(error)).lower()}", "Check the disk that it is on."


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in blocks. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep_parts(target: Path) -> None:
    """Remove what killed writers of this file left beside it. Make sure that none is writing."""
    for part in target.parent.glob(f"{glob.escape(_part_prefix(target))}*{PART_SUFFIX}"):
        part.unlink(missing_ok=True)


def make_file(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one. Raises OSError."""
    try:
        os.close(_create(path, private=True))
    except FileExistsError:
        return


def make_folder(path: Path, *, parents: bool = True) -> None:
    """Make a folder that only its owner can enter, and those above it, unless they are there. Raises OSError."""
    missing: list[Path] = []
    for each in (path, *(path.parents if parents else ())):
        if each.is_dir():
            break
        missing.append(each)
    for each in reversed(missing):
        try:
            each.mkdir(PRIVATE_FOLDER)
        except FileExistsError:
            # Another process may have made it meanwhile; anything but a folder is an error.
            if not each.is_dir():
                raise
        else:
            each.chmod(PRIVATE_FOLDER)


def sync_folder(path: Path) -> None:
    """Have a rename in this folder survive a power cut, where the system can do that. Raises OSError."""
    # Windows cannot open folders, and journals renames.
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def inside(root: Path, relative: str | Path) -> Path:
    """Return where a path of the library is. Raises LibraryError if it leads out of `root`, by its words or by a link.

    What is not there yet is inside. `root` may itself be a link.
    """
    parts = Path(relative).parts
    path = root
    for part in parts:
        path = path / part
        if part == ".." or not path.is_relative_to(root) or _is_link(path):
            raise LibraryError(
                f"The library points outside of its folder: {relative}",
                f"Nothing was read, written or removed there. Check {root} for links, and the library with: "
                "vuemantics-tui doctor",
            )
    return path


def original_at(library: Path, file_path: str, source: str | None) -> Path:
    """Return where an original is: in its source, or in the library if it has none. Raises LibraryError as `inside`.

    Within a source links may lead anywhere: they are a person's own.
    """
    if source is None:
        return inside(library, file_path)
    relative = Path(file_path)
    if relative.is_absolute() or ".." in relative.parts:
        raise LibraryError(
            f"The library points outside of its source: {file_path}",
            "Nothing was read there. Check the library with: vuemantics-tui doctor",
        )
    return Path(source, relative)


def _part_prefix(target: Path) -> str:
    # A name has room for 255 bytes, and a character takes up to four.
    return f".{os.fsdecode(os.fsencode(target.name)[:200])}."


def _is_link(path: Path) -> bool:
    # A junction is Windows' other kind of link to a folder; older Pythons cannot tell it.
    return path.is_symlink() or bool(getattr(path, "is_junction", lambda: False)())


def _create(path: Path, private: bool) -> int:
    """Open a new file for writing; returns its descriptor. Raises FileExistsError and other OSError."""
    descriptor = os.open(path, _NEW, PRIVATE_FILE if private else 0o666)
    if private and hasattr(os, "fchmod"):
        # A umask that takes rights from the owner would leave a database that nobody can open.
        os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor
