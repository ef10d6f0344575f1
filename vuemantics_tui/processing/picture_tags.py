"""Give uploads the words that the joint model in use sees in their pictures."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui.analyzers.base import Compute
from vuemantics_tui.domain.description import Description, Told
from vuemantics_tui.domain.errors import AnalyzerError, UsageError
from vuemantics_tui.files import make_folder, write_whole
from vuemantics_tui.store.picture_tags import PictureTagStore, Untagged
from vuemantics_tui.store.pictures import PictureStore

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.joint.vocabulary import Vectors, Vocabulary, Word, WordList

log = logging.getLogger(__name__)

# Descriptions in one transaction, and captions in one call: each takes a fraction of a second.
_BATCH, _CAPTIONS = 100, 64
# The words are calibrated on so many pictures, and again whenever the model has seen twice as many, up to this number.
_SAMPLE = 4096
# How often tags are brought up to date while a model sees many pictures.
_PAUSE_SECONDS = 30.0

FolderOf = Callable[[str], Path | None]
ReadWords = Callable[[], "WordList"]


class PictureTags:
    """Brings the tags of all uploads to what the searched model sees: what is left to do is in the store.

    `read_words` gives the list, or raises UsageError; `make_words_compute` the process that embeds it. The vectors of a
    list are kept in `cache`, by model and list.
    """

    def __init__(
        self,
        store: PictureTagStore,
        pictures: PictureStore,
        compute: Compute,
        make_words_compute: Callable[[], Compute],
        folder_of: FolderOf,
        read_words: ReadWords,
        cache: Path,
    ) -> None:
        self._store = store
        self._pictures = pictures
        self._compute = compute
        self._make_words_compute = make_words_compute
        self._folder_of = folder_of
        self._read_words = read_words
        self._cache = cache
        self._lock = asyncio.Lock()
        self._words: WordList | None = None
        self._problem = ""
        self._done: tuple[str, int] | None = None
        self._vocabulary: tuple[str, Vocabulary] | None = None
        self._updated = 0.0

    async def keep_up(self, *, seldom: bool = False) -> None:
        """Bring the tags up to date as far as possible; with `seldom` only every half minute. Raises as `update`.

        With a list that cannot be read the tags stay, and the log says why.
        """
        if seldom and time.monotonic() - self._updated < _PAUSE_SECONDS:
            return
        try:
            await self.update()
            self._problem = ""
        except UsageError as error:
            if error.message != self._problem:
                self._problem = error.message
                log.error("no tags from pictures: %s. %s", error.message, error.hint)

    async def update(self) -> None:
        """Bring the tags of all uploads up to date; without a model, put back what analyzers said.

        Raises UsageError for a list that cannot be read, AnalyzerError for the model, and LibraryError.
        """
        async with self._lock:
            try:
                await self._update()
            finally:
                self._updated = time.monotonic()

    async def _update(self) -> None:
        model = await self._pictures.searched()
        if model is None:
            await put_back(self._store)
            return
        seen = await self._store.seen(model)
        if not seen:
            return
        if self._words is None:
            self._words = await asyncio.to_thread(self._read_words)
        words = self._words
        basis = f"{model} {words.digest} {min(seen, _SAMPLE).bit_length()}"
        revision = await self._store.revision()
        if self._done == (basis, revision) or not await self._store.next(model, basis, 1):
            self._done = basis, revision
            return
        vocabulary = await self._calibrated(model, words, basis)
        while vocabulary is not None and (some := await self._store.next(model, basis, _BATCH)):
            shown = await asyncio.to_thread(_shown, vocabulary, some)
            told = await self._told(some, shown)
            if await self._pictures.searched() != model:
                # Another one was chosen, or none.
                return
            await self._store.save(basis, list(zip(some, told, strict=True)))

    async def _told(self, some: Sequence[Untagged], shown: Sequence[Sequence[Word]]) -> list[Told]:
        """Return the descriptions with what is shown: guesses are replaced, whatever else was said is added to."""
        from vuemantics_tui.analyzers.builtin.analyzer import retell

        told = [
            Told(each.text, (*each.tags, *(word.tag for word in words)))
            for each, words in zip(some, shown, strict=True)
        ]
        guesses = [place for place, each in enumerate(some) if each.guessed]
        if guesses:
            asked = [
                (
                    Description(some[place].text, "", "", some[place].tags, some[place].read_text),
                    [word.phrase for word in shown[place]],
                    [word.tag for word in shown[place]],
                )
                for place in guesses
            ]
            for place, answer in zip(guesses, await self._compute.run(retell, asked), strict=True):
                told[place] = answer
        return told

    async def _calibrated(self, model: str, words: WordList, basis: str) -> Vocabulary | None:
        """Return the words as the library is now; None for a model that is gone, from this machine or the library."""
        if self._vocabulary is None or self._vocabulary[0] != basis:
            vectors = await self._vectors(model, words)
            sample = await self._store.sample(model, _SAMPLE)
            if vectors is None or not sample:
                return None
            self._vocabulary = basis, await asyncio.to_thread(_vocabulary, words, vectors, sample)
        return self._vocabulary[1]

    async def _vectors(self, model: str, words: WordList) -> Vectors | None:
        """Return the vectors of a list, made once for each model and list."""
        path = self._cache / f"{model}-{words.digest}.npy"
        kept = await asyncio.to_thread(_kept, path, len(words.words))
        if kept is not None:
            return kept
        folder = await asyncio.to_thread(self._folder_of, model)
        if folder is None:
            return None
        from vuemantics_tui.analyzers.joint.towers import embed_words

        # In a process of its own, which then ends: a text network takes hundreds of megabytes.
        compute, parts = self._make_words_compute(), []
        try:
            captions = words.captions
            for start in range(0, len(captions), _CAPTIONS):
                parts.append(await compute.run(embed_words, folder, captions[start : start + _CAPTIONS]))
        except AnalyzerError:
            if await self._pictures.searched() != model:
                # It was removed meanwhile, with its files.
                return None
            raise
        finally:
            await compute.close()
        return await asyncio.to_thread(_keep, path, model, parts)


async def put_back(store: PictureTagStore, model: str | None = None) -> None:
    """Put back what analyzers said, where a model, or any, had given tags. Raises LibraryError."""
    while await store.take_back(_BATCH, model):
        pass


def _shown(vocabulary: Vocabulary, some: Sequence[Untagged]) -> list[list[Word]]:
    return [vocabulary.shown(_stacked(each.frames)) for each in some]


def _vocabulary(words: WordList, vectors: Vectors, sample: Sequence[bytes]) -> Vocabulary:
    from vuemantics_tui.analyzers.joint.vocabulary import Vocabulary

    return Vocabulary(words, vectors, _stacked(sample))


def _stacked(vectors: Sequence[bytes]) -> Vectors:
    import numpy as np

    return np.stack([np.frombuffer(vector, "<f4") for vector in vectors])


def _kept(path: Path, count: int) -> Vectors | None:
    """Return the vectors in a file; None if there is none, or it is damaged."""
    import numpy as np

    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = vectors.ndim == 2 and vectors.dtype == np.float32 and len(vectors) == count
    return vectors if fits else None


def _keep(path: Path, model: str, parts: Sequence[Vectors]) -> Vectors:
    """Write the vectors of words into a file and delete those of other lists; a full disk loses only the file."""
    import numpy as np

    from vuemantics_tui.analyzers.joint.vocabulary import word_vectors

    vectors, content = word_vectors(np.concatenate(parts)), BytesIO()
    np.save(content, vectors)
    try:
        make_folder(path.parent)
        for old in path.parent.glob(f"{model}-*.npy"):
            old.unlink()
        write_whole(path, content.getvalue())
    except OSError as error:
        log.warning("the vectors of words are not kept: %s", error)
    return vectors
