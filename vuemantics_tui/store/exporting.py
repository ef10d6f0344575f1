"""What an export needs beside the uploads themselves."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence

from vuemantics_tui.store.database import Database, batches, placeholders


class ExportStore:
    """Reads which uploads there are to export, and all their tags."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def numbers(self, *, include_hidden: bool) -> array[int]:
        """All uploads, in the order of adding; none of the trash."""
        return await self._database.fetch_integers(
            "SELECT number FROM uploads WHERE deleted_at IS NULL AND (? OR hidden = 0) ORDER BY number",
            (int(include_hidden),),
        )

    async def tags(self, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """The tags of these uploads, those that a person gave first, each once."""
        found: defaultdict[int, dict[str, None]] = defaultdict(dict)
        for some in batches(numbers):
            rows = await self._database.fetch(
                f"""
                SELECT upload, name FROM tagged JOIN tags ON tags.number = tag
                WHERE upload IN ({placeholders(some)}) ORDER BY upload, own DESC, tag
                """,
                some,
            )
            for upload, name in rows:
                found[upload][name] = None
        return {number: tuple(names) for number, names in found.items()}
