"""Adding files, with how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vuemantics_tui.library import Candidate, IntakeResult, Library
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.uploads.intake_words import added_words


class Adding:
    """Adds files to the library; several batches may be under way at once."""

    def __init__(self, library: Library, notices: Notices) -> None:
        self._library = library
        self._notices = notices
        self._copied = self._to_copy = 0

    @property
    def progress(self) -> tuple[int, int] | None:
        """How many files are copied, and of how many; None when nothing is being added."""
        return (self._copied, self._to_copy) if self._to_copy else None

    async def look(self, paths: Sequence[Path]) -> list[Candidate]:
        """All files that the paths stand for. Raises UsageError and LibraryError."""
        return await self._library.gather(paths, recursive=True)

    async def add(self, candidates: list[Candidate]) -> None:
        """Add these, and say in the end what became of them. Raises LibraryError."""
        results: list[IntakeResult] = []
        self._to_copy += len(candidates)
        try:
            async for result in self._library.add(candidates):
                results.append(result)
                self._copied += 1
        finally:
            self._copied -= len(results)
            self._to_copy -= len(candidates)
        self._notices.tell(*added_words(results))
