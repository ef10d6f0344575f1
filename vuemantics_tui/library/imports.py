"""Import from other programs: attach what they left on disk to the uploads it is about, once."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.files import hash_file
from vuemantics_tui.media.foreign import Finding, Problem, of_apple, of_immich, of_photoprism
from vuemantics_tui.media.takeout import of_takeout
from vuemantics_tui.store.imported import Candidate, Given, ImportStore, Said, files_of_rclip, same_path

if TYPE_CHECKING:
    from vuemantics_tui.media.foreign import Findings
    from vuemantics_tui.store.database import Database

# So many findings are one transaction.
_BATCH = 200
# A moment in UTC and one by a local clock are at most so many hours apart.
_HOURS_OF_ZONES = 14.5


# What an import gives to uploads, with its name, in the order of reports.
GIVEN = {
    "caption": "captions",
    "title": "titles",
    "tags": "tags",
    "albums": "albums",
    "rating": "ratings",
    "date": "dates",
    "place": "places",
}


class Origin(StrEnum):
    """The programs whose folders are understood."""

    IMMICH = "immich"
    PHOTOPRISM = "photoprism"
    TAKEOUT = "takeout"
    APPLE = "apple-export"


READERS: Mapping[Origin, Callable[[Path], Findings]] = {
    Origin.IMMICH: of_immich,
    Origin.PHOTOPRISM: of_photoprism,
    Origin.TAKEOUT: of_takeout,
    Origin.APPLE: of_apple,
}


@dataclass
class ImportReport:
    """What an import found: files that it knows something about, and what became of them.

    `given` counts uploads by what they were given; `unknown`, `unsure` and `trashed` are files that are not in the
    library, may be several uploads, or are in the trash.
    """

    origin: str
    path: Path
    dry_run: bool
    read: int = 0
    matched: int = 0
    changed: int = 0
    given: Counter[str] = field(default_factory=Counter)
    unknown: list[Path] = field(default_factory=list)
    unsure: list[Path] = field(default_factory=list)
    trashed: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def given_words(self) -> str:
        """What uploads were given, as in: captions for 3, tags for 12; empty for nothing."""
        return ", ".join(f"{name} for {self.given[what]:,}" for what, name in GIVEN.items() if self.given[what])


OnProgress = Callable[[ImportReport], None]


class Imports:
    """Reads what other programs left on disk, and attaches it to uploads."""

    def __init__(self, database: Database) -> None:
        self.store = ImportStore(database)

    async def run(
        self,
        origin: Origin,
        path: Path,
        *,
        dry_run: bool = False,
        folder_albums: bool = False,
        on_progress: OnProgress | None = None,
    ) -> ImportReport:
        """Attach what a folder of another program says to uploads, as one step that can be undone.

        What was attached before is not attached again, and what a person set here stays. With `dry_run` nothing is
        written; `folder_albums` makes the folders of an export of Photos albums. Raises UsageError for what is no
        folder, and LibraryError.
        """
        root = await asyncio.to_thread(_folder, path)
        findings = of_apple(root, folder_albums=True) if folder_albums else READERS[origin](root)
        report = ImportReport(str(origin), root, dry_run)
        step: int | None = None
        changed: set[int] = set()
        given: set[Given] = set()
        matched: set[int] = set()
        while batch := await asyncio.to_thread(_some, findings):
            said: list[tuple[int, Said]] = []
            for each in batch:
                if isinstance(each, Problem):
                    report.problems.append(each)
                    continue
                if each.says_nothing:
                    continue
                report.read += 1
                number = await self._upload_of(each, root, report)
                if number is not None:
                    matched.add(number)
                    said.append((number, await asyncio.to_thread(_said, each)))
            if said:
                some, step = await self.store.give(said, step, dry_run=dry_run)
                given |= some
                changed |= {one.upload for one in some}
            report.matched, report.changed = len(matched), len(changed)
            report.given = Counter(one.what for one in given)
            if on_progress is not None:
                on_progress(report)
        return report

    async def folders_of_rclip(self, database: Path | None) -> list[tuple[Path, int]]:
        """Return the folders that rclip indexed, none inside another, with how many of its files each has.

        Raises UsageError where there is no such database.
        """
        path = (database or Path("~/.local/share/rclip/db.sqlite3")).expanduser().absolute()
        if await asyncio.to_thread(path.is_dir):
            path /= "db.sqlite3"
        files = await asyncio.to_thread(files_of_rclip, path)
        counts = Counter(Path(file).parent for file in files)
        tops = {folder for folder in counts if not any(parent in counts for parent in folder.parents)}
        inside: Counter[Path] = Counter()
        for folder, count in counts.items():
            inside[next(each for each in (folder, *folder.parents) if each in tops)] += count
        return sorted(inside.items())

    async def _upload_of(self, finding: Finding, root: Path, report: ImportReport) -> int | None:
        """Return the number of the upload that a finding is about: by its place, its bytes, or its name and date."""
        found: list[Candidate] = []
        shown = finding.file or root / finding.name
        if finding.file is not None:
            try:
                size = (await asyncio.to_thread(finding.file.stat)).st_size
                found = await self._same_bytes(finding.file, size)
            except OSError as error:
                report.problems.append(Problem(finding.file, f"cannot be read: {error.strerror or error}"))
                return None
            if not found:
                named = await self.store.named(finding.name)
                found = [one for one in named if one.file_size == size and _is_same_time(finding, one)]
        else:
            named = await self.store.named(finding.name)
            found = [one for one in named if finding.size in (None, one.file_size) and _is_same_time(finding, one)]
        here = [one for one in found if not one.trashed]
        if len(here) == 1:
            return here[0].number
        if here:
            report.unsure.append(shown)
        elif found:
            report.trashed += 1
        else:
            report.unknown.append(shown)
        return None

    async def _same_bytes(self, file: Path, size: int) -> list[Candidate]:
        """Return the upload with the bytes of a file; only where one has its size, and is elsewhere, it is read."""
        candidates = await self.store.of_size(size)
        if placed := [one for one in candidates if same_path(one, file)]:
            return placed[:1]
        if not candidates:
            return []
        sha256 = await asyncio.to_thread(hash_file, file)
        return [one for one in candidates if one.sha256 == sha256]


def _folder(path: Path) -> Path:
    found = path.expanduser().absolute()
    if found.is_file():
        raise UsageError(f"{path} is a file", "Unpack archives first, and name the folder.")
    if not found.is_dir():
        raise UsageError(f"There is no folder {path}", "Name the folder that the other program wrote.")
    return found


def _some(findings: Iterator[Finding | Problem]) -> Sequence[Finding | Problem]:
    return list(islice(findings, _BATCH))


def _said(finding: Finding) -> Said:
    """Return a finding as the store keeps it, with the names of its place."""
    points: dict[str, str | float] = {}
    place = None
    if finding.point is not None:
        # The table takes 0.1 s to load.
        from vuemantics_tui.media.places import locate

        place, zone = locate(finding.point.latitude, finding.point.longitude)
        known = {
            "latitude": finding.point.latitude,
            "longitude": finding.point.longitude,
            "altitude_m": finding.point.altitude,
            "time_zone": zone,
        }
        points = {name: value for name, value in known.items() if value is not None}
    return Said(
        finding.title, finding.caption, finding.rating, finding.moment, points, place, finding.tags, finding.albums
    )


def _is_same_time(finding: Finding, candidate: Candidate) -> bool:
    """Tell whether an upload may have been taken when another program says; without both dates it may not."""
    if not finding.moment or not candidate.taken_at:
        return False
    if len(finding.moment) <= 10 or len(candidate.taken_at) <= 10:
        return finding.moment[:10] == candidate.taken_at[:10]
    one, other = (datetime.fromisoformat(moment) for moment in (finding.moment, candidate.taken_at))
    if one.tzinfo is not None and other.tzinfo is not None and abs((one - other).total_seconds()) < 2:
        return True
    if (one.tzinfo is None) == (other.tzinfo is None) and finding.moment[19:20] != "Z":
        return abs((one.replace(tzinfo=None) - other.replace(tzinfo=None)).total_seconds()) < 2
    # One of them knows UTC alone: minutes and seconds are the same in most zones, hours are not.
    gap = abs((one.replace(tzinfo=None) - other.replace(tzinfo=None)).total_seconds())
    return gap <= _HOURS_OF_ZONES * 3600 and min(gap % 900, 900 - gap % 900) < 2


def grouped(paths: Sequence[Path]) -> list[tuple[Path, int]]:
    """Return the folders of paths with how many are in each, the most first."""
    counts: defaultdict[Path, int] = defaultdict(int)
    for path in paths:
        counts[path.parent] += 1
    return sorted(counts.items(), key=lambda each: (-each[1], str(each[0])))
