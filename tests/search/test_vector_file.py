"""A process that is killed while it writes leaves the file from before, or none."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.search.vector_libraries import unit
from vuemantics_tui.files import sweep_parts
from vuemantics_tui.search.vector_file import file_of, give_back, open_vectors, write_vectors

WRITER = """
import sys, numpy as np
from pathlib import Path
from vuemantics_tui.search.vector_file import VectorWriter, file_of
path = file_of(Path(sys.argv[1]), "model")
writer = VectorWriter(path, library="l", model="model", revision=2, dimension=8)
place = sys.argv[2]
if place == "renamed":
    import os
    def replace(self, target):
        print("ready", flush=True)
        sys.stdin.read()
    Path.replace = replace
for start in range(0, 1000, 100):
    writer.add(np.arange(start, start + 100), np.zeros((100, 8), np.float32))
    if place == "written":
        print("ready", flush=True)
        sys.stdin.read()
writer.finish()
"""


@pytest.mark.parametrize("place", ["written", "renamed"])
@pytest.mark.parametrize("there", [True, False])
def test_a_kill_leaves_the_whole_file_from_before_or_none(tmp_path: Path, place: str, there: bool) -> None:
    path = file_of(tmp_path, "model")
    rows = unit(50, 8)
    if there:
        blocks = [(np.arange(50), rows)]
        write_vectors(path, library="l", model="model", revision=1, dimension=8, blocks=blocks)
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), place], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*.part"))) >= 1
    if there:
        file = open_vectors(path)
        assert file.header.revision == 1
        assert np.array_equal(file.matrix, rows)
    else:
        assert not path.exists()
    sweep_parts(path)
    assert {entry.name for entry in tmp_path.iterdir()} == ({path.name} if there else set())


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def blocks() -> object:
        yield np.arange(5), unit(5, 8)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_vectors(
            file_of(tmp_path, "m"),
            library="l",
            model="m",
            revision=1,
            dimension=8,
            blocks=blocks(),  # type: ignore[arg-type]
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_vectors_opens(tmp_path: Path) -> None:
    path = file_of(tmp_path, "m")
    write_vectors(path, library="l", model="m", revision=3, dimension=8, blocks=[])
    file = open_vectors(path)
    assert (file.header.rows, file.matrix.shape, len(file.numbers)) == (0, (0, 8), 0)


def test_memory_that_was_given_back_is_read_again(tmp_path: Path) -> None:
    path = file_of(tmp_path, "m")
    rows = unit(40_000, 256)
    write_vectors(path, library="l", model="m", revision=1, dimension=256, blocks=[(np.arange(40_000), rows)])
    file = open_vectors(path)
    assert file.mapped is not None
    before = psutil.Process().memory_info().rss
    give_back(file.mapped)
    if sys.platform == "linux":
        assert before - psutil.Process().memory_info().rss > 30 * 1024**2
    np.testing.assert_array_equal(file.matrix, rows)
