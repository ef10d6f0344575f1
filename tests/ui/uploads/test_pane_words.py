"""What the pane says of an upload."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.ui.conftest import NOW
from tests.ui.uploads.pane_stage import in_utc
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.text import ago_words, date_words
from vuemantics_tui.domain.upload import ProcessingStage, ProcessingStatus, Upload, UploadEvent
from vuemantics_tui.library import SearchHit
from vuemantics_tui.ui.uploads import pane_words as words
from vuemantics_tui.ui.uploads.pane import chip_lines, fact_lines

__all__ = ["in_utc"]


def upload(**facts: Any) -> Upload:
    given: dict[str, Any] = {
        "number": 1, "id": "i", "filename": "f.jpg", "file_type": FileType.IMAGE, "file_size": 1_000_000,
        "status": ProcessingStatus.COMPLETED, "stage": ProcessingStage.COMPLETED, "progress_percent": 100,
        "error_message": None, "error_kind": None, "warning": None, "created_at": NOW.isoformat(),
        "mime_type": "image/jpeg",
    }  # fmt: skip
    return Upload(**(given | facts))


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(0), "just now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=8), date_words(NOW - timedelta(days=8))),
    ],
)
def test_ages_read_as_the_end_of_a_sentence(age: timedelta, told: str) -> None:
    assert ago_words((NOW - age).isoformat(), NOW) == told


def test_a_clip_says_how_long_it_is() -> None:
    clip = upload(mime_type="video/mp4", duration=3.2, width=320, height=568)
    assert words.facts_words(clip, NOW) == "320 × 568 · 1.0 MB · MP4 · 0:03 · added just now"


def test_an_animation_says_how_many_frames_it_has() -> None:
    moving = upload(mime_type="image/webp", width=320, height=240, metadata={"frames": 1200})
    assert words.facts_words(moving, NOW) == "320 × 240 · 1.0 MB · WebP · 1,200 frames · added just now"


def test_the_camera_is_named_once() -> None:
    assert words.camera_words(upload(metadata={"camera_make": "Canon", "camera_model": "Canon EOS"})) == "Canon EOS"
    assert words.camera_words(upload(metadata={"camera_make": "NIKON", "camera_model": "E900"})) == "NIKON E900"
    assert words.camera_words(upload(metadata={"camera_model": 900})) == "900"
    assert words.camera_words(upload()) == ""


@pytest.mark.parametrize(("score", "colour"), [(100, "$success"), (80, "$success"), (79, "$warning"), (59, "$error")])
def test_the_quality_has_the_colour_of_its_score_and_its_findings(score: int, colour: str) -> None:
    content = words.quality_words(
        upload(description_audit_score=score, description_audit_findings=("shorter than 50 characters",), model="m")
    )
    assert content.plain == f"quality {score}   described by m\n! shorter than 50 characters"
    assert f"bold {colour}" in [span.style for span in content.spans]


@pytest.mark.usefixtures("in_utc")
def test_history_names_the_day_where_it_is_not_today() -> None:
    yesterday = (NOW - timedelta(days=1)).isoformat()
    history = [UploadEvent(yesterday, "added", "/x"), UploadEvent(NOW.isoformat(), "retried", ""),
               UploadEvent(NOW.isoformat(), "failed", "m (cancelled, in thumbnail)")]  # fmt: skip
    assert words.history_words(history, NOW).plain.splitlines() == [
        "History", "3 May 2026", "12:00:00  added", "4 May 2026", "12:00:00  retrying", "12:00:00  cancelled",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "message", "told"),
    [
        ("trying again", "in 4 s: AI processing failed: Ollama is busy", "retries in 4 s"),
        ("put back", "Ollama at http://x does not answer", "put back: Ollama at http://x does not answer"),
        ("checked", "quality 40: shorter than 50 characters; describing again", "checked, quality 40; described again"),
        ("chosen", "ollama llava", "chosen: ollama llava"),
        ("chosen", "", "chosen"),
        ("edited", "", "edited by hand"),
    ],
)
def test_each_kind_of_event_has_its_words(kind: str, message: str, told: str) -> None:
    assert words.event_words(UploadEvent(NOW.isoformat(), kind, message)) == told


@pytest.mark.parametrize(("seconds", "told"), [(11.2, "in 12 s"), (0.0, "now"), (-5.0, "now")])
def test_what_waits_for_its_next_attempt_says_when_and_why(seconds: float, told: str) -> None:
    waiting = upload(
        status=ProcessingStatus.PENDING,
        stage=ProcessingStage.QUEUED,
        error_message="AI processing failed: Ollama is busy",
        retry_at=NOW.timestamp() + seconds,
    )
    assert words.retry_words(waiting, NOW).plain == f"· waiting, retries {told}\nOllama is busy"


def test_a_finding_that_the_warning_says_is_not_said_twice() -> None:
    weak = {"description_audit_score": 40, "description_audit_findings": ("too short", "repeats itself")}
    assert words.quality_words(upload(**weak)).plain == "quality 40\n! too short\n! repeats itself"
    warned = upload(**weak, warning="quality 40: too short")
    assert words.quality_words(warned).plain == "quality 40\n! repeats itself"


def test_what_a_person_wrote_says_so() -> None:
    mine = upload(description_audit_score=90, analyzer="edited by hand", edited=True)
    assert words.quality_words(mine).plain == "quality 90   edited by hand"


def test_chips_are_not_broken_in_two() -> None:
    assert chip_lines(("cat", "natural landscape", "x"), 20) == [[" cat "], [" natural landscape "], [" x "]]
    assert chip_lines(("cat", "dog", "x"), 11) == [[" cat ", " dog "], [" x "]]
    assert chip_lines(("an endless tag",), 8) == [[" an en… "]]


def test_a_guess_names_what_guessed_and_not_its_parts() -> None:
    guess = {"guessed": True, "analyzer": "builtin", "model": "efficientnet-lite2", "description_seconds": 2.2}
    assert words.quality_words(upload(**guess)).plain == "guessed by builtin in 2.2 s"
    assert words.quality_words(upload(**guess, tagged_by="vit-b-32")).plain == "guessed by vit-b-32"
    described = {"analyzer": "ollama", "model": "llava", "tagged_by": "vit-b-32"}
    assert words.quality_words(upload(**described)).plain == "described by llava"


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (60, ["451 × 300 · 221 KB · PNG · 1 h ago", "taken 3 Jun 2024, from the file's own time"]),
        (29, ["451 × 300 · 221 KB · PNG", "1 h ago", "taken 3 Jun 2024, from the file's own time"]),
        (12, ["451 × 300", "221 KB · PNG", "1 h ago", "taken 3 Jun 2024, from the file's own time"]),
    ],
)
def test_facts_break_between_facts(width: int, lines: list[str]) -> None:
    facts = "451 × 300 · 221 KB · PNG · 1 h ago\ntaken 3 Jun 2024, from the file's own time"
    assert fact_lines(facts, width) == lines


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ({"words_share": 1.0}, "found by words"),
        ({"words_share": 0.6, "meaning_share": 0.4}, "found by words 60 % · meaning 40 %"),
        ({"looks_share": 1.0, "second": 75.0}, "found by looks, at 1:15"),
        ({}, ""),
    ],
)
def test_why_it_was_found_is_a_sentence(shares: dict[str, Any], told: str) -> None:
    assert words.why_words(SearchHit(upload=upload(), score=1.0, **shares)).plain == told
