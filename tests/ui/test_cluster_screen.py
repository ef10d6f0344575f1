"""The screen of the cluster: workers and what they do, who is left out and why, what was lost, a cluster offline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.ui.conftest import window_on
from vuemantics_tui.library import ClusterState, MemberState
from vuemantics_tui.processing.compute.bench import Facts
from vuemantics_tui.ui.screens.cluster import ClusterScreen, cluster_lines, cluster_title
from vuemantics_tui.ui.uploads.queue_bar import cluster_words

FACTS = Facts(
    "1.0", "3.11", "models", (), running=2, pictures=40, bytes=9, pictures_per_second=3.25, bytes_per_second=2e6
)
STATE = ClusterState(
    "tcp://here:8786",
    connected=True,
    waits=False,
    members=(
        MemberState("attic", "tcp://attic:1", 4, ("GPU",), FACTS, in_flight=3, bytes_in_flight=3_000_000),
        MemberState("cellar", "tcp://cellar:1", 1, (), replace(FACTS, running=0), trouble="it has vuemantics-tui 0.9"),
    ),
    lost=2,
    lost_workers=("barn",),
)


def test_each_worker_has_a_line_and_what_is_wrong_with_it() -> None:
    assert cluster_lines(STATE, 80).plain.split("\n") == [
        "  worker    threads  in flight  pictures/s  bytes/s",
        "● attic           4          2         3.2   2.0 MB",
        "  best at GPU",
        "! cellar          1          0         3.2   2.0 MB",
        "  left out: it has vuemantics-tui 0.9",
        "",
        "Lost and run again: 2 calls of barn",
    ]
    assert cluster_title(STATE) == "Cluster  tcp://here:8786  1 worker, 3 calls in flight (3.0 MB)"
    assert cluster_words(STATE) == ("1 worker, 1 left out", False)
    assert max(map(len, cluster_lines(STATE, 40).plain.split("\n"))) <= 54


def test_what_happens_meanwhile_is_said_of_a_cluster_that_is_away() -> None:
    away = replace(STATE, connected=False, trouble="the scheduler does not answer", members=(), lost=0)
    assert "This machine does the work" in cluster_lines(away, 80).plain
    assert "The queue waits" in cluster_lines(replace(away, waits=True), 80).plain
    assert cluster_words(replace(away, waits=True)) == ("waiting for the cluster", True)
    assert "vuemantics-tui worker tcp://here:8786" in cluster_lines(replace(STATE, members=()), 80).plain


async def test_a_cluster_that_is_away_shows_in_the_line_of_the_queue_and_on_its_screen(root: Path) -> None:
    # Nothing listens there.
    async with window_on(root, size=(100, 24), process=True, cluster="127.0.0.1:9") as window:
        await window.shows("cluster offline, working here (%)")
        await window.press("%")
        await window.shows("Cluster  tcp://127.0.0.1:9", "○ Offline:", "This machine does the work.")
        await window.press("%")
        await window.until(lambda: not isinstance(window.app.screen, ClusterScreen))


async def test_without_a_cluster_the_screen_says_how_to_have_one(root: Path) -> None:
    async with window_on(root) as window:
        await window.press("G", "c")
        await window.shows("No cluster is set.", "vuemantics-tui worker tcp://scheduler:8786")


def test_what_to_do_without_a_cluster_breaks_where_the_window_ends() -> None:
    words = cluster_lines(None, 80).plain
    assert "Its workers then make thumbnails, descriptions and vectors." in words
