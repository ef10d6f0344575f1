"""What a file really is, before it is taken in: format, size, dimensions, and whether it may come in."""

from __future__ import annotations

import importlib.util
import stat
from pathlib import Path

from vuemantics_tui.domain.errors import MediaError, UnreadableError, VuemanticsError
from vuemantics_tui.domain.formats import (
    FORMATS,
    HEAD_BYTES,
    FileType,
    MediaFormat,
    guess_foreign,
    recognise_open,
)
from vuemantics_tui.domain.media import MediaLimits, Probe
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.files import read_fault


def probe(path: Path, limits: MediaLimits) -> Probe:
    """Tell a file's format from its bytes, never its name, and refuse what the library cannot take.

    Pictures: the header is read, no pixel decoded; dimensions are upright, and None if the header is damaged
    (a body that does not decode fails later, with its reason). Videos and RAW photos: dimensions are None, they
    come with the metadata. Raises MediaError for a file that is missing, empty, of no accepted format, of one whose
    reader is not installed, or over a limit.
    """
    size, head, found = _read_head(path)
    if found is None:
        raise _not_accepted(guess_foreign(head))
    check_reader(found)
    limit = limits.max_bytes(found.file_type)
    if size > limit:
        raise MediaError(
            f"The file has {size_words(size)}, more than the limit of {size_words(limit)} for "
            f"{'pictures' if found.file_type is FileType.IMAGE else 'videos'}",
            "Make the file smaller, or raise the limit in the settings.",
        )
    # Containers and sensor data are left to the processes that are shielded.
    is_left = found.file_type is FileType.VIDEO or found.is_raw
    width, height = (None, None) if is_left else _dimensions(path, limits)
    return Probe(found, size, width, height)


def check_reader(found: MediaFormat) -> None:
    """Raise MediaError if the package that reads a format is not installed."""
    package = found.decoder.package
    if package and importlib.util.find_spec(package) is None:
        raise MediaError(
            f"This is {found.noun}, and the package {package}, which reads it, is not installed",
            f"Run: python -m pip install {package}",
        )


def _read_head(path: Path) -> tuple[int, bytes, MediaFormat | None]:
    try:
        status = path.stat()
        # Opening a pipe would wait for a writer, perhaps without end.
        if stat.S_ISDIR(status.st_mode):
            raise MediaError("This is a folder, not a file", "Add the files inside it.")
        if not stat.S_ISREG(status.st_mode):
            raise MediaError("This is not a regular file", "Only files on a disk can be added.")
        if status.st_size == 0:
            raise MediaError("The file is empty", "Copy it again from where it came from.")
        with path.open("rb") as file:
            found = recognise_open(file)
            file.seek(0)
            return status.st_size, file.read(HEAD_BYTES), found
    except OSError as error:
        raise UnreadableError(*read_fault(path, error)) from error
    except ValueError as error:
        raise UnreadableError(f"It cannot be read: {error}") from error


def _dimensions(path: Path, limits: MediaLimits) -> tuple[int | None, int | None]:
    # Pillow takes its time to import, and a file that is refused above needs none of it.
    from vuemantics_tui.media.faults import is_picture_fault
    from vuemantics_tui.media.pictures import open_cut_or_whole, upright_size

    try:
        with open_cut_or_whole(path, limits.max_pixels) as image:
            return upright_size(image)
    except VuemanticsError:
        raise
    except Exception as error:
        if not is_picture_fault(error):
            raise
        return None, None


def _not_accepted(guess: str) -> MediaError:
    def names(file_type: FileType) -> str:
        return ", ".join(each.name for each in FORMATS if each.file_type is file_type and not each.is_raw)

    seems = f": it seems to be {guess}" if guess else ""
    return MediaError(
        f"Not a supported picture or video{seems}",
        f"Pictures: {names(FileType.IMAGE)}, RAW photos. Videos: {names(FileType.VIDEO)}.",
    )
