"""The app owns the processing: it launches, survives, and gives back what runs when it leaves."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from textual.app import ComposeResult
from textual.worker import Worker, WorkerFailed, WorkerState

from tests.ui.conftest import PATIENCE_SECONDS, Window, add, open_library_at, window_on
from vuemantics_tui.domain.upload import ProcessingStatus
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.screens.ask import ConfirmScreen
from vuemantics_tui.ui.uploads.screen import UploadsScreen

Draw = Callable[..., Path]


def processing(window: Window) -> list[Worker[object]]:
    return [worker for worker in window.app.workers if worker.group == "processing"]


async def statuses(root: Path) -> list[ProcessingStatus]:
    """What the store says once the window is gone."""
    library = await open_library_at(root)
    try:
        return [upload.status for upload in await library.uploads.newest()]
    finally:
        await library.close()


async def test_paths_given_are_added_and_processed(root: Path, draw: Draw) -> None:
    folder = draw("one.png").parent
    draw("two.png", "pictures/deeper")
    async with window_on(root, process=True, named=[folder]) as window:
        await window.shows("2 uploads", "2 completed", "one.png", "two.png")


async def test_with_a_wrong_analyzer_the_library_is_there_and_the_reason_is_told(root: Path, draw: Draw) -> None:
    library = await open_library_at(root)
    await add(library, draw("one.png"))
    await library.close()
    async with window_on(root, process=True, errors=True, analyzer="openai") as window:
        await window.shows("one.png", "The analyzer openai needs")
        await window.press("H")
        await window.until(lambda: "one.png" not in window.text())


async def test_each_upload_runs_in_a_worker_of_the_app_named_after_it(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True, gate=False) as window:
        [upload_id] = await add(window.library, draw("one.png"))
        await window.until(lambda: window.analyzer.begun == 1)
        [worker] = processing(window)
        assert worker.name == upload_id
        assert worker.node is window.app
        await window.shows("◐ one.png", "describing", "1 running")
        await window.press("r")
        await window.shows("is already being processed")
        window.analyzer.gate.set()
        await window.shows("one.png", "1 completed")


async def test_a_file_that_cannot_be_decoded_fails_and_the_app_goes_on(root: Path, draw: Draw) -> None:
    broken = draw("broken.png")
    broken.write_bytes(broken.read_bytes()[:60])
    async with window_on(root, process=True, errors=True) as window:
        window.analyzer.describe_image = refuse_all  # type: ignore[method-assign, assignment]
        await add(window.library, broken)
        await window.shows("✗ broken.png", "failed", "1 failed")
        assert window.app.is_running


async def refuse_all(picture: object) -> None:
    raise ValueError("what is this")


async def test_a_worker_that_raises_never_ends_the_app(root: Path) -> None:
    async with window_on(root, errors=True) as window:
        await window.shows("This library is empty")

        async def raise_at_once() -> None:
            raise RuntimeError("a defect in the pipeline")

        running = window.app.launch_worker("some-id", raise_at_once)
        with pytest.raises(WorkerFailed, match="a defect in the pipeline"):
            await running.wait()
        await window.pilot.pause()
        assert window.app.is_running


async def test_a_launched_worker_can_be_cancelled_before_its_first_step(root: Path) -> None:
    async with window_on(root) as window:
        begun = False

        async def begin() -> None:
            nonlocal begun
            begun = True

        running = window.app.launch_worker("some-id", begin)
        running.cancel()
        await running.wait()
        assert not begun


async def test_quit_leaves_at_once_where_nothing_is_left_to_do(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True) as window:
        await window.shows("This library is empty")
        await window.press("q")
        await window.until(lambda: not window.app.is_running)


async def test_quit_with_work_asks_and_stays(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True, gate=False) as window:
        await add(window.library, draw("1.png"), draw("2.png"))

        async def one_waits_for_the_other() -> bool:
            uploads = await window.library.uploads.newest()
            return all(upload.thumbnail_path for upload in uploads) and window.library.queue.running_here == 1

        await window.until(one_waits_for_the_other)
        await window.shows("1 running", "1 waiting")
        await window.press("q")
        await window.shows("Quit?", "1 in progress", "1 upload in the queue", "Enter stay")
        await window.press("enter")
        await window.until(lambda: not isinstance(window.app.screen, ConfirmScreen))
        assert all(worker.state is WorkerState.RUNNING for worker in processing(window))


@pytest.mark.parametrize("keys", [("q", "y"), ("ctrl+c", "ctrl+c"), ("ctrl+q", "y")])
async def test_quit_with_work_releases_what_runs(root: Path, draw: Draw, keys: tuple[str, str]) -> None:
    async with window_on(root, process=True, gate=False) as window:
        await add(window.library, draw("1.png"), draw("2.png"))
        await window.until(lambda: window.analyzer.begun == 1)
        await window.press(keys[0])
        await window.shows("Quit?")
        await window.press(keys[1])
        await window.until(lambda: not window.app.is_running)
        assert {upload.status for upload in await window.library.uploads.newest()} == {ProcessingStatus.PENDING}
    assert await statuses(root) == [ProcessingStatus.PENDING] * 2


async def test_an_exit_of_any_kind_gives_back_what_runs(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True, gate=False) as window:
        await add(window.library, draw("1.png"))
        await window.until(lambda: window.analyzer.begun == 1)
        window.app.exit()
        await window.until(lambda: not window.app.is_running)
    assert await statuses(root) == [ProcessingStatus.PENDING]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
async def test_a_signal_stops_cleanly_without_asking(root: Path, draw: Draw, name: str) -> None:
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"no {name} here")
    async with window_on(root, process=True, gate=False) as window:
        await add(window.library, draw("1.png"))
        await window.until(lambda: window.analyzer.begun == 1)
        os.kill(os.getpid(), number)
        await window.until(lambda: not window.app.is_running)
        assert window.app.return_code == 0
    assert await statuses(root) == [ProcessingStatus.PENDING]
    assert not asyncio.get_running_loop().remove_signal_handler(number), "the handler goes with the app"


async def test_an_app_that_cannot_show_its_first_screen_ends_without_a_traceback(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(screen: UploadsScreen) -> ComposeResult:
        raise RuntimeError("a defect at the start")
        yield

    monkeypatch.setattr(UploadsScreen, "compose", fail)
    library = await open_library_at(root)
    try:
        app = VuemanticsApp(library)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await app.run_async(headless=True)
    finally:
        await library.close()
    assert app.return_code == 1
    assert capfd.readouterr() == ("", "")
    assert "a defect at the start" in caplog.text


CRASHING = """
import vuemantics_tui.cli
from vuemantics_tui.ui.uploads.screen import UploadsScreen
def compose(screen):
    raise RuntimeError("a defect")
    yield
