"""Ranking by words and by meaning, kept up with the store."""

from __future__ import annotations

import itertools
import unicodedata

import numpy as np
import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, insert_upload, settled
from tests.doubles import ScriptedAnalyzer, ThreadCompute, vector_of
from tests.store.test_uploads import complete
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.query import parse_query
from vuemantics_tui.search.query_vectors import Meanings
from vuemantics_tui.search.ranking import Hit, Ranking, Semantics
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.filters import FilterStore
from vuemantics_tui.store.queue import QueueStore
from vuemantics_tui.store.search import FullText
from vuemantics_tui.store.stacks import StackStore
from vuemantics_tui.store.uploads import UploadStore


def index_of(database: Database) -> VectorIndex:
    """A fresh index over a database."""
    return VectorIndex(EmbeddingStore(database), ChangeFeed(database), "embedder")


def ranking_of(database: Database) -> Ranking:
    """A fresh ranking over a database."""
    index = index_of(database)
    meanings = Meanings(
        ScriptedAnalyzer(embedding_model="embedder"),
        UploadStore(database),
        EmbeddingStore(database),
        ThreadCompute(),
        3,
    )

    async def semantics() -> Semantics:
        return Semantics(index, meanings)

    return Ranking(FullText(database), FilterStore(database), semantics)


async def hits_of(ranking: Ranking, text: str) -> list[Hit]:
    """What a line of text finds."""
    return list((await ranking.search(parse_query(text))).hits)


async def described(database: Database, text: str) -> str:
    """Insert a completed upload with this description; returns its ID."""
    upload_id = await insert_upload(UploadStore(database))
    await complete(database, upload_id, text, tags=())
    return upload_id


async def nearest(index: VectorIndex, text: str, limit: int = 1000) -> list[int]:
    """The numbers of what is nearest to a text."""
    return [number for number, _ in await index.nearest(vector_of(text), limit)]


async def test_the_nearest_are_those_of_the_plain_product(database: Database) -> None:
    texts = [f"description {number}" for number in range(300)]
    for text in texts:
        await described(database, text)
    cosines = np.stack([vector_of(text) for text in texts]) @ vector_of("query")
    expected = [int(row) + 1 for row in np.argsort(-cosines)[:20]]
    found = await index_of(database).nearest(vector_of("query"), 20)
    assert [number for number, _ in found] == expected
    np.testing.assert_allclose([cosine for _, cosine in found], np.sort(cosines)[::-1][:20], rtol=1e-5)


async def test_an_empty_library_finds_nothing(database: Database) -> None:
    assert await nearest(index_of(database), "anything") == []
    assert await hits_of(ranking_of(database), "anything") == []
    assert await hits_of(ranking_of(database), "   ") == []


async def test_the_index_follows_what_is_added_described_anew_and_deleted(database: Database) -> None:
    index, store = index_of(database), UploadStore(database)
    ids = [await described(database, text) for text in ("a", "b", "c")]
    assert sorted(await nearest(index, "a")) == [1, 2, 3]
    await described(database, "d")
    assert (await nearest(index, "d"))[0] == 4
    await store.delete([ids[0]])
    assert sorted(await nearest(index, "a")) == [2, 3, 4]
    await QueueStore(database).requeue([ids[1]])
    assert (await nearest(index, "b"))[0] == 2, "it stays findable while it waits"
    await complete(database, ids[1], "z")
    assert (await nearest(index, "z"))[0] == 2
    await store.delete(ids)
    assert await nearest(index, "z") == [4]


async def test_a_large_stack_does_not_hide_what_lies_behind_it(database: Database) -> None:
    for number in range(15):
        await described(database, f"A dog at the sea, number {number}, in the last light of the day.")
    for _ in range(260):
        await described(database, "dog dog dog")
    frames = [upload.number for upload in await UploadStore(database).newest(limit=260)]
    assert (await StackStore(database).make(frames)).count == 260
    ranked = await ranking_of(database).search(parse_query("dog"))
    assert ranked.kept == 16
    assert sum(hit.number in frames for hit in ranked.hits) == 1
    every = await ranking_of(database).search(parse_query("dog"), members=True)
    assert all(hit.found_in is None for hit in every.hits)


async def test_what_holds_all_words_comes_before_what_holds_some(database: Database) -> None:
    texts = [
        "A red car stands in front of a house, and the sky above it is grey.",
        "A red sofa stands in front of a window, and the light is warm and soft.",
        "A grey cat sits on a red sofa in front of a window, and looks outside.",
        "A wide beach under a blue sky, with small waves and nobody to be seen.",
    ]
    orders = []
    for order in itertools.islice(itertools.permutations(range(4)), 0, 24, 7):
        for index in order:
            await described(database, texts[index])
        orders.append(order)
        hits = await hits_of(ranking_of(database), "red sofa cat")
        first = (await UploadStore(database).by_numbers([hits[0].number]))[0]
        assert first.description == texts[2]
        assert all(earlier.score >= later.score for earlier, later in itertools.pairwise(hits))
        assert 0 < hits[-1].score <= hits[0].score <= 1
    assert len(orders) == 4


