"""Intake: files on their way into the library, how far that is, and in words what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from vuemantics_tui.library import Candidate, IntakeOutcome, IntakeResult, Library
from vuemantics_tui.ui.notices import Notices

# So many reasons fit into a notice; the rest is counted.
MOST_REASONS = 3


class Intake:
    """Adds files to the library; several batches may be under way at once."""

    def __init__(self, library: Library, notices: Notices) -> None:
        self._library = library
        self._notices = notices
        # How many files are copied, and of how many; both 0 while nothing is being added.
        self.copied = self.to_copy = 0
        # Called whenever that has moved.
        self.listeners: list[Callable[[], None]] = []

    @property
    def is_copying(self) -> bool:
        """Whether files are being copied just now."""
        return self.to_copy > 0

    async def look(self, paths: Sequence[Path]) -> list[Candidate]:
        """Return all files that the paths stand for. Raises UsageError and LibraryError."""
        return await self._library.gather(paths, recursive=True)

    async def add(self, candidates: list[Candidate]) -> None:
        """Add these, and say in the end what became of them. Raises LibraryError."""
        results: list[IntakeResult] = []
        self.to_copy += len(candidates)
        try:
            async for result in self._library.add(candidates):
                results.append(result)
                self.copied += 1
                self._tell()
        finally:
            self.copied -= len(results)
            self.to_copy -= len(candidates)
            self._tell()
        self._notices.tell(*added_words(results))

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()


def added_words(results: Sequence[IntakeResult]) -> list[str]:
    """One sentence for all, then a line for each of the first few that were skipped."""
    if not results:
        return ["No pictures or videos found."]
    count = Counter(result.outcome for result in results)
    parts = []
    if added := count[IntakeOutcome.ADDED]:
        parts.append(f"{added:,} added")
    if duplicates := count[IntakeOutcome.DUPLICATE]:
        parts.append(f"{duplicates:,} already in the library")
    if restored := count[IntakeOutcome.RESTORED]:
        parts.append(f"{restored:,} restored from the trash")
    if retried := count[IntakeOutcome.RETRIED]:
        parts.append(f"{retried:,} failed before and {'is' if retried == 1 else 'are'} retried")
    skipped = [result for result in results if result.outcome is IntakeOutcome.SKIPPED]
    if not skipped:
        return [", ".join(parts)]
    reasons = [f"{result.path.name} ({result.reason})" for result in skipped]
    if len(skipped) == 1:
        return [", ".join([*parts, f"1 skipped: {reasons[0]}"]), skipped[0].hint]
    lines = [", ".join([*parts, f"{len(skipped):,} skipped:"]), *reasons[:MOST_REASONS]]
    if len(reasons) > MOST_REASONS:
        lines.append(f"and {len(reasons) - MOST_REASONS:,} more")
    return lines
