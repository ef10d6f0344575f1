"""Shared fixtures: pictures on disk, an open database, a library that analyzes at once."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests import environment
from tests.doubles import ScriptedAnalyzer, ThreadCompute
from tests.servers.fake_hub import TOKEN, FakeHub
from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Analyzer, Compute
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.files import make_file, make_folder
from vuemantics_tui.library import IntakeResult, Library
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.uploads import NewUpload, UploadStore

environment.fix()

DEADLINE_SECONDS = 60.0
MOST_WORKERS = 4

DrawPicture = Callable[..., Path]
OpenLibrary = Callable[..., Awaitable[Library]]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes `-n auto` uses."""
    # Logical cores, not physical ones as by default. And no more than a few: each worker starts programs with processes
    # of their own, and a container may have less than is counted.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own data, settings and log. The cache of models is shared: it is slow to make."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in environment.FOLDERS[:3]:
        monkeypatch.setenv(name, str(home / name.lower()))


@pytest.fixture
def draw_picture(tmp_path: Path) -> DrawPicture:
    """Return a function that draws a different picture each time, into a folder of its own."""
    folder = tmp_path / "pictures"

    def draw(name: str = "picture.png", seed: int | None = None, size: tuple[int, int] = (64, 48)) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / name
        generator = np.random.default_rng(abs(hash(name)) if seed is None else seed)
        pixels = generator.integers(0, 255, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return draw


JointModel = Callable[..., Path]


@pytest.fixture
def joint_model(tmp_path_factory: pytest.TempPathFactory) -> JointModel:
    """Give a folder with a small joint model in a layout: written once, copied for a test that alters it."""
    from tests.analyzers.joint_model import write_model

    def folder_of(layout: str = "immich", *, squash: bool = False, copy_to: Path | None = None) -> Path:
        folder = tmp_path_factory.getbasetemp() / f"joint-{layout}-{squash}"
        if not folder.exists():
            write_model(folder, layout, squash=squash)
        return folder if copy_to is None else shutil.copytree(folder, copy_to, dirs_exist_ok=True)

    return folder_of


@pytest.fixture
def hub(joint_model: JointModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """Serve the small model as if it were the ones that are offered."""
    from vuemantics_tui.analyzers.joint.catalogue import offered

    with FakeHub().running() as running:
        running.offer(offered("vit-b-32-openai").repository, joint_model("immich"))
        running.offer(offered("vit-b-32-datacomp").repository, joint_model("rclip"), "ViT-B-32-256-datacomp/")
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        yield running


_new_databases: list[bytes] = []


async def put_database(path: Path) -> None:
    """Put a new database into a folder. It is made once: that takes longer than most tests of what it holds."""
    if not _new_databases:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / path.name
            await (await Database.open(made)).close()
            _new_databases.append(made.read_bytes())
    make_file(path)
    path.write_bytes(_new_databases[0])


async def put_library(root: Path) -> None:
    """Put a new library where there is no folder."""
    if not root.exists():
        make_folder(root)
        await put_database(paths.database_file(root))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Return an open, new database."""
    await put_database(tmp_path / "library.db")
    opened = await Database.open(tmp_path / "library.db")
    yield opened
    await opened.close()


@pytest.fixture
async def open_library(tmp_path: Path) -> AsyncIterator[OpenLibrary]:
    """Return a function that opens libraries in tmp_path / "library"; they are closed at the end."""
    opened: list[Library] = []

    async def open_one(
        analyzer: Analyzer | None = None, compute: Compute | None = None, folder: str = "library", **settings: object
    ) -> Library:
        chosen = Settings(**{"library": tmp_path / folder, "keep_free_mib": 0, "workers": 2, **settings})  # type: ignore[arg-type]
        await put_library(chosen.library)
        library = await Library.open(
            chosen,
            analyzer=analyzer or ScriptedAnalyzer(),
            compute=compute or ThreadCompute(at_once=chosen.workers),
        )
        opened.append(library)
        return library

    yield open_one
    for library in reversed(opened):
        await library.close()


async def insert_upload(store: UploadStore, name: str = "cat.jpg", **changes: object) -> str:
    """Insert a waiting upload without a file; return its ID."""
    upload_id = str(changes.pop("id", None) or uuid.uuid4())
    user_id = await store.owner_id()
    fields: dict[str, object] = {
        "id": upload_id,
        "user_id": user_id,
        "filename": name,
        "file_path": f"uploads/{user_id}/{upload_id}/original.jpg",
        "file_type": FileType.IMAGE,
        "file_size": 1000,
        "mime_type": "image/jpeg",
        "extension": "jpg",
        "sha256": upload_id,
        "width": 4,
        "height": 3,
        "source_path": f"/photos/{name}",
    }
    inserted = await store.insert(NewUpload(**{**fields, **changes}))  # type: ignore[arg-type]
    assert inserted is not None
    return inserted.id


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition of the store; fail after a minute."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():
            await asyncio.sleep(0.01)


async def being_described(library: Library, analyzer: ScriptedAnalyzer) -> None:
    """Wait until the analyzer is asked for a description; fail at once if an upload fails first."""

    async def asked_or_failed() -> bool:
        if analyzer.reached.is_set():
            return True
        failed = [upload.error_message for upload in await library.uploads.newest() if upload.status == "failed"]
        assert not failed, failed
        return False

    await until(asked_or_failed)


async def settled(library: Library) -> None:
    """Wait until nothing is waiting or running."""

    async def nothing_left() -> bool:
        counts = await library.queue.store.counts()
        return counts.waiting == counts.running == 0

    await until(nothing_left)


async def add_all(library: Library, *files: Path, recursive: bool = False) -> list[IntakeResult]:
    """Add files; return the results of intake."""
    candidates = await library.gather(files, recursive=recursive)
    return [result async for result in library.add(candidates)]


@pytest.fixture
def draw_clip(tmp_path: Path) -> Callable[[], Path]:
    """Return a function that encodes a clip of two seconds, 160 x 120."""

    def draw() -> Path:
        path = tmp_path / "clip.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            for number in range(20):
                pixels = np.full((120, 160, 3), (number * 12, 90, 255 - number * 12), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        return path

    return draw
