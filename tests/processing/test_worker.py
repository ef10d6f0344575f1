"""What a process of the pool may do, and what the program makes of one that is not what it was."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.conftest import until
from tests.processing import hostile
from vuemantics_tui import plain
from vuemantics_tui.domain.errors import MediaError, WorkerDiedError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.jobs import make_thumbnail
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.processing.compute.pool import MOST_ANSWER_BYTES
from vuemantics_tui.processing.worker import Answer, Raised

MIB = 1024**2

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's means")


@pytest.fixture
async def compute() -> AsyncIterator[ProcessCompute]:
    """A pool of one process with 512 MiB."""
    pool = ProcessCompute(1, 512 * MIB)
    yield pool
    await pool.close()


ANSWERS: dict[str, Callable[[Path], bytes]] = {
    "a pickle": hostile.pickled_harm,
    "a pickle, framed": lambda mark: hostile.framed(hostile.pickled_harm(mark)),
    "a pickle in place of the value": lambda mark: hostile.framed(plain.pack(Answer(hostile.pickled_harm(mark), None))),
    "no JSON": lambda _: hostile.framed(struct.pack("<I", 4) + b"\x00\x01\x02\x03"),
    "nothing": lambda _: hostile.framed(b""),
    "more than memory": lambda _: struct.pack("<Q", 2**63),
    "a little more than is taken": lambda _: struct.pack("<Q", MOST_ANSWER_BYTES + 1),
    "another type": lambda _: hostile.framed(plain.pack(Answer(plain.pack("seven"), None))),
    "no value": lambda _: hostile.framed(plain.pack(Answer(None, None))),
    "brackets": lambda _: hostile.framed(struct.pack("<I", 10**6) + b"[" * 10**6),
    "another shape": lambda _: hostile.framed(plain.pack({"value": None})),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_false_answer_is_an_error_and_no_more(compute: ProcessCompute, tmp_path: Path, name: str) -> None:
    mark = tmp_path / "harm"
    async with asyncio.timeout(30):
        with pytest.raises(WorkerDiedError, match="invalid answer") as caught:
            await compute.run(hostile.answer_with, ANSWERS[name](mark))
    assert caught.value.hint
    assert not mark.exists(), "nothing in it ran"
    assert await compute.run(hostile.take, 1) == MIB


@pytest.mark.parametrize("then", ["die", "close"])
async def test_half_an_answer_is_a_process_that_died(compute: ProcessCompute, then: str) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(WorkerDiedError, match="died"):
            await compute.run(hostile.answer_with, struct.pack("<Q", 1000) + b"half", then)
    assert await compute.run(hostile.take, 1) == MIB


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SystemExit", ()),
        ("eval", ("1 / 0",)),
        ("open", ("harm", "w")),
        ("no such", ("thing",)),
        ("Path", ("x",)),
        ("AnalyzerError", ()),
        ("AnalyzerError", (None, 3.5, "no kind", "soon", 1)),
        ("ServerDownError", ("only",)),
        ("VuemanticsError", (1, 2, 3)),
        ("UnicodeDecodeError", ("x",)),
        ("KeyboardInterrupt", ()),
    ],
)
def test_an_error_that_makes_no_sense_is_still_one(name: str, said: tuple[str | int | float | None, ...]) -> None:
    error = Raised(name, said, "where").rebuilt()
    assert isinstance(error, Exception)
    assert "where" in str(error.__cause__)


async def test_errors_of_libraries_come_back_as_what_they_are(compute: ProcessCompute) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        await compute.run(hostile.raise_it, "file")
    assert (missing.value.errno, missing.value.filename) == (2, "/nowhere/at/all")
    with pytest.raises(KeyError, match="any") as caught:
        await compute.run(hostile.raise_it, "any")
    assert "in raise_it" in str(caught.value.__cause__)
    with pytest.raises(RuntimeError, match=r"OwnError: .*of its own"):
        await compute.run(hostile.raise_it, "own")
    with pytest.raises((RuntimeError, ValueError), match="UnicodeDecodeError"):
        await compute.run(hostile.raise_it, "decode")


async def test_no_key_is_known_to_it(compute: ProcessCompute, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "VUEMANTICS_OPENAI_KEY_FILE",
        "SSH_AUTH_SOCK",
    ):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    found = await compute.run(hostile.environment)
    assert "secret" not in found.values()
    assert found["PATH"] == os.environ["PATH"]
    assert found["LC_ALL"] == "C.UTF-8"
    assert found["XDG_DATA_HOME"] == os.environ["XDG_DATA_HOME"]


SPY = """
import asyncio, ctypes, os, sys
from tests.processing import hostile
from vuemantics_tui.processing.compute import ProcessCompute

async def main():
    pool = ProcessCompute(1)
    print(await pool.run(hostile.spied))
    await pool.close()

# Root may read anything. Without these it is as anybody: DAC_OVERRIDE, DAC_READ_SEARCH, SYS_PTRACE, SYS_ADMIN, PERFMON.
if os.geteuid() == 0 and sys.argv[1:] != ["as anybody"]:
    for capability in (1, 2, 19, 21, 38):
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0
    os.execv(sys.executable, [*sys.orig_argv, "as anybody"])
