"""Fixtures for the commands: the program on a library of its own, with no server but the tests' own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import skimage

from tests.conftest import put_library

PICTURES = Path(skimage.__file__).parent / "data"
Run = Callable[..., "subprocess.CompletedProcess[str]"]
RunEach = Callable[..., "list[subprocess.CompletedProcess[str]]"]

# Each process of the pool loads its models for itself, and few tests have more than one picture for them.
ONE_WORKER = {"VUEMANTICS_WORKERS": "1"}

# The program, called several times in one process.
EACH = """
import contextlib, io, json, sys
from vuemantics_tui.cli import main
for words in json.load(sys.stdin):
    said, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    sys.argv = ["vuemantics-tui", *words]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as end:
            code = end.code
    print(json.dumps([words, code, *(stream.buffer.getvalue().decode() for stream in (said, errors))]))
"""

# Nothing listens there: port 9 is that of the discard service, which nobody runs.
NOBODY = "127.0.0.1:9"


def objects(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return the JSON objects of a run's output; every line must be one."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="session")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a described library with a cat, a cup of coffee, a rocket and a smaller cat. For reading only."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("processed")
    smaller = folder / "small cat.png"
    with Image.open(PICTURES / "chelsea.png") as cat:
        cat.resize((226, 150)).save(smaller)
    pictures = [PICTURES / "chelsea.png", PICTURES / "coffee.png", PICTURES / "rocket.jpg", smaller]
    subprocess.run(
        [sys.executable, "-m", "vuemantics_tui", "add", *map(str, pictures)],
        env={**os.environ, **ONE_WORKER, "VUEMANTICS_LIBRARY": str(folder / "library")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=True,
    )
    return folder / "library"


@pytest.fixture
def ids(processed: Path, tmp_path: Path, run: Run) -> dict[str, str]:
    """Give the program a copy of the processed library; return its IDs by file name."""
    shutil.copytree(processed, tmp_path / "library")
    return {document["filename"]: document["id"] for document in objects(run("list", "--json"))}


@pytest.fixture
def empty(tmp_path: Path) -> None:
    """Give the program a library without uploads."""
    asyncio.run(put_library(tmp_path / "library"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs the program on a library of its own."""

    def run_program(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vuemantics_tui", *map(str, words)],
            env={**os.environ, **ONE_WORKER, "VUEMANTICS_LIBRARY": str(tmp_path / "library"), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run_program


@pytest.fixture
def run_each(tmp_path: Path) -> RunEach:
    """Return a function that runs commands in one process, which is quicker, for what only reads or is refused."""

    def run_all(commands: Iterable[Sequence[str | Path]], **environment: str) -> list[subprocess.CompletedProcess[str]]:
        result = subprocess.run(
            [sys.executable, "-c", EACH],
            env={**os.environ, **ONE_WORKER, "VUEMANTICS_LIBRARY": str(tmp_path / "library"), **environment},
            input=json.dumps([[str(word) for word in words] for words in commands]),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (result.returncode, result.stderr) == (0, "")
        return [subprocess.CompletedProcess(*json.loads(line)) for line in result.stdout.splitlines()]

    return run_all
