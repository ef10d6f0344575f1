"""Search while the embedder is away, and words that were read in a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.analyzers.base import OnText, Picture, Vector, ignore_text
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import AnalyzerError, ServerDownError
from vuemantics_tui.search import ranking


class Deaf(ScriptedAnalyzer):
    """Embeds no query: refuses it, or never answers."""

    silent = False

    async def embed_query(self, text: str) -> Vector:
        if self.silent:
            await asyncio.Event().wait()
        raise ServerDownError("Ollama at gpu", "Ollama at gpu cannot be reached", "Start it with: ollama serve")


@pytest.mark.parametrize("silent", [False, True])
async def test_words_find_while_the_query_cannot_be_embedded(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr(ranking, "QUERY_SECONDS", 0.05)
    # Tags of neither: a tag "cat" would say "tabby" in other words.
    analyzer = Deaf(texts=("A tabby cat on a sofa.", "A wide beach under a blue sky."), tags=())
    analyzer.silent = silent
    library = await open_library(analyzer)
    await library.queue.start()
    for name, tone in (("a.png", 1), ("b.png", 2)):
        # One after the other: they get the texts in the order in which they are described.
        await add_all(library, draw_picture(name, tone))
        await settled(library)
    found = await library.search.run("tabby")
    assert [(hit.upload.filename, hit.score, hit.matched) for hit in found] == [("a.png", 1.0, ("tabby",))]
    assert found.note.startswith("Found by keyword only: ")
    assert ("within" in found.note) if silent else ("Start it with: ollama serve" in found.note)
    assert await library.search.run("zebra") == []


async def test_what_waits_is_found_by_its_name_and_tags(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    results = await add_all(library, draw_picture("lighthouse.png", 1), draw_picture("harbour.png", 2))
    first, _ = (result.upload.id for result in results if result.upload is not None)

    async def found(text: str) -> list[str]:
        return [hit.upload.filename for hit in await library.search.run(text)]

    assert await found("lighthouse") == ["lighthouse.png"]
    await library.tags.retag([first], add=["holiday"], albums=[], remove=[])
    assert await found("holiday lighthouse") == ["lighthouse.png"]
    await library.rename(first, "beacon.png")
    assert (await found("beacon"), await found("lighthouse")) == (["beacon.png"], [])
    await library.trash.put([first])
    assert (await found("beacon"), await found("harbour")) == ([], ["harbour.png"])


class Slow(ScriptedAnalyzer):
    """Takes longer to describe than one waits for the vector of a text."""

    slow = False

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        if self.slow:
            await asyncio.sleep(5 * ranking.QUERY_SECONDS)
        return await super().describe_image(picture, on_text)


async def test_a_picture_in_a_query_is_described_to_the_end(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "QUERY_SECONDS", 0.02)
    analyzer = Slow()
    library = await open_library(analyzer, workers=1)
    await add_all(library, draw_picture("a.png", 1))
    await library.queue.start()
    await settled(library)
    analyzer.slow = True
    found = await library.search.run(f"like:{draw_picture('b.png', 2)}")
    assert ([hit.upload.filename for hit in found], found.note) == (["a.png"], "")


async def test_where_there_are_no_words_none_are_said_to_be_used(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(ScriptedAnalyzer(describe_error=AnalyzerError("Nobody looks", "Later.")))
    found = await library.search.run(f"like:{draw_picture()}")
    assert (list(found), found.note) == ([], "Not searched by meaning: Nobody looks. Later.")


async def test_all_is_well_and_there_is_no_note(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    await add_all(library, draw_picture())
    await library.queue.start()
    await settled(library)
    found = await library.search.run("tabby")
    assert (len(found), found.note) == (1, "")


class Pets(ScriptedAnalyzer):
    """Three cats with the tag, and a sign; the query is far from the sign in meaning."""

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        self.described.append(picture)
        if len(self.described) == 4:
            return Description("A drawing with a few lines on white.", self.name, self.model, ("sign",), "NO PETS")
        return Description(
            f"A tabby cat, seen from near, number {len(self.described)}.", self.name, self.model, ("cat", "pet")
        )

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        return await self.embed_query("pets") * (1 if "cat" in text else -1)


@pytest.mark.parametrize("query", ["pets", "no pets", "PETS"])
async def test_what_was_read_comes_before_what_merely_has_the_tag(
    open_library: OpenLibrary, draw_picture: DrawPicture, query: str
) -> None:
    library = await open_library(Pets(), workers=1)
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(4)))
    await library.queue.start()
    await settled(library)
    # Also what is below the cut-off: those that hold only one of the words.
    found = await library.search.run(query, all=True)
    assert found[0].upload.read_text == "NO PETS"
    assert len(found) == 4
    assert all(0 < hit.score <= 1 for hit in found)
    assert found[1].upload.tags == ("cat", "pet")
