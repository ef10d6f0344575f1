"""The room of the tags that a person gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vuemantics_tui.store.tags import Tag, TagStore


class Tags:
    """The room of the tags that a person gives: they stay when an upload is described anew.

    An album is a tag with a flag: what finds a tag, `tag:Rome` or the word, finds an album, too.
    """

    def __init__(self, store: TagStore) -> None:
        self._store = store

    async def add(self, upload_ids: Iterable[str], names: Sequence[str], *, album: bool = False) -> int:
        """Give tags to uploads; returns how many uploads changed. Raises UsageError for an empty name."""
        return await self._store.add(upload_ids, names, album=album)

    async def remove(self, upload_ids: Iterable[str], names: Sequence[str]) -> int:
        """Take tags away from uploads; returns how many changed. Those of a description stay. Raises UsageError."""
        return await self._store.remove(upload_ids, names)

    async def change(
        self,
        upload_ids: Iterable[str],
        *,
        add: Sequence[str] = (),
        albums: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> int:
        """Take tags away from uploads and give them others, all of it or nothing; returns how many uploads changed.

        Raises UsageError for an empty name.
        """
        return await self._store.change(upload_ids, add=add, albums=albums, remove=remove)

    async def set_album(self, name: str, album: bool = True) -> bool:
        """Show a tag as an album, made where there is none, or as a mere tag again; tells whether there is such a tag.

        Raises UsageError for an empty name.
        """
        return await self._store.set_album(name, album)

    async def all(self) -> list[Tag]:
        """Every tag that a person gave, and every album, with how many uploads have it: albums first, by name."""
        return await self._store.own()

    async def beginning(self, prefix: str, limit: int = 8) -> list[Tag]:
        """The tags, those of descriptions too, that begin so: a person's own first, then the most used."""
        return await self._store.beginning(prefix, limit)
