"""Uploads that show the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vuemantics_tui.analyzers.base import Compute
from vuemantics_tui.domain.duplicates import Comparable, DuplicateGroup, DuplicatesFound, Likeness, LookAlike
from vuemantics_tui.domain.errors import DefectError, LibraryError, VuemanticsError, WorkerDiedError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.files import inside, original_at
from vuemantics_tui.media.jobs import clip_fingerprint, compare
from vuemantics_tui.search.duplicates import Candidates, Grouping, clips_near, grouped
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.duplicates import FingerprintStore, PrintedUpload

log = logging.getLogger(__name__)

OnFound = Callable[[DuplicatesFound], None]

# How many are compared with the one to keep in one call of the pool, and how many calls are made before groups are
# formed again.
_BATCH, _CALLS = 12, 24

# Why one is kept, in the order of what counts; as `_rank`.
_REASONS = (
    *("has sound", "most pixels", "most details on when and where"),
    *("largest file", "added first"),
)
_SHOWS_MORE = "shows the most"


def ignore_found(found: DuplicatesFound) -> None:
    """Ignore what was found so far."""


class Duplicates:
    """Finds which uploads show the same, and which of them is best kept.

    Fingerprints find candidates; each is then compared with the one to keep, pixel by pixel, in the pool of processes.
    What was compared once is remembered.
    """

    def __init__(self, database: Database, root: Path, compute: Callable[[], Compute], max_pixels: int) -> None:
        self._database = database
        self._store = FingerprintStore(database)
        self._root = root
        self._compute = compute
        self._max_pixels = max_pixels

    async def find(self, on_found: OnFound = ignore_found) -> DuplicatesFound:
        """Return groups of duplicates and of similar uploads, without hidden uploads and those of the same stack.

        Proposed to keep is the one with sound, then with the most pixels, with the most that its file tells of date,
        camera and place, the largest file, the oldest. `on_found` hears of groups as they are found: at
        once of what earlier looks have compared. Remembers the groups for `is:duplicate`, unless the library is
        read-only.
        """
        uploads = sorted(await self._store.uploads(), key=_rank)
        look = _Look(
            [each for each in uploads if each.file_type is FileType.IMAGE],
            [each for each in uploads if each.file_type is FileType.VIDEO],
            await self._store.likenesses(),
        )
        await asyncio.to_thread(look.find_pictures)
        found = await self._compare_all(look, on_found)
        if await self._read_clips(look):
            found = await self._compare_all(look, on_found)
        if not self._database.is_read_only:
            groups = {one.number: group.keep.number for group in found.groups for one in group.members}
            await self._store.save_groups(groups)
        return found

    async def groups(self) -> list[DuplicateGroup]:
        """Return groups of duplicates; those that free the most space come first. See `find`."""
        return list((await self.find()).groups)

    async def similar(self) -> list[DuplicateGroup]:
        """Return groups of uploads that look alike and are no duplicates. See `find`."""
        return list((await self.find()).similar)

    async def _compare_all(self, look: _Look, on_found: OnFound) -> DuplicatesFound:
        while True:
            grouping = await asyncio.to_thread(look.grouping)
            found = await self._found(look, grouping)
            on_found(found)
            calls = [
                (keep, others[start : start + _BATCH])
                for keep, others in grouping.missing
                for start in range(0, len(others), _BATCH)
            ]
            if not calls:
                return found
            async with asyncio.TaskGroup() as group:
                for keep, others in calls[:_CALLS]:
                    group.create_task(self._compare(look, keep, others))

    async def _compare(self, look: _Look, keep: int, others: Sequence[int]) -> None:
        """Compare some with the one to keep, and remember the results."""
        numbers = [look.uploads[place].number for place in (keep, *others)]
        files = await self._files(numbers)
        likenesses = dict.fromkeys(others, Likeness.UNKNOWN)
        there = [place for place in others if look.uploads[place].number in files]
        if numbers[0] in files and there:
            kept = files[numbers[0]]
            found = await self._ask(kept, [files[look.uploads[place].number] for place in there])
            likenesses.update(zip(there, found, strict=True))
        saved = {look.note(keep, other, likeness): likeness for other, likeness in likenesses.items()}
        known = {pair: look.known[pair] for pair, likeness in saved.items() if likeness is not Likeness.UNKNOWN}
        if known and not self._database.is_read_only:
            await self._store.save_likenesses(known)

    async def _ask(self, kept: Comparable, others: list[Comparable]) -> list[Likeness]:
        """Compare in the pool. A file that kills its process is compared no more, and keeps nothing from the others."""
        try:
            return await self._compute().run(compare, kept, others, self._max_pixels)
        except DefectError:
            raise
        except WorkerDiedError as error:
            if len(others) > 1:
                return [(await self._ask(kept, [other]))[0] for other in others]
            log.warning("%s and %s cannot be compared: %s", kept.source, others[0].source, error)
        return [Likeness.UNKNOWN] * len(others)

    async def _files(self, numbers: Sequence[int]) -> dict[int, Comparable]:
        """Return the files of uploads; without those that are deleted, or outside of the library."""
        files = {}
        for number, one in (await self._store.look_alikes(numbers)).items():
            try:
                source = await asyncio.to_thread(original_at, self._root, one.file_path, one.source)
                thumbnail = (
                    await asyncio.to_thread(inside, self._root, one.thumbnail_path) if one.thumbnail_path else None
                )
            except LibraryError as error:
                log.error("%s is not compared: %s", one.id, error)
                continue
            files[number] = Comparable(thumbnail, source, FileType(one.file_type))
        return files

    async def _read_clips(self, look: _Look) -> bool:
        """Read the frames of clips that share their length with another one; returns whether there are such."""
        unread = await asyncio.to_thread(look.find_clips)
        files = await self._files([upload.number for upload in unread])

        async def read(upload: PrintedUpload) -> None:
            frames = b""
            if upload.number in files:
                try:
                    frames = await self._compute().run(clip_fingerprint, files[upload.number].source)
                except DefectError:
                    raise
                except (VuemanticsError, OSError) as error:
                    log.warning("no frames of upload %d: %s", upload.number, error)
                if not self._database.is_read_only:
                    await self._store.save_frames(upload.number, frames)
            look.frames[upload.number] = frames

        async with asyncio.TaskGroup() as group:
            for upload in unread:
                group.create_task(read(upload))
        await asyncio.to_thread(look.find_clips)
        return bool(look.near_clips)

    async def _found(self, look: _Look, grouping: Grouping) -> DuplicatesFound:
        groups = {keep: dict(members) for keep, members in grouping.groups.items()}
        similar = {keep: dict.fromkeys(members, Likeness.SIMILAR) for keep, members in grouping.similar.items()}
        places = {place for some in (groups, similar) for keep, members in some.items() for place in (keep, *members)}
        known = await self._store.look_alikes([look.uploads[place].number for place in places])

        def shown(some: dict[int, dict[int, Likeness]]) -> tuple[DuplicateGroup, ...]:
            made = [look.group(known, keep, members) for keep, members in some.items()]
            there = [group for group in made if group is not None]
            return tuple(sorted(there, key=lambda group: (-group.spare_bytes, group.keep.number)))

        missing = sum(len(others) for _, others in grouping.missing)
        compared = len(look.known)
        return DuplicatesFound(shown(groups), shown(similar), compared, compared + missing, await self._store.unread())


@dataclass
class _Look:
    """One search for duplicates: the uploads, best to keep first, their candidates, and which pairs were compared."""

    pictures: list[PrintedUpload]
    clips: list[PrintedUpload]
    known: dict[tuple[int, int], Likeness]

    def __post_init__(self) -> None:
        self.uploads = [*self.pictures, *self.clips]
        self.frames = {clip.number: clip.frames for clip in self.clips}
        self.near_pictures = Candidates([])
        self.near_clips: dict[int, list[int]] = {}

    def find_pictures(self) -> None:
        """Find which pictures may be the same, which takes seconds for a large library."""
        self.near_pictures = Candidates([each.fingerprint for each in self.pictures if each.fingerprint is not None])

    def find_clips(self) -> list[PrintedUpload]:
        """Find which clips may be the same; returns those of them whose frames must be read first."""
        frames = [self.frames[clip.number] for clip in self.clips]
        near = clips_near([clip.duration or 0.0 for clip in self.clips], frames)
        first = len(self.pictures)
        self.near_clips = {first + place: [first + other for other in others] for place, others in near.items()}
        return [self.clips[place] for place in near if frames[place] is None]

    def grouping(self) -> Grouping:
        """Group by the pairs compared so far."""
        places = [*self.near_pictures.places(), *sorted(self.near_clips)]
        return grouped(places, self._near, self._likeness, [each.pixels for each in self.uploads])

    def note(self, keep: int, other: int, likeness: Likeness) -> tuple[int, int]:
        """Remember what one is to another; returns their numbers, the earlier first."""
        one, two = self.uploads[keep].number, self.uploads[other].number
        if one < two:
            self.known[one, two] = likeness
            return one, two
        self.known[two, one] = likeness.reversed
        return two, one

    def group(self, known: dict[int, LookAlike], keep: int, members: dict[int, Likeness]) -> DuplicateGroup | None:
        """Return a group as a person sees it, without those that were deleted meanwhile; None where one is left."""
        alikes = [
            replace(known[self.uploads[place].number], likeness=likeness)
            for place, likeness in ((keep, Likeness.SAME), *sorted(members.items()))
            if self.uploads[place].number in known
        ]
        if len(alikes) < 2 or alikes[0].number != self.uploads[keep].number:
            return None
        return DuplicateGroup(alikes[0], tuple(alikes[1:]), _reason(self.uploads[keep], self.uploads[min(members)]))

    def _near(self, place: int) -> list[int]:
        return self.near_pictures.of(place) if place < len(self.pictures) else self.near_clips.get(place, [])

    def _likeness(self, one: int, other: int) -> Likeness | None:
        first, second = self.uploads[one], self.uploads[other]
        if first.stack is not None and first.stack == second.stack:
            return Likeness.DIFFERENT
        if first.camera is not None and first.camera == second.camera and first.taken_at != second.taken_at:
            # Two shots of one camera, however much they look alike.
            return Likeness.SIMILAR
        if first.number < second.number:
            return self.known.get((first.number, second.number))
        found = self.known.get((second.number, first.number))
        return None if found is None else found.reversed


def _rank(upload: PrintedUpload) -> tuple[int, int, int, int, int]:
    # How sharp its thumbnail is says nothing: the blocks of a poor JPEG have edges of their own.
    return -upload.has_sound, -upload.pixels, -upload.facts, -upload.file_size, upload.number


def _reason(keep: PrintedUpload, next_best: PrintedUpload) -> str:
    """Return why one is kept and not the next best."""
    one, other = _rank(keep), _rank(next_best)
    if one > other:
        return _SHOWS_MORE
    return next(reason for reason, mine, its in zip(_REASONS, one, other, strict=True) if mine != its)
