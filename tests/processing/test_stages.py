"""Slots of each stage, the text on its way, and the second attempt at a poor description."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, being_described, settled, until
from tests.doubles import GOOD_TEXT, ScriptedAnalyzer
from tests.processing.conftest import OpenLimited
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, ServerDownError
from vuemantics_tui.domain.media import LookSize, SmallPicture
from vuemantics_tui.domain.upload import ProcessingStage, Upload
from vuemantics_tui.library import Library, StageLimits
from vuemantics_tui.processing.pipeline import HeldSlots, Slots
from vuemantics_tui.store.database import Database

POOR = "cat cat cat cat"
SHORT = "A cat on a sofa."


async def added(library: Library, *files: Path) -> list[str]:
    """Add files; returns the IDs of their uploads."""
    return [result.upload.id for result in await add_all(library, *files) if result.upload]


async def get(library: Library, upload_id: str) -> Upload:
    """Get an upload, which must be there."""
    upload = await library.uploads.get(upload_id)
    assert upload is not None
    return upload


async def stages(library: Library) -> list[str]:
    """The stages of all uploads, oldest first."""
    return [upload.stage.value for upload in reversed(await library.uploads.newest())]


@pytest.mark.parametrize(
    ("limits", "in_flight"), [((2, 2, 2), 4), ((1, 1, 1), 2), ((9, 9, 9), 11), ((2, 1, 3), 6), ((4, 1, 1), 6)]
)
def test_so_many_are_on_their_way_that_every_stage_can_be_busy(limits: tuple[int, int, int], in_flight: int) -> None:
    assert StageLimits(*limits).in_flight == in_flight


async def test_what_waits_for_a_slot_says_waiting_and_is_held(
    open_limited: OpenLimited, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_limited(analyzer, StageLimits(1, 1, 2))
    ids = await added(library, *(draw_picture(f"{number}.png", number) for number in range(6)))
    await library.queue.start()

    async def one_is_described_and_three_wait() -> bool:
        thumbnails = [upload.thumbnail_path for upload in await library.uploads.newest()]
        return (
            (library.queue.in_flight, library.queue.running_here) == (4, 1)
            and sum(path is not None for path in thumbnails) == 4
            and await stages(library) == ["vision_analysis", *["queued"] * 5]
            and analyzer.reached.is_set()
        )

    await until(one_is_described_and_three_wait)
    assert len(analyzer.described) == 1
    second = await get(library, ids[1])
    assert (second.word, second.progress_percent, second.attempts) == ("waiting", 0, 1)
    assert analyzer.gate is not None
    analyzer.gate.set()
    await settled(library)
    assert await stages(library) == ["completed"] * 6
    assert [str(picture).split("/")[-2] for picture in analyzer.described] == ids, "first come, first served"


async def test_embedding_has_slots_of_its_own(open_limited: OpenLimited, draw_picture: DrawPicture) -> None:
    analyzer = ScriptedAnalyzer(embed_gate=asyncio.Event())
    library = await open_limited(analyzer, StageLimits(1, 1, 2))
    await added(library, *(draw_picture(f"{number}.png", number) for number in range(4)))
    await library.queue.start()

    async def all_described() -> bool:
        return all(upload.description for upload in await library.uploads.newest())

    await until(all_described)
    assert sorted(await stages(library)) == [*["embedding_generation"] * 2, *["queued"] * 2]
    assert len(analyzer.embedded) == 2
    assert analyzer.embed_gate is not None
    analyzer.embed_gate.set()
    await settled(library)
    assert await stages(library) == ["completed"] * 4


async def test_one_that_is_cancelled_while_it_waits_for_a_slot_takes_none(
    open_limited: OpenLimited, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_limited(analyzer, StageLimits(1, 1, 1))
    ids = await added(library, *(draw_picture(f"{number}.png", number) for number in range(3)))
    await library.queue.start()

    # Either of the first two may have been faster.
    async def waiting() -> list[str]:
        described = {str(picture).split("/")[-2] for picture in analyzer.described}
        have_thumbnails = [each for each in ids if (await get(library, each)).thumbnail_path is not None]
        return [each for each in have_thumbnails if each not in described] if described else []

    async def one_waits() -> bool:
        return bool(await waiting())

    await until(one_waits)
    (cancelled,) = await waiting()
    assert await library.queue.cancel([cancelled]) == [cancelled]
    assert analyzer.gate is not None
    analyzer.gate.set()
    await settled(library)
    assert await stages(library) == ["failed" if each == cancelled else "completed" for each in ids]
    assert cancelled not in {str(picture).split("/")[-2] for picture in analyzer.described}


async def test_no_slot_is_lost_whatever_becomes_of_the_runs(
    open_limited: OpenLimited, draw_picture: DrawPicture
) -> None:
    errors: dict[int, Exception] = {1: AnalyzerError("no"), 2: RuntimeError("no"), 3: MemoryError()}
    analyzer = ScriptedAnalyzer(describe_errors=errors, embed_errors={1: AnalyzerError("no")})
    library = await open_limited(analyzer, StageLimits(1, 1, 1))
    await added(library, *(draw_picture(f"{number}.png", number) for number in range(8)))
    await library.queue.start()
    await settled(library)
    counts = await library.queue.store.counts()
    assert (counts.failed, counts.completed) == (4, 4)


async def test_held_slots_are_given_back_once() -> None:
    slot, held = Slots(1), HeldSlots()
    assert await held.take_if_free(slot)
    assert not await held.take_if_free(slot)
    held.give_back(slot)
    held.give_back_all()
    await held.take(slot)
    held.give_back_all()
    assert await held.take_if_free(slot)
    assert slot.locked()


async def test_one_upload_by_itself_costs_no_more_transactions_than_it_has_stages(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = await open_library()
    (upload_id,) = await added(library, draw_picture())
    upload = await get(library, upload_id)
    begun: list[str] = []

    def count(name: str) -> None:
        whole = getattr(Database, name)

        def counted(*given: object, **more: object) -> object:
            begun.append(name)
            return whole(*given, **more)

        monkeypatch.setattr(Database, name, counted)

    count("transaction")
    count("write")
    await library.process_upload_background(upload.id, upload.user_id, upload.file_type, upload.extension)
    # The claim; the thumbnail begun and done; the description done; the end.
    assert len(begun) == 5


async def test_the_text_is_seen_while_it_is_written_and_gone_at_the_end(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer)
    (upload_id,) = await added(library, draw_picture())
    assert library.queue.texts.get(upload_id) is None
    await library.queue.start()
    await being_described(library, analyzer)
    assert library.queue.texts.get(upload_id) == GOOD_TEXT[: len(GOOD_TEXT) // 2]
    assert analyzer.gate is not None
    analyzer.gate.set()
    await settled(library)

    async def has_ended() -> bool:
        return library.queue.in_flight == 0

    await until(has_ended)
    assert library.queue.texts.get(upload_id) is None


async def test_the_text_of_a_video_is_seen_too(open_library: OpenLibrary, draw_clip: Callable[[], Path]) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer)
    (upload_id,) = await added(library, draw_clip())
    await library.queue.start()
    await being_described(library, analyzer)
    assert library.queue.texts.get(upload_id)
    assert library.queue.frames.get(upload_id) is not None


@pytest.mark.parametrize(
    ("texts", "kept", "warning"),
    [
        ((POOR, GOOD_TEXT), GOOD_TEXT, None),
        ((POOR, "<| " + GOOD_TEXT), "<| " + GOOD_TEXT, "quality 50: contains the control token '<|'"),
        (("<| " + GOOD_TEXT, POOR), "<| " + GOOD_TEXT, "quality 50: contains the control token '<|'"),
        (("dog dog dog dog", POOR), "dog dog dog dog", "quality 35: shorter than 50 characters"),
    ],
)
async def test_a_poor_description_gets_one_more_attempt_and_the_better_one_is_kept(
    open_library: OpenLibrary, draw_picture: DrawPicture, texts: tuple[str, ...], kept: str, warning: str | None
) -> None:
    analyzer = ScriptedAnalyzer(texts=texts, deterministic=False)
    library = await open_library(analyzer)
    (upload_id,) = await added(library, draw_picture())
    await library.queue.start()
    await settled(library)
    upload = await get(library, upload_id)
    assert (upload.status, upload.description, upload.warning) == ("completed", kept, warning)
    assert len(analyzer.described) == 2
    assert len(await library.descriptions.of(upload.number)) == 1
    events = await library.history.of(upload.number)
    assert [event.kind for event in events] == ["added", "thumbnail", "checked", "described", "completed"]
    assert events[2].message.startswith("quality ")


@pytest.mark.parametrize(("text", "deterministic"), [(POOR, True), (SHORT, False), (GOOD_TEXT, False)])
async def test_no_second_attempt_where_it_passed_or_would_be_the_same(
    open_library: OpenLibrary, draw_picture: DrawPicture, text: str, deterministic: bool
) -> None:
    analyzer = ScriptedAnalyzer(text=text, deterministic=deterministic)
    library = await open_library(analyzer)
    await added(library, draw_picture())
    await library.queue.start()
    await settled(library)
    assert len(analyzer.described) == 1


async def test_a_second_attempt_that_fails_leaves_the_first(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    error = AnalyzerError("overloaded", "", ErrorKind.TRANSIENT)
    analyzer = ScriptedAnalyzer(text=POOR, deterministic=False, describe_errors={2: error})
    library = await open_library(analyzer)
    (upload_id,) = await added(library, draw_picture())
    await library.queue.start()
    await settled(library)
    upload = await get(library, upload_id)
    assert (upload.status, upload.description, upload.description_audit_score) == ("completed", POOR, 35)


async def test_a_server_that_goes_away_before_the_second_attempt_is_waited_for(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(
        texts=(POOR, POOR, GOOD_TEXT), deterministic=False, describe_errors={2: ServerDownError("scripted", "away")}
    )
    library = await open_library(analyzer)
    (upload_id,) = await added(library, draw_picture())
    await library.queue.start()
    await settled(library)
    upload = await get(library, upload_id)
    assert (upload.description, upload.attempts, upload.stage) == (GOOD_TEXT, 1, ProcessingStage.COMPLETED)


async def test_who_asks_for_pixels_gets_those_that_were_decoded_once_and_anybody_else_the_file(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(texts=(POOR, GOOD_TEXT), deterministic=False, look_size=LookSize(100))
    library = await open_library(analyzer)
    (upload_id,) = await added(library, draw_picture(size=(640, 480)))
    await library.queue.start()
    await settled(library)
    assert (await get(library, upload_id)).description == GOOD_TEXT
    first, second = analyzer.described
    assert isinstance(first, SmallPicture)
    assert (first.width, first.height, len(first.rgb)) == (160, 120, 160 * 120 * 3)
    assert second == first, "the second attempt decodes nothing either"
    analyzer.look_size = None
    await library.queue.retry([upload_id])
    await settled(library)
    assert isinstance(analyzer.described[2], Path)
