"""The room of the export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.exporting.records import ExportedUpload, csv_header, csv_line, json_line
from vuemantics_tui.exporting.xmp import SUFFIX, owner_of, sidecar_text
from vuemantics_tui.files import WholeFile, write_whole
from vuemantics_tui.store.exporting import ExportStore
from vuemantics_tui.store.uninterrupted import uninterrupted
from vuemantics_tui.store.uploads import UploadStore

# So many uploads are read at a time.
_BATCH = 500


class ExportFormat(StrEnum):
    """What is written into one file: an object a line, or a table."""

    JSON_LINES = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """How many uploads are written, and of how many."""

    done: int
    of: int


@dataclass(frozen=True, slots=True)
class SidecarResult:
    """What became of the side-car of an upload: where it is, or the reason why it was not written.

    `done` of `of` uploads are through.
    """

    upload: Upload
    path: Path
    reason: str
    done: int
    of: int

    @property
    def written(self) -> bool:
        """Whether the side-car was written."""
        return not self.reason


class Export:
    """The room of the export. Originals and what else is in the library are never written."""

    def __init__(self, root: Path, uploads: UploadStore, store: ExportStore) -> None:
        self._root = root
        self._uploads = uploads
        self._store = store

    async def lines(
        self, export_format: ExportFormat, numbers: Sequence[int] | None = None, *, include_hidden: bool = False
    ) -> AsyncIterator[str]:
        """The text of an export, line by line, as for a pipe: of these uploads, else of all but the hidden ones."""
        if export_format is ExportFormat.CSV:
            yield csv_header()
        line = csv_line if export_format is ExportFormat.CSV else json_line
        async for record in self._records(await self._chosen(numbers, include_hidden)):
            yield line(record)

    async def to_file(
        self,
        target: Path,
        export_format: ExportFormat,
        numbers: Sequence[int] | None = None,
        *,
        include_hidden: bool = False,
        overwrite: bool = False,
    ) -> AsyncIterator[ExportProgress]:
        """Write an export into one file, which appears when all of it is there.

        Raises UsageError where the file is there already and is not to be overwritten, lies in the library, or cannot
        be written.
        """
        target = await asyncio.to_thread(self._checked_file, target, overwrite)
        chosen = await self._chosen(numbers, include_hidden)
        line = csv_line if export_format is ExportFormat.CSV else json_line
        with _writing(target):
            file = await asyncio.to_thread(WholeFile, target, private=False)
            finished = False
            try:
                done = 0
                text = [csv_header()] if export_format is ExportFormat.CSV else []
                async for record in self._records(chosen):
                    text.append(line(record))
                    done += 1
                    if len(text) >= _BATCH:
                        await asyncio.to_thread(file.write, _encoded("".join(text)))
                        text.clear()
                        yield ExportProgress(done, len(chosen))
                await asyncio.to_thread(file.write, _encoded("".join(text)))
                await uninterrupted(asyncio.to_thread(file.finish))
                finished = True
            finally:
                if not finished:
                    await uninterrupted(asyncio.to_thread(file.abandon))
        yield ExportProgress(done, done)

    async def sidecars(
        self,
        folder: Path,
        numbers: Sequence[int] | None = None,
        *,
        include_hidden: bool = False,
        overwrite: bool = False,
    ) -> AsyncIterator[SidecarResult]:
        """Write an XMP side-car for each upload into a folder, named after the file as it was added: `name.jpg.xmp`.

        A side-car of ours is written anew; one that another program wrote or changed is left alone, unless told to
        `overwrite`. Of several uploads of one name the others get a number. Raises UsageError where the folder is not
        there, lies in the library, or cannot be written.
        """
        await asyncio.to_thread(self._check_outside, folder)
        if not await asyncio.to_thread(folder.is_dir):
            raise UsageError(f"There is no folder {str(folder)!r}", "Make it first, or name another one.")
        chosen = await self._chosen(numbers, include_hidden)
        taken: set[str] = set()
        done = 0
        with _writing(folder):
            async for record in self._records(chosen):
                path, reason = await uninterrupted(asyncio.to_thread(_write_sidecar, folder, record, taken, overwrite))
                done += 1
                yield SidecarResult(record.upload, path, reason, done, len(chosen))

    async def _chosen(self, numbers: Sequence[int] | None, include_hidden: bool) -> Sequence[int]:
        return await self._store.numbers(include_hidden=include_hidden) if numbers is None else numbers

    async def _records(self, numbers: Sequence[int]) -> AsyncIterator[ExportedUpload]:
        for start in range(0, len(numbers), _BATCH):
            some = numbers[start : start + _BATCH]
            tags = await self._store.tags(some)
            for upload in await self._uploads.by_numbers(some):
                yield ExportedUpload(upload, tags.get(upload.number, upload.tags), self._root / upload.file_path)

    def _checked_file(self, target: Path, overwrite: bool) -> Path:
        """Where the file is that is to be written, links followed. Raises UsageError."""
        # A file is replaced as a whole, which would take the place of a link, or of a device.
        try:
            real = target.resolve()
        except (OSError, RuntimeError) as error:
            raise UsageError(f"This link leads nowhere: {target}", "Name another file.") from error
        self._check_outside(real.parent)
        if real.is_dir():
            raise UsageError(f"This is a folder: {target}", "Name a file in it.")
        if real.exists() and not real.is_file():
            raise UsageError(f"This is no file: {target}", "Name a file, or write to stdout.")
        if real.exists() and not overwrite:
            raise UsageError(
                f"There is a file already: {target}", "Name another one, or say that it is to be replaced."
            )
        return real

    def _check_outside(self, folder: Path) -> None:
        if folder.resolve().is_relative_to(self._root.resolve()):
            raise UsageError(f"This folder belongs to the library itself: {folder}", "Name a folder outside of it.")


class _writing:  # noqa: N801 - reads as a statement: `with _writing(target):`
    """Turns what the disk says into a UsageError."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise UsageError(
                f"It cannot be written: {self._target} ({error.strerror or error})",
                "Check the folder, what may be written there, and the free space. What was there before is untouched.",
            ) from error


def _write_sidecar(folder: Path, record: ExportedUpload, taken: set[str], overwrite: bool) -> tuple[Path, str]:
    """Write one side-car where it belongs; returns where that is, and why it was not written, if it was not."""
    upload = record.upload
    name = upload.filename.replace("/", "_").replace("\\", "_").replace("\x00", "_") or upload.id
    stem, dot, extension = name.rpartition(".")
    count = 1
    while True:
        numbered = name if count == 1 else f"{stem} ({count}).{extension}" if stem and dot else f"{name} ({count})"
        path = folder / f"{numbered}{SUFFIX}"
        count += 1
        # Two names that differ in case alone are one on many file systems.
        if path.name.casefold() in taken:
            continue
        if path.exists():
            owner = owner_of(path)
            if owner not in (None, upload.id):
                continue  # of another upload of that name, from an earlier export
            if owner is None and not overwrite:
                taken.add(path.name.casefold())
                return path, "Another program wrote this side-car."
        break
    taken.add(path.name.casefold())
    write_whole(path, _encoded(sidecar_text(upload, record.tags)), private=False)
    return path, ""


def _encoded(text: str) -> bytes:
    """Return UTF-8; half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace")
