"""The search of a library, through its room: doubles, and the built-in model where meaning matters."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import skimage

from tests.conftest import OpenLibrary, add_all, insert_upload, settled
from tests.doubles import ScriptedAnalyzer, ThreadCompute, vector_of
from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Analyzer, Vector
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer
from vuemantics_tui.domain.description import Description, audit_description
from vuemantics_tui.domain.errors import MediaError, ServerDownError, UsageError
from vuemantics_tui.domain.query import QueryError
from vuemantics_tui.domain.upload import ProcessingStage
from vuemantics_tui.library import Library
from vuemantics_tui.library.search import SearchResults
from vuemantics_tui.store.queue import ClaimStore
from vuemantics_tui.store.runs import RunStore
from vuemantics_tui.store.uploads import UploadStore

PHOTOS = Path(skimage.__file__).parent / "data"


async def put(
    library: Library,
    analyzer: Analyzer,
    text: str,
    name: str = "x.jpg",
    tags: Sequence[str] = (),
    read_text: str = "",
) -> int:
    """A completed upload with these words, embedded by the analyzer; returns its number."""
    database = library.database
    store = UploadStore(database)
    upload_id = await insert_upload(store, name)
    claim = await ClaimStore(database, "someone").claim(upload_id)
    assert claim is not None
    runs = RunStore(database)
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    description = Description(text, "scripted", "model", tuple(tags), read_text)
    number = await runs.finish_description(claim, description, audit_description(text), 0.1)
    vector = await analyzer.embed_document(description.full_text, {})
    await runs.complete(claim, number, analyzer.embedding_model, vector.tobytes(), len(vector), 0.1)
    return claim.number


def numbers(results: SearchResults) -> list[int]:
    """The numbers of what was found, in order."""
    return [hit.upload.number for hit in results]


@pytest.fixture
def builtin() -> BuiltinAnalyzer:
    """The real models, in threads."""
    return BuiltinAnalyzer(ThreadCompute(), paths.cache_dir())


class DownEmbedder(ScriptedAnalyzer):
    """Embeds no query."""

    async def embed_query(self, text: str) -> Vector:
        """Refuse."""
        raise ServerDownError("Ollama", "Ollama refuses the connection", "Start it.")


TEXTS = {
    1: "A tabby cat sleeps on a red sofa beside the window. The light is warm.",
    2: "Two dogs play with a ball on a wide sandy beach.",
    3: "A black motorcycle stands in a garage. A helmet hangs on the wall.",
    4: "A plate of pasta with tomatoes stands on a wooden table.",
    5: "Snow covers the mountains under a blue sky.",
    6: "A man in a suit gives a speech in front of a crowd.",
}


@pytest.fixture
async def real(open_library: OpenLibrary, builtin: BuiltinAnalyzer) -> Library:
    """Six uploads with vectors of the real model."""
    library = await open_library(builtin)
    for text in TEXTS.values():
        await put(library, builtin, text)
    return library


async def test_meaning_finds_what_no_word_says(real: Library) -> None:
    results = await real.search.run("kitten")
    assert numbers(results)[0] == 1
    hit = results[0]
    assert (hit.words_share, hit.meaning_share, hit.score) == (0.0, 1.0, 0.5)
    assert hit.cosine is not None
    assert hit.cosine > 0.3
    assert results.below == 6 - len(results)
    assert results.histogram is not None
    assert sum(results.histogram.counts) == 6


async def test_an_unrelated_query_finds_little_and_the_rest_is_below(real: Library) -> None:
    results = await real.search.run("quarterly tax spreadsheet")
    assert len(results) <= 1
    assert results.below == 6 - len(results)
    assert (results.total, results.kept) == (len(results), len(results))
    everything = await real.search.run("quarterly tax spreadsheet", all=True)
    assert sorted(numbers(everything)) == sorted(TEXTS)
    assert everything.kept == len(results)
    assert numbers(await real.search.run("quarterly tax spreadsheet", 2, all=True)) == numbers(everything)[:2]


async def test_words_and_meaning_share_the_score_and_name_a_sentence(real: Library) -> None:
    hit = (await real.search.run("the warm light"))[0]
    assert hit.upload.number == 1
    assert hit.sentence == "The light is warm."
    assert hit.matched == ("warm", "light")
    assert 0 < hit.words_share < 1
    assert hit.words_share + hit.meaning_share == pytest.approx(1)
    assert await real.search.sentence("protective headgear", (await real.search.run("motorcycle"))[0].upload) == (
        "A helmet hangs on the wall."
    )


async def test_arithmetic_adds_and_takes_away(real: Library) -> None:
    assert numbers(await real.search.run("animal at home + sea shore - cat"))[0] == 2
    heavy = await real.search.run("0.2:beach + 2:food")
    assert numbers(heavy)[0] == 4
    assert heavy[0].score == heavy[0].cosine
    assert numbers(await real.search.run("dog - dog")) == [2], "what has no direction is found by its words"
    first = (await real.uploads.by_number(2)) or pytest.fail("it was added")
    alike = await real.search.run(f"like:{first.id[:13]}", all=True)
    assert 2 not in numbers(alike)
    assert len(alike) == 5
    assert numbers(await real.search.run(f"like:{first.id} - dogs + snow", all=True))[0] == 5


async def test_a_picture_that_is_not_in_the_library_is_looked_at_on_enter(
    open_library: OpenLibrary, builtin: BuiltinAnalyzer, tmp_path: Path
) -> None:
    library = await open_library(builtin)
    await add_all(library, PHOTOS / "coffee.png", PHOTOS / "rocket.jpg", PHOTOS / "brick.png")
    await library.queue.start()
    await settled(library)
    typing = await library.search.run(f'like:"{PHOTOS / "chelsea.png"}"', final=False)
    assert (len(typing), typing.note) == (0, "Press Enter to search by picture.")
    # A bare path holds no blanks, which the folder of the samples may.
    coffee = Path(shutil.copy(PHOTOS / "coffee.png", tmp_path))
    found = await library.search.run(str(coffee))
    assert found[0].upload.filename == "coffee.png"
    assert found[0].score == pytest.approx(1, abs=1e-3)
    assert (await library.search.run(f'like:"{PHOTOS / "coffee.png"}" - coffee', all=True))[0].score < 1


async def test_a_video_that_is_not_in_the_library_is_looked_at_by_its_frames(
    open_library: OpenLibrary, builtin: BuiltinAnalyzer, draw_clip: Callable[[], Path], tmp_path: Path
) -> None:
    library = await open_library(builtin)
    clip = draw_clip()
    await add_all(library, PHOTOS / "coffee.png", clip, PHOTOS / "rocket.jpg")
    await library.queue.start()
    await settled(library)
    found = await library.search.run(f'like:"{clip}"')
    assert found[0].upload.filename == clip.name
    assert found[0].score == pytest.approx(1, abs=1e-3)
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(clip.read_bytes()[:600])
    with pytest.raises(MediaError):
        await library.search.run(f"like:{torn}")


async def test_what_a_query_names_and_is_not_there_is_told(
    open_library: OpenLibrary, tmp_path: Path, builtin: BuiltinAnalyzer
) -> None:
    library = await open_library(builtin)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    waiting = await insert_upload(UploadStore(library.database))
    for text, error in (
        ("like:./none.jpg", UsageError),
        (f"like:{tmp_path}/", UsageError),
        (f"like:{tmp_path}/broken.jpg", MediaError),
        ("like:ffffff", UsageError),
        (f"like:{waiting}", UsageError),
        ('red "sofa', QueryError),
    ):
        with pytest.raises(error):
            await library.search.run(text)
        assert await library.search.run(text, final=False) == []


async def test_a_filter_leaves_what_it_matches_ranked(open_library: OpenLibrary) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    for number in range(300):
        await put(library, analyzer, f"A dog, picture {number}.")
    few = [f.id for f in await library.uploads.newest() if f.number in (3, 150, 299)]
    await library.tags.add(few, ["three"])
    for text in ("dog tag:three", "whale tag:three"):
        results = await library.search.run(text)
        assert sorted(numbers(results)) == [3, 150, 299]
        cosines = [hit.cosine for hit in results]
        expected = [
            float(vector_of(f"A dog, picture {hit.upload.number - 1}.") @ vector_of(text.split()[0])) for hit in results
        ]
        np.testing.assert_allclose(np.array(cosines, float), expected, atol=1e-3)
    whales = await library.search.run("whale tag:three")
    assert [hit.cosine for hit in whales] == sorted((hit.cosine or 0 for hit in whales), reverse=True)
    listed = await library.search.run("tag:three", 2)
    assert (numbers(listed), listed.total, list(listed.numbers)) == ([299, 150], 3, [299, 150, 3])
    assert await library.search.run("dog tag:nothing") == []
    assert await library.search.run("") == []
    assert len(await library.search.run("dog", 5)) == 5


async def test_a_word_read_in_a_picture_goes_before_one_that_is_said_of_it(open_library: OpenLibrary) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    # By its words and its vector this one is first.
    await put(library, analyzer, "stop sign", tags=("stop sign",))
    read = await put(library, analyzer, "A wide street with many cars and houses.", read_text="STOP\nSIGN ahead")
    results = await library.search.run("stop sign")
    assert numbers(results)[0] == read
    assert results[0].sentence == "SIGN ahead" or results[0].sentence == "STOP"
    assert 0 <= results[1].score < results[0].score <= 1


async def test_phrases_are_demanded_and_words_left_out(open_library: OpenLibrary) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    for text in ("A red sofa and a cat.", "A sofa, red as a cherry.", "A red sofa and two dogs."):
        await put(library, analyzer, text)
    assert sorted(numbers(await library.search.run('"red sofa"'))) == [1, 3]
    assert sorted(numbers(await library.search.run('"red sofa" -cats'))) == [3]
    assert sorted(numbers(await library.search.run('sofa -"red sofa"'))) == [2]
    assert numbers(await library.search.run("-cat -dog")) == [2]


async def test_hidden_uploads_are_found_only_where_they_are_asked_for(open_library: OpenLibrary) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    for text in ("A dog on a beach.", "A dog in the snow.", "A cat."):
        await put(library, analyzer, text)
    await library.uploads.set_hidden([(await library.uploads.newest())[1].id], True)
    for text in ("dog", "anything", "dog + snow", '"a dog"', "type:image"):
        assert 2 not in numbers(await library.search.run(text, all=True))
        assert 2 in numbers(await library.search.run(text, all=True, show_hidden=True))
        assert 2 not in numbers(await library.search.words(text))
    for text in ("dog is:hidden", "anything is:hidden", "is:hidden"):
        assert numbers(await library.search.run(text)) == [2]


async def test_without_an_embedder_words_still_find(open_library: OpenLibrary) -> None:
    analyzer = DownEmbedder()
    library = await open_library(analyzer)
    for text in ("A dog on a beach.", "A cat on a sofa."):
        await put(library, analyzer, text)
    results = await library.search.run("dog beach")
    assert (numbers(results), results[0].score, results[0].cosine) == ([1], 1.0, None)
    assert results.note == "Found by keyword only: Ollama refuses the connection. Start it."
    assert numbers(await library.search.run("cat + sofa")) == [2]


async def test_words_answer_while_one_types(open_library: OpenLibrary) -> None:
    analyzer = DownEmbedder()
    library = await open_library(analyzer)
    for text in ("A tabby cat on a sofa.", "A table with plates."):
        await put(library, analyzer, text)
    results = await library.search.words("sofa ta")
    assert (numbers(results)[0], results[0].matched, results.note) == (1, ("sofa", "ta"), "")
    assert sorted(numbers(await library.search.words("tab"))) == [1, 2]
    assert numbers(await library.search.words('table "with pl')) == [2]
    assert numbers(await library.search.words("plate tag:")) == [2]
    assert numbers(await library.search.run("tabb", final=False)) == [1]
    assert await library.search.run("tabb") == []


async def test_the_order_of_a_ranked_search_can_be_chosen(open_library: OpenLibrary) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        await put(library, analyzer, "A dog.", name)
    assert numbers(await library.search.run("dog sort:name")) == [2, 1, 3]
    assert numbers(await library.search.run("dog sort:oldest")) == [1, 2, 3]


async def test_saved_searches_are_live(open_library: OpenLibrary) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    await library.search.save(" Dogs  here ", 'tag:"My dogs"  dog')
    await library.search.save("all", "type:image")
    await library.search.save("Like", "like:./pool.jpg")
    await library.search.save("Gone", "like:abcdef")
    assert [(one.name, one.query) for one in await library.search.saved.all()][:2] == [
        ("all", "type:image"),
        ("Dogs here", 'dog tag:"My dogs"'),
    ]
    assert await library.search.counts() == {"all": 0, "Dogs here": 0, "Like": None, "Gone": None}
    for _ in range(3):
        await put(library, analyzer, "A dog.")
    await library.tags.add([(await library.uploads.newest())[0].id], ["my dogs"])
    assert (await library.search.counts())["Dogs here"] == 1
    assert (await library.search.counts())["all"] == 3
    await library.search.save("ALL", "-type:image")
    assert (await library.search.counts())["ALL"] == 0
    await library.search.save("Öl", "dog")
    await library.search.save("ÖL", "cat")
    assert [one.query for one in await library.search.saved.all() if one.name in ("Öl", "ÖL")] == ["cat"]
    assert await library.search.saved.forget("öl")
    assert await library.search.saved.forget("all")
    assert not await library.search.saved.forget("all")
    for name, text in (("", "dog"), ("x", " "), ("x", "tagg:dog")):
        with pytest.raises(UsageError):
            await library.search.save(name, text)


async def test_what_is_suggested_for_a_name_with_a_star_finds_that_name(open_library: OpenLibrary) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    best = await put(library, analyzer, "A dog.", tags=("5* best",))
    await put(library, analyzer, "A cat.", tags=("5 of the best",))
    for typed in ("5*", 'tag:"5* b', r'tag:"5\* b'):
        (suggestion,) = await library.search.suggester.suggest(typed, len(typed))
        assert [hit.upload.number for hit in await library.search.run(suggestion.line)] == [best]


async def test_a_line_that_is_begun_can_be_gone_on_with(open_library: OpenLibrary) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    await put(library, analyzer, "A dog.", tags=("dog", "golden retriever"))
    await library.search.remember("dog on the beach")

    async def lines(text: str, cursor: int | None = None) -> list[str]:
        found = await library.search.suggester.suggest(text, len(text) if cursor is None else cursor)
        assert len(found) <= 8
        assert all(0 <= one.cursor <= len(one.line) for one in found)
        return [one.line for one in found]

    assert await lines("ty") == ["type:"]
    assert await lines("do") == ["tag:dog ", "dog on the beach"]
    assert await lines("-go") == ['-tag:"golden retriever" ']
    assert await lines("red tag:g") == ['red tag:"golden retriever" ']
    assert await lines('tag:"golden r') == ['tag:"golden retriever" ']
    assert await lines("type:") == ["type:image ", "type:video "]
    assert await lines("type:h") == ["type:heic "]
    assert await lines("is:hi dog", 5) == ["is:hidden dog"]
    assert await lines("sort:n") == ["sort:newest ", "sort:name "]
    assert await lines("after:to") == ["after:today "]
    assert await lines("color:bl") == ["color:black ", "color:blue "]
    assert await lines("camera:x") == []
    assert await lines("") == ["dog on the beach"]
    assert len(await lines("d", 99)) <= 8
