"""The way of one upload, with something failing at each step."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import DrawPicture, OpenLibrary, add_all, being_described, settled
from tests.doubles import GOOD_TEXT, ScriptedAnalyzer, ThreadCompute
from vuemantics_tui import paths
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import AnalyzerError, LibraryError, MediaError
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.domain.view import SortKey, View
from vuemantics_tui.library import Library
from vuemantics_tui.store.runs import RunStore

LONG = "x" * 900


async def process(library: Library, file: Path) -> Upload:
    """Add a file and process it by calling the background function by itself; returns what became of it."""
    (result,) = await add_all(library, file)
    assert result.upload is not None
    upload = result.upload
    await library.process_upload_background(upload.id, upload.user_id, upload.file_type, upload.extension)
    return await get(library, upload.id)


async def get(library: Library, upload_id: str) -> Upload:
    """Get an upload, which must be there."""
    upload = await library.uploads.get(upload_id)
    assert upload is not None
    return upload


async def test_a_guess_has_no_quality_and_comes_last_by_it(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(texts=(GOOD_TEXT, "cat cat cat cat"), text="cat cat cat cat")
    library = await open_library(analyzer=analyzer)
    good, poor = await process(library, draw_picture("good.png")), await process(library, draw_picture("poor.png"))
    analyzer.guesses = True
    guess = await process(library, draw_picture("guess.png"))
    assert (guess.guessed, guess.description_audit_score, guess.warning) == (True, None, None)
    (description,) = await library.descriptions.of(guess.number)
    assert (description.guessed, description.audit_score) == (True, None)
    found = [hit.upload.id for hit in await library.search.run("type:image sort:quality")]
    assert found == [good.id, poor.id, guess.id]
    listed = await library.uploads.in_view(View(SortKey.QUALITY))
    assert list(listed) == [good.number, poor.number, guess.number]


async def test_from_a_photo_to_a_find(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    upload = await process(library, draw_picture("cat.png", size=(640, 480)))
    assert (upload.status, upload.stage, upload.progress_percent) == ("completed", "completed", 100)
    assert (upload.description, upload.analyzer, upload.description_audit_score) == (GOOD_TEXT, "scripted", 100)
    thumbnail = library.absolute(upload.thumbnail_path)
    assert thumbnail is not None
    with Image.open(thumbnail) as picture:
        assert (picture.format, picture.size) == ("JPEG", (256, 192))
    assert [hit.upload.id for hit in await library.search.run("tabby")] == [upload.id]
    kinds = [event.kind for event in await library.history.of(upload.number)]
    assert kinds == ["added", "thumbnail", "described", "completed"]


async def test_a_thumbnail_that_fails_is_noted_and_the_upload_goes_on(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(compute=ThreadCompute({"first_look": MediaError("no pixels")}))
    upload = await process(library, draw_picture())
    assert (upload.status, upload.thumbnail_path) == ("completed", None)
    assert "no pixels" in (upload.warning or "")


async def test_metadata_that_fails_is_no_failure(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library(
        compute=ThreadCompute(dict.fromkeys(["first_look", "read_metadata"], MediaError("no header")))
    )
    assert (await process(library, draw_picture())).status == "completed"


async def test_an_error_of_the_analyzer_says_so_in_500_characters(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    error = AnalyzerError(LONG, "Run: something", missing_model="eyes:3b")
    upload = await process(await open_library(ScriptedAnalyzer(describe_error=error)), draw_picture())
    assert upload.error_message == "AI processing failed: " + "x" * 500
    assert (upload.status, upload.error_stage, upload.error_kind) == ("failed", "vision_analysis", "permanent")
    assert (upload.hint, upload.progress_percent, upload.missing_model) == ("Run: something", 20, "eyes:3b")


@pytest.mark.parametrize("error", [RuntimeError(LONG), MediaError(LONG), ValueError(LONG), KeyError(LONG)])
async def test_any_other_error_says_so_in_200_characters(
    open_library: OpenLibrary, draw_picture: DrawPicture, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    upload = await process(await open_library(ScriptedAnalyzer(describe_error=error)), draw_picture())
    assert upload.error_message == f"Processing failed: {str(error)[:200]}"
    assert upload.status == "failed"
    # Where the file is to blame, where in the program that was found out says nothing.
    told = [record for record in caplog.records if record.name == "vuemantics_tui.processing.pipeline"]
    assert any(record.exc_info for record in told) == (not isinstance(error, MediaError))
    assert any(str(error) in record.getMessage() for record in told if record.levelno == logging.WARNING) == (
        isinstance(error, MediaError)
    )


async def test_a_bug_leaves_the_uploads_to_be_retried_and_is_logged_once(
    open_library: OpenLibrary, draw_picture: DrawPicture, caplog: pytest.LogCaptureFixture
) -> None:
    bug = TypeError("open() got an unexpected keyword argument 'metadata_errors'")
    compute = ThreadCompute({"first_look": bug})
    library = await open_library(compute=compute)
    for number in range(3):
        upload = await process(library, draw_picture(f"{number}.png", number))
        assert (upload.status, upload.error_kind) == ("failed", "transient")
        assert upload.error_message == f"Processing failed: {bug}"
        assert upload.hint is not None
        assert upload.hint.startswith("This is a bug in vuemantics-tui")
        assert str(paths.log_file()) in upload.hint
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [bool(record.exc_info) for record in failures] == [True, False, False]
    compute.broken.clear()
    assert len(await library.queue.retry_failed()) == 3
    await library.queue.start()
    await settled(library)
    assert {each.status for each in await library.uploads.newest()} == {"completed"}


async def test_an_embedding_that_fails_keeps_the_description_and_its_words_findable(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(ScriptedAnalyzer(embed_error=AnalyzerError("NaN")))
    upload = await process(library, draw_picture())
    assert (upload.status, upload.error_stage, upload.description) == ("failed", "embedding_generation", GOOD_TEXT)
    assert [hit.upload.id for hit in await library.search.run("tabby")] == [upload.id]


async def test_a_poor_description_is_kept_with_its_score(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    upload = await process(await open_library(ScriptedAnalyzer(text="cat cat cat cat")), draw_picture())
    assert (upload.status, upload.description_audit_score) == ("completed", 35)
    assert upload.warning == "quality 35: shorter than 50 characters"


@pytest.mark.parametrize("step", ["advance", "finish_thumbnail", "finish_description", "complete"])
async def test_a_store_that_refuses_at_any_step_is_waited_for(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr("vuemantics_tui.processing.circuit.STORE_SECONDS", 0.01)
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    whole, refusals, seen = getattr(RunStore, step), [1, 2], []

    async def refuse_twice(*given: object, **named: object) -> object:
        outage = library.queue.circuit.outage
        seen.append(outage and outage.message)
        if refusals:
            refusals.pop()
            raise LibraryError("The disk is full", "Free some space.")
        return await whole(*given, **named)

    monkeypatch.setattr(RunStore, step, refuse_twice)
    upload = await process(library, draw_picture())
    assert (upload.status, upload.attempts, upload.error_message) == ("completed", 1, None)
    assert seen[:3] == [None, "The disk is full", "The disk is full"]
    assert library.queue.circuit.outage is None
    assert len(analyzer.described) == 1


@pytest.mark.parametrize("refusal", [RuntimeError("second"), LibraryError("The disk is full", "Free some space.")])
async def test_if_even_the_failure_cannot_be_recorded_that_is_logged_and_nothing_escapes(
    open_library: OpenLibrary,
    draw_picture: DrawPicture,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    refusal: Exception,
) -> None:
    library = await open_library(ScriptedAnalyzer(describe_error=RuntimeError("first")))

    async def refuse(*_: object, **__: object) -> None:
        raise refusal

    monkeypatch.setattr(RunStore, "fail", refuse)
    upload = await process(library, draw_picture())
    assert upload.status == "analyzing"
    assert any("could not be recorded" in record.message for record in caplog.records)


async def test_what_is_at_its_end_is_not_processed_again(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    upload = await process(library, draw_picture())
    await library.process_upload_background(upload.id, upload.user_id, upload.file_type, upload.extension)
    assert len(analyzer.described) == 1
    await library.process_upload_background("not there", upload.user_id, "image", "png")


@pytest.fixture
async def held(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> AsyncIterator[tuple[Library, ScriptedAnalyzer, Upload, asyncio.Task[None]]]:
    """An upload whose description is just being made, and waits at a gate."""
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer)
    (result,) = await add_all(library, draw_picture())
    upload = result.upload
    assert upload is not None
    task = asyncio.ensure_future(
        library.process_upload_background(upload.id, upload.user_id, upload.file_type, upload.extension)
    )
    await being_described(library, analyzer)
    yield library, analyzer, upload, task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


Held = tuple[Library, ScriptedAnalyzer, Upload, "asyncio.Task[None]"]


async def test_an_upload_deleted_while_it_is_processed_ends_quietly(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    library, analyzer, upload, task = held
    assert await library.trash.erase([upload.id]) == 1
    assert analyzer.gate is not None
    analyzer.gate.set()
    await task
    assert await library.uploads.get(upload.id) is None
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert list((library.root / "uploads").glob("*/*")) == []


async def test_a_cancelled_run_puts_its_upload_back_to_waiting(held: Held) -> None:
    library, _, upload, task = held
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    after = await get(library, upload.id)
    assert (after.status, after.stage, after.attempts) == ("pending", "queued", 0)


async def test_a_video_is_described_from_its_frames(open_library: OpenLibrary, draw_clip: Callable[[], Path]) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    upload = await process(library, draw_clip())
    assert (upload.status, upload.file_type, upload.width, upload.height) == ("completed", "video", 160, 120)
    assert upload.duration == pytest.approx(2.0, abs=0.2)
    assert upload.video_codec == "mpeg4"
    assert isinstance(analyzer.described[0], bytes)
    assert library.queue.frames.get(upload.id) is None


async def test_a_broken_body_is_an_upload_that_fails_with_its_reason(
    open_library: OpenLibrary, tmp_path: Path, draw_picture: DrawPicture
) -> None:
    whole = draw_picture("whole.jpg", size=(800, 600)).read_bytes()
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(whole[:600])
    library = await Library.open(Settings(library=tmp_path / "real", keep_free_mib=0, workers=1))
    try:
        await library.queue.start()
        await add_all(library, broken)
        await settled(library)
        (upload,) = await library.uploads.newest()
    finally:
        await library.close()
    assert upload.status == "failed"
    assert (upload.error_message or "").startswith("Processing failed: ")
    assert upload.hint
    assert upload.warning
