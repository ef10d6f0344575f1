"""Statuses, stages and their words."""

import pytest

from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.upload import (
    LEGAL_MOVES,
    RUNNING,
    STAGE_PERCENT,
    STAGE_STATUS,
    TERMINAL,
    ProcessingStage,
    ProcessingStatus,
    status_word,
)


def test_an_end_is_left_only_back_to_the_queue() -> None:
    for status in TERMINAL:
        assert LEGAL_MOVES[status] == {ProcessingStatus.PENDING}


def test_the_stages_in_order_never_lose_percent() -> None:
    percents = [STAGE_PERCENT[stage] for stage in ProcessingStage if stage in STAGE_PERCENT]
    assert percents == sorted(percents) == [0, 5, 10, 20, 50, 60, 90, 100]
    assert set(STAGE_STATUS) == set(ProcessingStage)


@pytest.mark.parametrize(
    ("stage", "kind", "frame", "word"),
    [
        (ProcessingStage.QUEUED, None, None, "waiting"),
        (ProcessingStage.EXTRACTING_FRAMES, None, (4, 10), "frame 4 of 10"),
        (ProcessingStage.VISION_ANALYSIS, None, (2, 3), "frame 2 of 3"),
        (ProcessingStage.VISION_ANALYSIS, None, None, "describing"),
        (ProcessingStage.EMBEDDING_GENERATION, None, (3, 3), "embedding"),
        (ProcessingStage.FAILED, ErrorKind.PERMANENT, None, "failed"),
        (ProcessingStage.FAILED, ErrorKind.CANCELLED, None, "cancelled"),
    ],
)
def test_one_word_for_one_state(
    stage: ProcessingStage, kind: ErrorKind | None, frame: tuple[int, int] | None, word: str
) -> None:
    assert status_word(stage, error_kind=kind, frame=frame) == word


def test_what_waits_may_go_straight_to_its_embedding_but_not_to_its_end() -> None:
    reach_embedding = {status for status, targets in LEGAL_MOVES.items() if ProcessingStatus.EMBEDDING in targets}
    assert reach_embedding == {ProcessingStatus.PENDING, *RUNNING}
    assert ProcessingStatus.COMPLETED not in LEGAL_MOVES[ProcessingStatus.PENDING]
    assert all(ProcessingStatus.PENDING in LEGAL_MOVES[status] for status in RUNNING)
