"""Uploads that look the same."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Sequence
from dataclasses import replace

from vuemantics_tui.domain.duplicates import DuplicateGroup
from vuemantics_tui.search.duplicates import THRESHOLD, alike
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.duplicates import FingerprintStore, HashedUpload

# Nearer than this to each other are two sharpnesses as good as equal.
_SHARPER = 1.25


class Duplicates:
    """Finds which uploads look the same, and which of them is best kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._store = FingerprintStore(database)

    async def groups(self, threshold: int = THRESHOLD) -> list[DuplicateGroup]:
        """Return groups of near-duplicates without hidden uploads; those that free the most space come first.

        Proposed to keep is the one with the most pixels, then the sharpest, then the largest file, then the oldest;
        a poor JPEG, whose blocks have edges of their own, counts as no sharper than the picture it was made from.
        `threshold` is in how many of 64 bits they may differ from it. Remembers the groups for `is:duplicate`, unless
        the library is read-only.
        """
        numbers, found = await asyncio.to_thread(_groups, await self._store.hashes(), threshold)
        members = [numbers[place] for leader, others in found.items() for place in (leader, *(at for at, _ in others))]
        known = await self._store.look_alikes(members)
        groups = []
        for leader, others in found.items():
            alikes = [
                replace(known[numbers[place]], distance=distance)
                for place, distance in ((leader, 0), *others)
                if numbers[place] in known
            ]
            # One may have been deleted since the hashes were read.
            if len(alikes) > 1:
                groups.append(DuplicateGroup(alikes[0], tuple(alikes[1:])))
        if not self._database.is_read_only:
            await self._store.save_groups({one.number: group.keep.number for group in groups for one in group.members})
        return sorted(groups, key=lambda group: (-group.spare_bytes, group.keep.number))


def _groups(uploads: Sequence[HashedUpload], threshold: int) -> tuple[list[int], dict[int, list[tuple[int, int]]]]:
    """Return the numbers, best to keep first, and the groups by places among them."""
    ranked = sorted(uploads, key=_rank)
    return [upload.number for upload in ranked], alike(array("q", (upload.phash for upload in ranked)), threshold)


def _rank(upload: HashedUpload) -> tuple[int, int, int, int]:
    sharpness = round(math.log(1 + upload.sharpness, _SHARPER))
    return -upload.pixels, -sharpness, -upload.file_size, upload.number
