"""The check of a library: whether its database is sound, and the files that it knows are there."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import DamagedLibraryError, LibraryError, UsageError
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.domain.sources import real_path
from vuemantics_tui.domain.text import counted, date_words, size_words, storable
from vuemantics_tui.files import copy_and_hash, hash_file, inside, make_folder, original_at
from vuemantics_tui.library.backups import archived_hashes, is_archive, opened_archive, take_database
from vuemantics_tui.library.recovery import REPLACED_PREFIX, Recovered, Recovery, Taking, backup_at, require_sound
from vuemantics_tui.processing.intake import ORPHAN_AGE_SECONDS
from vuemantics_tui.processing.records import is_recorded
from vuemantics_tui.store.copies import is_alone, moment_name, own_copies, state_of, sweep_building, take_copy
from vuemantics_tui.store.database import Access, uninterrupted
from vuemantics_tui.store.folders import FolderStore, StoredFolder
from vuemantics_tui.store.soundness import SoundnessStore

if TYPE_CHECKING:
    from vuemantics_tui.config import Settings
    from vuemantics_tui.domain.sources import Source
    from vuemantics_tui.library import Library
    from vuemantics_tui.library.backups import OnProgress

log = logging.getLogger(__name__)

TO_REPAIR = "To repair: vuemantics-tui check --repair"
FROM_BACKUP = "Restore a backup that was made --with-originals."
COPY_AGAIN = "If they are still where you added them from: vuemantics-tui check --repair"
SCAN = "To follow your files: vuemantics-tui source scan"


@dataclass(slots=True)
class _OnDisk:
    """What is wrong with the files of uploads."""

    missing: list[StoredFolder] = field(default_factory=list)
    differing: list[StoredFolder] = field(default_factory=list)
    changed_in_place: list[StoredFolder] = field(default_factory=list)
    unread: list[StoredFolder] = field(default_factory=list)
    thumbnails: list[StoredFolder] = field(default_factory=list)
    records: list[StoredFolder] = field(default_factory=list)
    originals: int = 0
    unreachable: int = 0
    size: int = 0


class Check:
    """Checks an open library. With `hashes` every original is read and compared with its hash.

    `is_alone` says that no other process had the library open just before.
    """

    def __init__(
        self, library: Library, on_progress: OnProgress | None = None, *, hashes: bool = False, is_alone: bool = False
    ) -> None:
        self._library = library
        self._root = library.root
        self._soundness = SoundnessStore(library.database)
        self._folders = FolderStore(library.database)
        self._hashes = hashes
        self._is_alone = is_alone
        self._on_progress = on_progress

    async def run(self) -> list[Finding]:
        """Return what is right and what is wrong, with what to do about it. Raises LibraryError."""
        self._tell("database", 0, 1)
        problems = await self._library.database.problems(thorough=True)
        self._tell("database", 1, 1)
        if problems:
            # Nothing that such a database says can be relied on.
            return [_damaged("; ".join(problems))]
        on_disk = await self._look()
        return [
            Finding(Verdict.GOOD, "database", f"sound, with {counted(await self._folders.count(), 'upload')}"),
            *await self._contents(),
            *self._originals(on_disk),
            *self._made_files(on_disk),
            await self._unknown_folders(),
            *[_source(each) for each in await self._library.sources.all()],
            *await asyncio.to_thread(self._backups),
            *await asyncio.to_thread(self._replaced),
        ]

    async def of_backup(self, hashes: Mapping[str, str] | None) -> list[Finding]:
        """Return what is right and wrong with the database of a backup, and with the originals in it by their hashes.

        Without `hashes` it was made without originals. Raises LibraryError.
        """
        if problems := await self._library.database.problems(thorough=True):
            return [_damaged("; ".join(problems))]
        return [
            Finding(Verdict.GOOD, "database", f"sound, with {counted(await self._folders.count(), 'upload')}"),
            *await self._contents(),
            *await self._archived(hashes),
        ]

    async def _archived(self, hashes: Mapping[str, str] | None) -> list[Finding]:
        if hashes is None:
            return [Finding(Verdict.NEUTRAL, "originals", "none: it was made without --with-originals")]
        copied = [each async for batch in self._folders.batches() for each in batch if each.source is None]
        missing = [each for each in copied if each.id not in hashes]
        differing = [each for each in copied if hashes.get(each.id, each.sha256) != each.sha256]
        good = Finding(Verdict.GOOD, "originals", f"{counted(len(copied), 'original')} read and unchanged")
        return [
            *_about(missing, "originals", "missing", ""),
            *_about(differing, "originals", "not what was added", ""),
        ] or [good]

    async def mend(self) -> None:
        """Repair what can be made again: the full text, vectors, records, thumbnails, and missing or damaged originals
        that are still where they came from; and add what only the folders know. Raises LibraryError.
        """
        # The library is open, so nobody builds another database for it.
        await asyncio.to_thread(sweep_building, self._library.backups.folder)
        await self._soundness.drop_broken()
        if await self._soundness.text_differences() or not await self._soundness.has_sound_text_index():
            await self._soundness.rebuild_text()
        await self._soundness.drop_wrong_vectors()
        on_disk = await self._look()
        aside = self._root / f"{REPLACED_PREFIX}{moment_name(datetime.now().astimezone())}"
        for stored in (*on_disk.missing, *on_disk.differing):
            if stored.source is None:
                await uninterrupted(asyncio.to_thread(_copy_again, self._root, stored, aside))
        await self._folders.read_thumbnails_again([stored.number for stored in on_disk.thumbnails])
        await self._taking().take()
        await self._library.records.write([stored.id for stored in on_disk.records])

    async def _contents(self) -> list[Finding]:
        references = await self._soundness.broken_references()
        rows = sum(len(each.rowids) for each in references)
        tables = ", ".join(each.table for each in references)
        text = await self._soundness.text_differences()
        has_index = await self._soundness.has_sound_text_index()
        vectors = await self._soundness.wrong_vectors()
        return [
            _finding("references", f"{counted(rows, 'row')} without what they belong to: {tables}" if rows else ""),
            _finding(
                "full text",
                f"{counted(text, 'upload')} cannot be found by their words"
                if text
                else ""
                if has_index
                else "its index is damaged",
            ),
            _finding("vectors", f"{counted(vectors, 'vector')} of the wrong size" if vectors else ""),
        ]

    async def _look(self) -> _OnDisk:
        on_disk, done, total = _OnDisk(), 0, await self._folders.count()
        async for batch in self._folders.batches():
            for stored in batch:
                # Reading an original may take long; looking takes some microseconds, but a batch is one hop.
                if self._hashes:
                    await asyncio.to_thread(self._look_at, [stored], on_disk)
                    done += 1
                    self._tell("originals", done, total)
            if not self._hashes:
                await asyncio.to_thread(self._look_at, batch, on_disk)
                done += len(batch)
                self._tell("originals", done, total)
        return on_disk

    def _look_at(self, batch: Sequence[StoredFolder], on_disk: _OnDisk) -> None:
        for stored in batch:
            if stored.source is not None and stored.is_unreachable:
                on_disk.unreachable += 1
            else:
                self._look_at_original(stored, on_disk)
            try:
                if stored.thumbnail_path and not inside(self._root, stored.thumbnail_path).is_file():
                    on_disk.thumbnails.append(stored)
                if stored.source is None and not is_recorded(self._root, stored):
                    on_disk.records.append(stored)
            except LibraryError:
                on_disk.unread.append(stored)

    def _look_at_original(self, stored: StoredFolder, on_disk: _OnDisk) -> None:
        try:
            source = None if stored.source_folder is None else real_path(stored.source_folder)
            original = original_at(self._root, real_path(stored.file_path), source)
            size = original.stat().st_size
            differs = size != stored.file_size or (self._hashes and hash_file(original) != stored.sha256)
        except FileNotFoundError:
            on_disk.missing.append(stored)
            return
        except (LibraryError, OSError):
            on_disk.unread.append(stored)
            return
        on_disk.originals += 1
        on_disk.size += size
        if differs:
            (on_disk.differing if stored.source is None else on_disk.changed_in_place).append(stored)

    def _originals(self, on_disk: _OnDisk) -> list[Finding]:
        whole = not (on_disk.missing or on_disk.differing or on_disk.unread or on_disk.changed_in_place)
        how = "read and unchanged" if self._hashes else "here, with the right size"
        away = f"; {on_disk.unreachable:,} missing in their sources or away" if on_disk.unreachable else ""
        words = f"{counted(on_disk.originals, 'original')} {how} ({size_words(on_disk.size)}){away}"
        copied = [stored for stored in on_disk.missing if stored.source is None]
        in_place = [stored for stored in on_disk.missing if stored.source is not None]
        return [
            *([Finding(Verdict.GOOD, "originals", words)] if whole else []),
            *_about(copied, "originals", "missing", f"{FROM_BACKUP} {COPY_AGAIN}"),
            *_about(in_place, "originals", "missing in their sources", SCAN),
            *_about(on_disk.differing, "originals", "not what was added", f"{FROM_BACKUP} {COPY_AGAIN}"),
            *_about(on_disk.changed_in_place, "originals", "changed in their sources", SCAN),
            *_about(on_disk.unread, "originals", "unreadable", "Check the permissions and the disk, then check again."),
        ]

    def _made_files(self, on_disk: _OnDisk) -> list[Finding]:
        lost = [stored for stored in on_disk.thumbnails if not stored.is_due]
        due = len(on_disk.thumbnails) - len(lost)
        words = f"{due:,} to be made while the app has nothing else to do" if due else "complete"
        return [
            *(
                _about(lost, "thumbnails", "missing", TO_REPAIR)
                or [Finding(Verdict.NEUTRAL if due else Verdict.GOOD, "thumbnails", words)]
            ),
            *(
                _about(on_disk.records, "records", f"without a right {paths.RECORD_NAME}", TO_REPAIR)
                or [Finding(Verdict.GOOD, "records", f"every copied original has its {paths.RECORD_NAME}")]
            ),
        ]

    def _taking(self) -> Taking:
        # What another process is just copying has no row yet.
        age = 0.0 if self._is_alone else ORPHAN_AGE_SECONDS
        return Taking(self._root, self._library.database, self._tell, least_age=age)

    async def _unknown_folders(self) -> Finding:
        unknown = await self._taking().unknown()
        words = f"{counted(len(unknown), 'original')} in the library's folder that the database does not know"
        return _finding("folders", words if unknown else "", [str(folder.original) for folder in unknown])

    def _backups(self) -> list[Finding]:
        copies = own_copies(paths.backups_folder(self._root))
        if not copies:
            return [Finding(Verdict.NEUTRAL, "backups", "none yet", "The app makes one a day.")]
        findings = []
        for copy in copies:
            if problem := state_of(copy.path).problem:
                words = f"{copy.path} is damaged: {problem}"
                findings.append(Finding(Verdict.BAD, "backups", words, "Delete it, and check the disk."))
        made = date_words(copies[0].moment)
        return findings or [
            Finding(Verdict.GOOD, "backups", f"{counted(len(copies), 'backup')}, the newest made {made}")
        ]

    def _replaced(self) -> list[Finding]:
        return [
            Finding(Verdict.NEUTRAL, "replaced", str(path), "What was replaced. Delete it when you no longer need it.")
            for path in sorted(self._root.glob(f"{REPLACED_PREFIX}*"))
        ]

    def _tell(self, what: str, done: int, of: int) -> None:
        if self._on_progress is not None:
            self._on_progress(what, done, of)


async def check(
    settings: Settings, on_progress: OnProgress | None = None, *, hashes: bool = False, repair: bool = False
) -> tuple[list[Finding], Recovered | None]:
    """Check a library, and with `repair` repair it first; return the findings, and what was put in place for that.

    A database that is only damaged in what can be made again is repaired where it is, any other one replaced. Raises
    LibraryError.
    """
    database = paths.database_file(settings.library)
    alone = await asyncio.to_thread(is_alone, database)
    recovered = None
    if repair and not await _is_mended(settings, on_progress, hashes, alone):
        recovered = await Recovery(settings, on_progress).repair()
        await _is_mended(settings, on_progress, hashes, alone)
    try:
        library = await _opened(settings)
    except DamagedLibraryError as error:
        return [Finding(Verdict.BAD, "database", error.message, error.hint)], recovered
    try:
        return await Check(library, on_progress, hashes=hashes, is_alone=alone).run(), recovered
    except DamagedLibraryError as error:
        return [Finding(Verdict.BAD, "database", error.message, error.hint)], recovered
    finally:
        await library.close()


async def check_backup(settings: Settings, backup: Path, on_progress: OnProgress | None = None) -> list[Finding]:
    """Check a backup: its database, and each original in it against its hash. Nothing is changed.

    Raises UsageError if there is no such file, and LibraryError.
    """
    from vuemantics_tui.library import Library

    backup = await asyncio.to_thread(backup_at, backup)
    with tempfile.TemporaryDirectory(prefix="vuemantics-check-") as scratch:
        root = Path(scratch)
        try:
            hashes = await uninterrupted(asyncio.to_thread(_unpack, backup, paths.database_file(root), on_progress))
        except UsageError as error:
            return [Finding(Verdict.BAD, "backup", error.message)]
        # An older database is brought up to date, as it would be when it is restored.
        library = await Library.open(replace(settings, library=root), Access.WRITE)
        try:
            one = Check(library, on_progress, is_alone=True)
            return [replace(finding, hint="") for finding in await one.of_backup(hashes)]
        finally:
            await library.close()


def _unpack(backup: Path, database: Path, on_progress: OnProgress | None) -> dict[str, str] | None:
    """Write the database of a backup; return the SHA-256 of the originals in it by ID, None if it has none."""
    try:
        if not is_archive(backup):
            require_sound(backup, backup)
            take_copy(backup, database)
            return None
        size, done = backup.stat().st_size, 0

        def read(count: int) -> None:
            nonlocal done
            done += count
            if on_progress is not None:
                on_progress("backup", min(done, size), size)

        with opened_archive(backup) as tar:
            take_database(tar, database)
            require_sound(database, backup)
            return archived_hashes(tar, read)
    except OSError as error:
        raise LibraryError(f"{backup} cannot be checked: {error.strerror or error}", "Check the disk.") from error


async def _opened(settings: Settings) -> Library:
    """Open a library, for writing if that is allowed: SQLite takes the check of a full text for a change."""
    from vuemantics_tui.library import Library

    try:
        return await Library.open(settings, Access.WRITE)
    except DamagedLibraryError:
        raise
    except LibraryError:
        return await Library.open(settings, Access.READ)


async def _is_mended(settings: Settings, on_progress: OnProgress | None, hashes: bool, alone: bool) -> bool:
    """Repair a library where it is, with `hashes` also originals of their size; returns whether that is possible."""
    from vuemantics_tui.library import Library

    try:
        library = await Library.open(settings, Access.WRITE)
    except DamagedLibraryError:
        return False
    try:
        if await library.database.problems(thorough=True):
            await SoundnessStore(library.database).rebuild_indexes()
            if await library.database.problems(thorough=True):
                return False
        await Check(library, on_progress, hashes=hashes, is_alone=alone).mend()
    except DamagedLibraryError:
        return False
    finally:
        await library.close()
    return True


def _finding(subject: str, wrong: str, affected: Sequence[str] = ()) -> Finding:
    """Return the finding about what can be repaired, and is right where nothing is `wrong`."""
    if not wrong:
        return Finding(Verdict.GOOD, subject, "in order")
    return Finding(Verdict.BAD, subject, wrong, TO_REPAIR, data={"affected": list(affected)})


def _damaged(problems: str) -> Finding:
    return Finding(Verdict.BAD, "database", f"damaged: {problems}", TO_REPAIR)


def _about(uploads: Sequence[StoredFolder], subject: str, words: str, hint: str) -> list[Finding]:
    """Return the finding about uploads of which something is wrong; none without any."""
    if not uploads:
        return []
    affected = [{"id": each.id, "filename": each.filename, "file_path": each.file_path} for each in uploads]
    return [Finding(Verdict.BAD, subject, f"{len(uploads):,} {words}", hint, data={"affected": affected})]


def _source(source: Source) -> Finding:
    path = storable(str(source.path))
    if source.is_away:
        return Finding(Verdict.NEUTRAL, "source", f"{path} is not there", "Connect or mount its disk.")
    return Finding(Verdict.GOOD, "source", f"{path} is there")


def _copy_again(library: Path, stored: StoredFolder, aside: Path) -> None:
    """Copy an original from where it came from, if the same bytes are still there.

    A damaged one that it replaces goes into the folder `aside`, below its own path.
    """
    try:
        target, source = inside(library, stored.file_path), Path(stored.source_path or "")
        if source.is_file() and source.stat().st_size == stored.file_size and hash_file(source) == stored.sha256:
            make_folder(target.parent)
            damaged = aside / stored.file_path
            if target.is_file():
                make_folder(damaged.parent)
                target.replace(damaged)
            try:
                copy_and_hash(source, target)
            except OSError:
                if damaged.is_file():
                    damaged.replace(target)
                raise
    except (LibraryError, OSError, ValueError) as error:
        log.warning("%s is not copied again: %s", stored.filename, error)
