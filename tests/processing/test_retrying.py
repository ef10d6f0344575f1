"""How long an attempt waits, and that a failure which may pass is tried three times in all."""

from __future__ import annotations

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled, until
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind
from vuemantics_tui.processing import pipeline
from vuemantics_tui.processing.pipeline import retry_delay

BUSY = AnalyzerError("the server is overloaded", "Wait.", ErrorKind.TRANSIENT)


def low(low: float, _high: float) -> float:
    """The least jitter."""
    return low


def high(_low: float, high: float) -> float:
    """The most jitter."""
    return high


@pytest.mark.parametrize(("attempts", "least", "most"), [(1, 1.5, 2.5), (2, 3.0, 5.0), (3, 6.0, 10.0), (9, 60.0, 60.0)])
def test_the_pause_doubles_with_jitter_up_to_a_minute(attempts: int, least: float, most: float) -> None:
    assert retry_delay(attempts, None, low) == least
    assert retry_delay(attempts, None, high) == most
    assert least <= retry_delay(attempts) <= most


@pytest.mark.parametrize(("asked", "waits"), [(None, 2.5), (0.0, 2.5), (1.0, 2.5), (30.0, 30.0), (7200.0, 600.0)])
def test_what_a_server_asks_for_is_the_least_within_reason(asked: float | None, waits: float) -> None:
    assert retry_delay(1, asked, high) == waits


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float | None]]:
    """The pauses that were asked for; each is over at once."""
    asked: list[tuple[int, float | None]] = []

    def at_once(attempts: int, retry_after: float | None = None) -> float:
        asked.append((attempts, retry_after))
        return 0.0

    monkeypatch.setattr(pipeline, "retry_delay", at_once)
    return asked


async def test_a_failure_that_passes_is_tried_again_without_a_key_pressed(
    open_library: OpenLibrary, draw_picture: DrawPicture, delays: list[tuple[int, float | None]]
) -> None:
    asks = AnalyzerError("429", "", ErrorKind.TRANSIENT, retry_after=7.0)
    library = await open_library(ScriptedAnalyzer(describe_errors={1: BUSY}, embed_errors={1: asks}))
    (result,) = await add_all(library, draw_picture())
    await library.queue.start()
    await settled(library)
    assert result.upload is not None
    upload = await library.uploads.get(result.upload.id)
    assert upload is not None
    assert (upload.status, upload.error_message, upload.hint) == ("completed", None, None)
    assert delays == [(1, None), (2, 7.0)]
    kinds = [event.kind for event in await library.history.of(upload.number)]
    assert kinds == ["added", "thumbnail", "trying again", "thumbnail", "described", "trying again", "completed"]


async def test_after_the_third_attempt_it_fails_with_its_message(
    open_library: OpenLibrary, draw_picture: DrawPicture, delays: list[tuple[int, float | None]]
) -> None:
    analyzer = ScriptedAnalyzer(describe_error=BUSY)
    library = await open_library(analyzer)
    (result,) = await add_all(library, draw_picture())
    await library.queue.start()
    await settled(library)
    assert result.upload is not None
    upload = await library.uploads.get(result.upload.id)
    assert upload is not None
    assert (upload.status, upload.error_kind, upload.attempts) == ("failed", "transient", 3)
    assert upload.error_message == "AI processing failed: the server is overloaded"
    assert (len(analyzer.described), len(delays)) == (3, 2)
    analyzer.describe_error = None
    assert await library.queue.retry_group("the server is overloaded") == [upload.id]
    await settled(library)
    assert await library.queue.store.failure_groups() == []
    assert (await library.queue.store.counts()).completed == 1


async def test_a_permanent_failure_is_one_at_once(
    open_library: OpenLibrary, draw_picture: DrawPicture, delays: list[tuple[int, float | None]]
) -> None:
    analyzer = ScriptedAnalyzer(describe_error=AnalyzerError("not found", "Pull it.", missing_model="eyes:3b"))
    library = await open_library(analyzer)
    await add_all(library, draw_picture("a.png", 1), draw_picture("b.png", 2))
    await library.queue.start()
    await settled(library)
    (group,) = await library.queue.store.failure_groups()
    assert (group.count, group.missing_model, group.hint, group.kind) == (2, "eyes:3b", "Pull it.", "permanent")
    assert (len(analyzer.described), delays) == (2, [])


async def test_what_waits_for_its_next_attempt_says_so_in_another_window_and_survives_this_one(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    here, there = await open_library(ScriptedAnalyzer(describe_errors={1: BUSY})), await open_library()
    (result,) = await add_all(here, draw_picture())
    assert result.upload is not None
    upload_id = result.upload.id
    await here.queue.start()

    async def put_off() -> bool:
        upload = await there.uploads.get(upload_id)
        return upload is not None and upload.retry_at is not None

    await until(put_off)
    await here.queue.stop()
    upload = await there.uploads.get(upload_id)
    assert upload is not None
    assert (upload.word, upload.attempts) == ("waiting", 1)
    assert upload.error_message == "AI processing failed: the server is overloaded"
    assert await there.queue.run_next([upload_id]) == 1
    await there.queue.start()
    await settled(there)
    assert (await there.queue.store.counts()).completed == 1
