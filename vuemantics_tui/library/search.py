"""The room of the search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.search.ranking import Hit, Ranking
from vuemantics_tui.store.searches import SearchHistory
from vuemantics_tui.store.uploads import UploadStore


@dataclass(frozen=True, slots=True)
class SearchHit:
    """An upload that was found, its score in 0..1 (the cosine, for what is similar), and the query's words in it.

    `matched` holds words of the query, lower case, as they were typed: `cats` also where the upload says `cat`.
    """

    upload: Upload
    score: float
    matched: tuple[str, ...] = ()


class SearchResults(list[SearchHit]):
    """What a search found, best first. `note` says what could not be done, and is mostly empty."""

    def __init__(self, hits: Iterable[SearchHit] = (), note: str = "") -> None:
        super().__init__(hits)
        self.note = note


class Search:
    """The room of the search."""

    def __init__(self, store: UploadStore, ranking: Ranking, history: SearchHistory, remember: bool) -> None:
        self._store = store
        self._ranking = ranking
        self._history = history
        self._remember = remember

    async def run(self, text: str, limit: int = 20) -> SearchResults:
        """The uploads that a line of text finds, best first, none of them hidden.

        While the analyzer cannot embed the line, words find alone, and the note says why.
        """
        hits = await self._ranking.search(text, limit)
        matched = await self._ranking.matched(text, [hit.number for hit in hits])
        return SearchResults(await self._with_uploads(hits, matched), hits.note)

    async def similar(self, number: int, limit: int = 50) -> list[SearchHit]:
        """The uploads whose meaning is nearest to that of this one, nearest first, none of them hidden.

        Empty where the upload is gone or not described yet.
        """
        return await self._with_uploads(await self._ranking.similar(number, limit), {})

    async def remember(self, text: str) -> None:
        """Keep a search for the history, unless the settings say that searches are not remembered."""
        if self._remember:
            await self._history.add(text)

    async def history(self, limit: int = 50) -> list[str]:
        """What was searched for, newest first, each once."""
        return await self._history.newest(limit)

    async def _with_uploads(self, hits: Sequence[Hit], matched: Mapping[int, tuple[str, ...]]) -> list[SearchHit]:
        scores = {hit.number: hit.score for hit in hits}
        uploads = await self._store.by_numbers([hit.number for hit in hits])
        # One may have been hidden since the ranking was made.
        return [
            SearchHit(upload, scores[upload.number], matched.get(upload.number, ()))
            for upload in uploads
            if not upload.hidden
        ]