asyncio.run(main())
"""


def test_it_cannot_read_the_keys_from_the_program_either() -> None:
    spying = subprocess.run(
        [sys.executable, "-c", SPY],
        env={**os.environ, "OPENAI_API_KEY": "sk-secret"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert spying.stdout == "[]\n"


async def test_it_cannot_take_more_than_its_share(compute: ProcessCompute) -> None:
    assert await compute.run(hostile.limits) == {
        "RLIMIT_AS": [512 * MIB] * 2,
        "RLIMIT_CORE": [0, 0],
        "RLIMIT_FSIZE": [1024 * MIB] * 2,
    }
    with pytest.raises(MemoryError):
        await compute.run(hostile.take, 600)
    assert await compute.run(hostile.new_privileges) == "1"


async def test_without_a_limit_it_has_none() -> None:
    compute = ProcessCompute(1, 0)
    assert (await compute.run(hostile.limits))["RLIMIT_AS"] != [0, 0]
    assert await compute.run(hostile.take, 600) == 600 * MIB
    await compute.close()


async def test_a_picture_that_needs_more_memory_than_that_fails_with_its_reason(
    compute: ProcessCompute, tmp_path: Path
) -> None:
    Image.new("RGB", (10, 10)).save(tmp_path / "large.png")
    data = bytearray((tmp_path / "large.png").read_bytes())
    # The header (IHDR), with its checksum: 13,000 x 13,000 pixels of 4 bytes in memory.
    data[16:24] = struct.pack(">II", 13_000, 13_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "large.png").write_bytes(data)
    with pytest.raises(MediaError, match="not enough memory") as caught:
        await compute.run(
            make_thumbnail, tmp_path / "large.png", FileType.IMAGE, tmp_path / "thumbnail.jpg", 200_000_000
        )
    assert "worker_memory_mib" in caught.value.hint


async def test_it_has_no_network(compute: ProcessCompute) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert hostile.connect(port) == "connected"
        assert await compute.run(hostile.connect, port) == "PermissionError"


async def test_it_has_no_terminal(compute: ProcessCompute) -> None:
    assert await compute.run(hostile.terminal) == "OSError"


async def test_what_it_started_ends_with_it(compute: ProcessCompute, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    task = asyncio.create_task(compute.run(hostile.leave_a_child, str(mark)))

    async def begun() -> bool:
        return mark.exists() and bool(mark.read_text())

    await until(begun)
    child = psutil.Process(int(mark.read_text()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def gone() -> bool:
        return not child.is_running() or child.status() == psutil.STATUS_ZOMBIE

    await until(gone)


async def test_what_it_says_goes_to_the_log(compute: ProcessCompute, caplog: pytest.LogCaptureFixture) -> None:
    ways = ("from print", "from stderr", "on 1", "on 2")
    with caplog.at_level(logging.WARNING):
        assert await compute.run(hostile.talk, "\x1b[2J hello") is False

        async def logged() -> bool:
            return all(f"hello {way}" in caplog.text for way in ways)

        await until(logged)
    assert "\x1b" not in "".join(record.getMessage() for record in caplog.records)


async def test_what_it_says_without_end_is_cut(compute: ProcessCompute, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await compute.run(hostile.talk, "x" * 5000, 500)

        async def told() -> bool:
            return "says more" in caplog.text

        await until(told)
        assert len(caplog.text) < 2_000_000


TALKING = """
import asyncio, sys
sys.path[:] = {path}
from tests.processing import hostile
from vuemantics_tui.cli.session import logging_to_file
from vuemantics_tui.processing.compute import ProcessCompute

async def main():
    compute = ProcessCompute(1)
    await compute.run(hostile.talk, "loud")
    await compute.close()

with logging_to_file():
    asyncio.run(main())
"""


def test_nothing_that_it_says_reaches_the_terminal(tmp_path: Path) -> None:
    import pexpect

    script = tmp_path / "talking.py"
    script.write_text(TALKING.format(path=json.dumps(sys.path)))
    running = pexpect.spawn(sys.executable, [str(script)], timeout=60, encoding="utf-8")
    seen = running.read()
    running.close()
    assert (running.exitstatus, seen) == (0, "")


def broken_tiff(path: Path) -> Path:
    """A TIFF whose pixels are compressed, and torn: libtiff says so on stderr."""
    Image.effect_noise((200, 200), 50).save(path, compression="tiff_lzw")
    data = bytearray(path.read_bytes())
    data[2000:6000] = bytes(4000)
    path.write_bytes(data)
    return path


def test_a_broken_tiff_writes_nothing_over_the_screen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vuemantics_tui", "--library", str(tmp_path / "library"), "--analyzer", "builtin"]
    added = subprocess.run(
        [*command, "add", str(broken_tiff(tmp_path / "broken.tif"))], capture_output=True, text=True, timeout=120
    )
    assert "broken.tif" in added.stdout + added.stderr
    assert "Decode" not in added.stdout + added.stderr
    assert "LZW" not in added.stdout + added.stderr
    log = Path(os.environ["XDG_STATE_HOME"]) / "vuemantics-tui" / "log" / "vuemantics-tui.log"
    assert "of the pool: " in log.read_text(), "libtiff said something"
