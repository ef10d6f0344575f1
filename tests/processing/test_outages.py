"""A server that goes away in the middle of the work: nothing fails, and it goes on when the server is back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled, until
from tests.doubles import ScriptedAnalyzer
from tests.processing.conftest import OpenLimited
from vuemantics_tui.analyzers.base import OnText, Picture, ignore_text
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import LibraryError, ServerDownError
from vuemantics_tui.library import IntakeResult, Library, StageLimits
from vuemantics_tui.processing import pipeline


def ids_of(results: Sequence[IntakeResult]) -> list[str]:
    """The IDs of what was added."""
    return [result.upload.id for result in results if result.upload]


async def away(library: Library) -> None:
    """Wait until the queue waits for the server, and nothing runs."""

    async def is_away() -> bool:
        return library.queue.circuit.outage is not None and library.queue.in_flight == 0

    await until(is_away)


@pytest.mark.parametrize("limits", [StageLimits(2, 2, 2), StageLimits(2, 1, 3)])
async def test_a_server_that_is_killed_in_the_middle_of_thirty_costs_none_of_them(
    open_limited: OpenLimited, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch, limits: StageLimits
) -> None:
    # Looks at the server come after tenths of seconds instead of seconds.
    monkeypatch.setattr("vuemantics_tui.processing.circuit.JITTER", (0.1, 0.1))

    class Mortal(ScriptedAnalyzer):
        async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
            self.down = self.down or len(self.described) == 12
            return await super().describe_image(picture, on_text)

    analyzer = Mortal()
    library = await open_limited(analyzer, limits)
    results = await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(30)))
    await library.queue.start()
    await away(library)
    outage = library.queue.circuit.outage
    assert outage is not None
    assert (outage.server, outage.hint) == ("scripted", "Start it.")
    counts = await library.queue.store.counts()
    assert (counts.failed, counts.running, counts.waiting + counts.completed) == (0, 0, 30)
    seen = len(analyzer.described)

    async def looked_at_twice() -> bool:
        return analyzer.looked_at >= 2

    await until(looked_at_twice)
    assert len(analyzer.described) == seen, "nothing is begun meanwhile"
    analyzer.down, analyzer.described = False, analyzer.described + [b""] * 100
    await settled(library)
    assert library.queue.circuit.outage is None
    uploads = [await library.uploads.get(upload_id) for upload_id in ids_of(results)]
    assert {(upload.status, upload.attempts) for upload in uploads if upload} == {("completed", 1)}


async def test_a_person_can_have_the_server_looked_at_now(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vuemantics_tui.processing.circuit.JITTER", (1e6, 1e6))
    analyzer = ScriptedAnalyzer(down=True)
    library = await open_library(analyzer)
    await add_all(library, draw_picture())
    await library.queue.start()
    await away(library)
    analyzer.down = False

    async def completed() -> bool:
        library.queue.circuit.look_now()
        return (await library.queue.store.counts()).completed == 1

    await until(completed)
    assert analyzer.looked_at == 1


async def test_a_server_that_only_embeds_being_away_costs_no_second_description(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    class Pair(ScriptedAnalyzer):
        async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
            self.described.append(picture)
            return Description(self.text, self.name, self.model, self.tags)

    analyzer = Pair(down=True)
    library = await open_library(analyzer)
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(6)))
    await library.queue.start()
    await away(library)
    assert await library.search.run("tabby"), "what is described is found"
    analyzer.down = False
    await settled(library)
    assert (await library.queue.store.counts()).completed == 6
    assert len(analyzer.described) == 6


async def test_a_picture_that_takes_the_server_down_itself_does_not_hold_up_the_queue_for_ever(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile(ScriptedAnalyzer):
        async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
            self.described.append(picture)
            if poison in str(picture):
                raise ServerDownError(self.name, "it dropped the connection")
            return Description(self.text, self.name, self.model, self.tags)

    monkeypatch.setattr("vuemantics_tui.processing.circuit.JITTER", (0.0, 0.0))
    monkeypatch.setattr(pipeline, "retry_delay", lambda _attempts, _retry_after: 0.0)
    library = await open_library(Fragile(), workers=1)
    results = await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(4)))
    poison = ids_of(results)[0]
    await library.queue.start()
    await settled(library)
    counts = await library.queue.store.counts()
    assert (counts.completed, counts.failed) == (3, 1)
    upload = await library.uploads.get(poison)
    assert upload is not None
    assert upload.error_message == "AI processing failed: it dropped the connection"

    async def server_is_back() -> bool:
        return library.queue.circuit.outage is None

    await until(server_is_back)


async def test_who_waits_with_patience_gives_up_and_everything_is_kept(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(down=True)
    library = await open_library(analyzer)
    feed = library.changes()
    await feed.skip_to_now()
    results = await add_all(library, draw_picture("a.png", 1), draw_picture("b.png", 2))
    mine = {result.upload.number for result in results if result.upload}
    await library.queue.start()
    with pytest.raises(LibraryError, match="scripted has been offline") as caught:
        async for _ in library.queue.ended(feed, mine, patience=0.0):
            pass
    assert "Nothing is lost" in caught.value.hint
    assert (await library.queue.store.counts()).failed == 0
    follower = asyncio.ensure_future(anext(aiter(library.queue.ended(feed, mine, patience=3600.0))))
    await away(library)
    analyzer.down = False
    ended = await follower
    assert ended is not None
    assert ended.status == "completed"


async def test_stopping_during_an_outage_and_starting_again(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(down=True)
    library = await open_library(analyzer)
    await add_all(library, draw_picture())
    await library.queue.start()
    await away(library)
    await library.queue.stop()
    counts = await library.queue.store.counts()
    assert (counts.waiting, counts.failed) == (1, 0)
    analyzer.down = False
    await library.queue.start()
    await settled(library)
    assert (await library.queue.store.counts()).completed == 1