async def test_an_exact_match_in_words_and_meaning_scores_one(database: Database) -> None:
    await described(database, "tabby")
    await described(database, "something else entirely")
    hits = await hits_of(ranking_of(database), "tabby")
    assert (hits[0].number, hits[0].score) == (1, 1.0)
    assert len(hits) == 2


async def test_a_word_that_was_read_in_a_picture_does_not_end_the_results(database: Database) -> None:
    """In a small library a word of a description says what is meant, but not one on a page about it."""
    for number in range(12):
        await described(database, f"One of many things, number {number}.")
    page = await insert_upload(UploadStore(database))
    await complete(database, page, "A page of a book.", tags=(), read_text="Coins of old")
    read = await ranking_of(database).search(parse_query("coins"))
    await described(database, "Coins lie on a table.")
    named = await ranking_of(database).search(parse_query("coins"))
    assert len(read.numbers) > len(named.numbers) >= 2


async def test_what_is_hidden_is_found_by_no_way_until_it_is_shown_again(database: Database) -> None:
    ranking, uploads = ranking_of(database), UploadStore(database)
    ids = [await described(database, text) for text in ("tabby cat", "tabby dog", "grey sofa")]
    assert len(await hits_of(ranking, "tabby")) == 3
    await uploads.set_hidden(ids[:1], True)
    assert {hit.number for hit in await hits_of(ranking, "tabby")} == {2, 3}
    assert {hit.number for hit in await hits_of(ranking_of(database), "tabby")} == {2, 3}, "freshly loaded"
    assert {hit.number for hit in await hits_of(ranking, f"like:{ids[1]}")} == {3}
    assert {hit.number for hit in await hits_of(ranking, f"like:{ids[0]}")} == {2, 3}, "from a hidden one"
    await uploads.set_hidden(ids[:1], False)
    assert len(await hits_of(ranking, "tabby")) == 3


async def test_similar_are_the_nearest_without_itself(database: Database) -> None:
    texts = [f"description {number}" for number in range(30)]
    ids = [await described(database, text) for text in texts]
    bare = await insert_upload(UploadStore(database))
    cosines = np.stack([vector_of(text) for text in texts]) @ vector_of(texts[7])
    expected = [int(row) + 1 for row in np.argsort(-cosines) if row != 7][:5]
    hits = (await hits_of(ranking_of(database), f"like:{ids[7]}"))[:5]
    assert [hit.number for hit in hits] == expected
    np.testing.assert_allclose([hit.score for hit in hits], cosines[[one - 1 for one in expected]], atol=1e-4)
    with pytest.raises(UsageError, match="no description yet"):
        await hits_of(ranking_of(database), f"like:{bare}")


async def test_the_stack_of_an_example_is_not_similar_to_it(database: Database) -> None:
    ids = [await described(database, text) for text in ("tabby one", "tabby two", "tabby three")]
    await StackStore(database).make([1, 2])
    assert [hit.number for hit in await hits_of(ranking_of(database), f"like:{ids[1]}")] == [3]


async def test_a_hit_tells_which_words_of_the_query_it_holds(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    await add_all(library, draw_picture("Holiday.png"))
    await library.queue.start()
    await settled(library)
    (hit,) = await library.search.run("photos of Cats, zebras and a résting holiday", all=True)
    assert hit.matched == ("cats", "résting", "holiday")
    (hit,) = await library.search.run("zebra", all=True)
    assert hit.matched == ()
    assert hit.upload.number == 1


async def test_the_history_holds_each_search_once_newest_first(open_library: OpenLibrary) -> None:
    library = await open_library()
    for text in ("cat", "  red   sofa ", "beach", "CAT", "   "):
        await library.search.remember(text)
    assert await library.search.history.newest() == ["CAT", "beach", "red sofa"]
    assert await library.search.history.newest(1) == ["CAT"]
    for text in ("Öl", "öl", unicodedata.normalize("NFD", "ÖL"), "МОСКВА", "москва"):
        await library.search.remember(text)
    assert await library.search.history.newest(3) == ["москва", unicodedata.normalize("NFD", "ÖL"), "CAT"]
    assert await library.search.history.beginning("МОСК", 9) == ["москва"]
    silent = await open_library(remember_searches=False)
    await silent.search.remember("secret")
    assert "secret" not in await silent.search.history.newest()
