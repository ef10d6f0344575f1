"""Recovery: a library's database put in place from a backup, and from what the folders of its uploads hold."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError, MediaError, UsageError
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.domain.moment import instant
from vuemantics_tui.domain.text import counted
from vuemantics_tui.files import hash_file, is_disk_fault, make_file, make_folder
from vuemantics_tui.library.backups import is_archive, opened_archive, take_database, take_originals
from vuemantics_tui.media.probe import probe
from vuemantics_tui.processing.records import FoundFolder, Records, folders_of
from vuemantics_tui.store.copies import (
    APPLICATION_ID,
    BUILDING_PREFIX,
    hashes_in,
    held_alone,
    is_foreign,
    moment_name,
    own_copies,
    path_of_log,
    put_in_place,
    state_of,
    sweep_building,
    take_copy,
    take_without_log,
)
from vuemantics_tui.store.database import Access, Database, known_migrations, refuse_folder, uninterrupted
from vuemantics_tui.store.folders import FolderStore, StoredFolder
from vuemantics_tui.store.uploads import NewUpload, UploadStore

if TYPE_CHECKING:
    from vuemantics_tui.config import Settings
    from vuemantics_tui.library.backups import OnProgress

log = logging.getLogger(__name__)

# What was in the library once is taken again, whatever the limits of intake are by now.
_ANYTHING = MediaLimits(2**62, 2**62, 2**62)
_BATCH = 500
REPLACED_PREFIX = "replaced-"
"""How the folders begin that keep what was replaced."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was put in place.

    `backup` is the one that was used, made at the moment `made_at` (ISO 8601 UTC). `found` counts the uploads that came
    from their folders, `unnamed` those among them without a record, `missing` the copied uploads without an original,
    `refused` the folders whose original cannot be read. `kept` is where the replaced files are.
    """

    backup: Path | None
    made_at: str | None
    uploads: int
    found: int
    unnamed: int
    missing: int
    refused: tuple[Path, ...]
    kept: Path | None


class Recovery:
    """Puts the database of a library in place while no program has it open. Everything it replaces is kept."""

    def __init__(self, settings: Settings, on_progress: OnProgress | None = None) -> None:
        self._root = settings.library
        self._database = paths.database_file(settings.library)
        self._on_progress = on_progress

    async def replaces(self) -> str:
        """Return what of value is in the library now, in words; empty if there is nothing."""
        if not await asyncio.to_thread(_is_filled, self._database):
            return ""
        try:
            database = await Database.open(self._database, Access.READ)
        except LibraryError:
            return "a database that cannot be opened"
        try:
            count = await FolderStore(database).count()
        finally:
            await database.close()
        return counted(count, "upload") if count else ""

    async def restore(self, backup: Path) -> Recovered:
        """Put a backup in place, with its originals if it has them, and take in what was added later.

        Raises UsageError if it is no sound backup, and LibraryError.
        """
        backup = await asyncio.to_thread(backup_at, backup)
        async with self._building() as (building, aside):
            copy = building / paths.DATABASE_NAME
            if await asyncio.to_thread(is_archive, backup):
                await uninterrupted(asyncio.to_thread(self._unpack, backup, copy, aside))
            else:
                await asyncio.to_thread(require_sound, backup, backup)
                await uninterrupted(asyncio.to_thread(take_copy, backup, copy))
            return await self._put_in_place(copy, backup, aside)

    async def repair(self) -> Recovered:
        """Put the newest sound backup in place, if there is one, and take in what else the folders hold.

        Raises LibraryError.
        """
        async with self._building() as (building, aside):
            copy = building / paths.DATABASE_NAME
            # A log of another database may be all that is wrong. What is in place is newer than any backup.
            if await uninterrupted(asyncio.to_thread(take_without_log, self._held, self._database, copy)):
                return await self._put_in_place(copy, self._database, aside)
            backup = await asyncio.to_thread(_newest_sound, paths.backups_folder(self._root))
            if backup is not None:
                await uninterrupted(asyncio.to_thread(take_copy, backup, copy))
            return await self._put_in_place(copy, backup, aside)

    @contextlib.asynccontextmanager
    async def _building(self) -> AsyncIterator[tuple[Path, Path]]:
        """Hold the library alone, with a folder to build its database in, and one for what is replaced."""
        with _disk_errors(self._root), contextlib.ExitStack() as held:
            await asyncio.to_thread(make_folder, self._root)
            await asyncio.to_thread(refuse_folder, self._database)
            await asyncio.to_thread(make_file, self._database)
            self._held = held.enter_context(held_alone(self._database))
            if await asyncio.to_thread(is_foreign, self._held):
                raise LibraryError(
                    f"This is another program's database, not a library: {self._database}",
                    "Choose another folder with --library.",
                )
            backups = paths.backups_folder(self._root)
            await asyncio.to_thread(make_folder, backups)
            await asyncio.to_thread(sweep_building, backups)
            building = backups / f"{BUILDING_PREFIX}{secrets.token_hex(4)}"
            await asyncio.to_thread(make_folder, building)
            try:
                yield building, self._root / f"{REPLACED_PREFIX}{moment_name(datetime.now().astimezone())}"
            finally:
                await uninterrupted(asyncio.to_thread(shutil.rmtree, building, ignore_errors=True))

    def _unpack(self, backup: Path, copy: Path, aside: Path) -> None:
        size = backup.stat().st_size
        done = 0

        def tell(more: int) -> None:
            nonlocal done
            done += more
            self._tell("originals", done, size)

        with opened_archive(backup) as tar:
            take_database(tar, copy)
            require_sound(copy, backup)
            take_originals(tar, self._root, hashes_in(copy), aside, tell)

    async def _put_in_place(self, copy: Path, backup: Path | None, aside: Path) -> Recovered:
        made_at = None
        if backup is not None:
            made = (await asyncio.to_thread(backup.stat)).st_mtime
            made_at = datetime.fromtimestamp(made, UTC).isoformat(timespec="seconds")
        # A backup of an older version is updated here.
        database = await Database.open(copy)
        try:
            taking = Taking(self._root, database, self._tell)
            await taking.take()
            uploads, missing = await FolderStore(database).count(), await self._look_for_files(database)
        finally:
            await database.close()
        if await asyncio.to_thread(path_of_log(copy).exists):
            raise LibraryError(f"The new database could not be closed: {copy}", "Nothing was replaced. Try again.")
        is_kept = await asyncio.to_thread(put_in_place, copy, self._database, aside, self._held)
        # They are of another state of the database, and are made again from it.
        await asyncio.to_thread(shutil.rmtree, self._root / paths.VECTORS_NAME, ignore_errors=True)
        has_kept = is_kept or await asyncio.to_thread(aside.exists)
        return Recovered(
            backup,
            made_at,
            uploads,
            taking.found,
            taking.unnamed,
            missing,
            tuple(taking.refused),
            aside if has_kept else None,
        )

    async def _look_for_files(self, database: Database) -> int:
        """Have thumbnails that are not there made again; return how many copied uploads have no original."""
        store, missing = FolderStore(database), 0
        async for batch in store.batches():
            more, without_thumbnail = await asyncio.to_thread(_lacking, self._root, batch)
            missing += more
            await store.read_thumbnails_again(without_thumbnail)
        return missing

    def _tell(self, what: str, done: int, of: int) -> None:
        if self._on_progress is not None:
            self._on_progress(what, done, of)


class Taking:
    """Takes the uploads into a database whose folders hold an original that it does not know.

    Folders that changed in the last `least_age` seconds are left alone: another process may be filling them.
    """

    def __init__(self, library: Path, database: Database, tell: OnProgress, *, least_age: float = 0.0) -> None:
        self.found = 0
        self.unnamed = 0
        self.refused: list[Path] = []
        self._library = library
        self._store = FolderStore(database)
        self._uploads = UploadStore(database)
        self._tell = tell
        self._least_age = least_age

    async def unknown(self) -> list[FoundFolder]:
        """Return the folders with an original that the database does not know. Raises LibraryError and OSError."""
        # In this order: what is added in between is in the database.
        found = await asyncio.to_thread(self._old_enough)
        known = await self._uploads.existing_ids()
        return [folder for folder in found if folder.upload_id not in known]

    def _old_enough(self) -> list[FoundFolder]:
        newest = time.time() - self._least_age
        found = folders_of(self._library)
        return [folder for folder in found if not self._least_age or folder.original.parent.stat().st_mtime < newest]

    async def take(self) -> None:
        """Take in all of them, in the order in which they were added."""
        unknown = await self.unknown()
        if not unknown:
            return
        if not await self._store.count():
            # The one that most folders belong to.
            ((owner, _),) = Counter(folder.user_id for folder in unknown).most_common(1)
            await self._store.belong_to(owner)
        hashes = await self._store.hashes()
        new: list[NewUpload] = []
        for done, folder in enumerate(unknown, 1):
            upload = await asyncio.to_thread(self._read, folder)
            # Identical bytes are one upload, even if two people added them.
            if upload is not None and upload.sha256 not in hashes:
                hashes.add(upload.sha256)
                self.unnamed += folder.record is None
                new.append(upload)
            self._tell("folders", done, len(unknown))
        new.sort(key=lambda upload: upload.created_at)
        for start in range(0, len(new), _BATCH):
            self.found += await self._store.take(new[start : start + _BATCH])
        await Records(self._library, self._store).complete()

    def _read(self, folder: FoundFolder) -> NewUpload | None:
        """Return the upload that a folder holds; None if its original cannot be read."""
        try:
            return _upload_in(self._library, folder)
        except (MediaError, OSError) as error:
            log.warning("%s is left out: %s", folder.original, error)
            self.refused.append(folder.original)
            return None


def _upload_in(library: Path, folder: FoundFolder) -> NewUpload:
    """Return the upload that a folder holds, by its record if it has one. Raises MediaError and OSError."""
    original, record = folder.original, folder.record
    found = probe(original, _ANYTHING)
    status = original.stat()
    extension = original.suffix.removeprefix(".")
    # What was hashed while it was copied is not read again, unless something happened to it.
    is_same = record is not None and record.file_size == status.st_size
    added = datetime.fromtimestamp(original.parent.stat().st_mtime, UTC).isoformat(timespec="microseconds")
    return NewUpload(
        id=folder.upload_id,
        user_id=folder.user_id,
        filename=record.filename if record else f"{folder.upload_id[:8]}.{extension}",
        file_path=original.relative_to(library).as_posix(),
        file_type=found.format.file_type,
        file_size=status.st_size,
        mime_type=found.format.mime_type,
        extension=extension,
        sha256=record.sha256 if record and is_same else hash_file(original),
        width=found.width,
        height=found.height,
        source_path=(record.source_path if record else None) or "",
        modified_at=record.modified_at if record else instant(status.st_mtime),
        created_at=record.created_at if record else added,
    )


def _lacking(library: Path, stored: Sequence[StoredFolder]) -> tuple[int, list[int]]:
    """Return how many copied uploads have no original, and the numbers of those without a thumbnail."""
    missing = sum(each.source is None and not (library / each.file_path).is_file() for each in stored)
    return missing, [
        each.number for each in stored if each.thumbnail_path and not (library / each.thumbnail_path).is_file()
    ]


def _is_filled(database: Path) -> bool:
    return database.is_file() and database.stat().st_size > 0


def backup_at(backup: Path) -> Path:
    """Return the absolute path of a backup. Raises UsageError if there is no such file."""
    backup = backup.expanduser().absolute()
    if not backup.is_file():
        raise UsageError(f"There is no file {backup}", "To see the library's own copies: vuemantics-tui backup --list")
    return backup


def require_sound(copy: Path, backup: Path) -> None:
    """Raise UsageError unless this is a whole database of a library that this program knows."""
    state = state_of(copy)
    hint = "Nothing was replaced. To see the library's own copies: vuemantics-tui backup --list"
    if state.problem:
        raise UsageError(f"This is not a sound backup: {backup} ({state.problem})", hint)
    if state.application != APPLICATION_ID:
        raise UsageError(f"This is not a backup of a library: {backup}", hint)
    newest = known_migrations()[-1][0]
    if state.version > newest:
        raise UsageError(
            f"This backup was made by a newer vuemantics-tui: {backup} (it is at version {state.version}, this program "
            f"knows {newest})",
            "Update the program: pip install --upgrade vuemantics-tui",
        )


def _newest_sound(folder: Path) -> Path | None:
    for copy in own_copies(folder):
        try:
            require_sound(copy.path, copy.path)
        except UsageError as error:
            log.warning("%s", error)
        else:
            return copy.path
    return None


@contextlib.contextmanager
def _disk_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise LibraryError(
            f"The library cannot be written: {root} ({reason})",
            "Free some space and try again. The library is as it was before."
            if is_disk_fault(error)
            else f"Check who may write in {root}. The library is as it was before.",
        ) from error