UploadsScreen.compose = compose
vuemantics_tui.cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_crash_leaves_the_terminal_clean_and_says_one_sentence(tmp_path: Path) -> None:
    folders = {name: str(tmp_path / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    environment = {**os.environ, **folders, "TERM": "xterm-256color", "VUEMANTICS_LIBRARY": str(tmp_path / "library")}
    process = pexpect.spawn(sys.executable, ["-c", CRASHING], env=environment, timeout=120, dimensions=(24, 200))
    sent = process.read().decode()
    process.close()
    assert process.exitstatus == 1
    _, left, rest = sent.rpartition("\x1b[?1049l")
    assert left, "the other screen of the terminal was left"
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l"), "the cursor is shown again"
    assert "Traceback" not in sent
    words = re.sub(r"\x1b[\[\]>=()][0-9;?<>u]*[a-zA-Z]?", "", rest).strip()
    assert re.fullmatch(r"Error: The app stopped because of a bug\. Details are in the log: \S+\.log", words)
    assert "a defect" in Path(words.rpartition(" ")[2]).read_text("utf-8")


async def test_deleting_what_runs_stops_it(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True, gate=False) as window:
        await add(window.library, draw("1.png"))
        await window.until(lambda: window.analyzer.begun == 1)
        await window.shows("describing")
        await window.press("d")
        await window.shows("This library is empty")
        await window.until(lambda: not processing(window))
