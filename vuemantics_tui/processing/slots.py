"""How many uploads may be in each stage at a time, and the slots that a run holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageLimits:
    """How many uploads may have their thumbnail made, be described, and be embedded at a time, in this process."""

    thumbnail: int
    describe: int
    embed: int

    @property
    def in_flight(self) -> int:
        """Return how many uploads may be in progress, so that every stage can be busy.

        Equal limits mean stages that share one pool: one more than it has processes keeps those busy.
        """
        if self.thumbnail == self.describe == self.embed:
            return self.describe + 1
        return self.thumbnail + self.describe + self.embed


class StageSlots:
    """The slots of each stage, given out first come, first served."""

    def __init__(self, limits: StageLimits) -> None:
        self.thumbnail = asyncio.Semaphore(limits.thumbnail)
        self.describe = asyncio.Semaphore(limits.describe)
        self.embed = asyncio.Semaphore(limits.embed)


class HeldSlots:
    """What one run holds: the slot of its stage, and for a moment that of the next one too."""

    def __init__(self) -> None:
        self._held: list[asyncio.Semaphore] = []

    def __len__(self) -> int:
        return len(self._held)

    async def take(self, slot: asyncio.Semaphore) -> None:
        """Take a slot, waiting for it."""
        await slot.acquire()
        self._held.append(slot)

    async def take_if_free(self, slot: asyncio.Semaphore) -> bool:
        """Take a slot if there is one for which nobody else waits; whether it did."""
        if slot.locked():
            return False
        await self.take(slot)
        return True

    def give_back(self, slot: asyncio.Semaphore) -> None:
        """Give back a slot that is held."""
        self._held.remove(slot)
        slot.release()

    def give_back_all(self) -> None:
        """Give back whatever is held."""
        while self._held:
            self._held.pop().release()
