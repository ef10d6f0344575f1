"""What a worker of a Dask cluster does for this program: calls in shielded processes, and facts about itself.

The Dask worker's own process only passes bytes on. Files are decoded and models run in the same kind of processes as
on one machine, so that a malicious file has little power there too, and a crash costs a call, not the worker.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from vuemantics_tui import __version__, plain
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.processing.compute.parcels import ParcelError, is_picture, unpacked
from vuemantics_tui.processing.compute.pool import ProcessCompute
from vuemantics_tui.processing.worker import Answer, Raised

METRIC = "vuemantics"
"""The name under which a worker tells the scheduler about itself, with each of its heartbeats."""

ATTRIBUTE = "vuemantics_bench"
"""Where a Dask worker has its Bench."""

RATE_SECONDS = 15.0
# How often the folder of models is looked at.
MODELS_SECONDS = 10.0
# Many a system has a folder that is in memory.
_IN_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a worker says of itself, as values that msgpack can carry.

    `builtin` names the built-in models with their fingerprints, `models` the joint ones. `pictures` and `bytes` are
    counted since it started; a second's are of the last 15. `running` calls are in its processes.
    """

    version: str = ""
    python: str = ""
    builtin: str = ""
    models: tuple[str, ...] = ()
    running: int = 0
    pictures: int = 0
    bytes: int = 0
    pictures_per_second: float = 0.0
    bytes_per_second: float = 0.0

    @classmethod
    def of(cls, told: object) -> Self | None:
        """Return what a worker told; None if it told nothing, or nothing that makes sense."""
        names = {field.name for field in fields(cls)}
        if not isinstance(told, Mapping) or told.keys() != names:
            return None
        try:
            facts: Self = plain.unpack(cls, plain.pack({**told, "models": list(told["models"])}))
        except (plain.PlainDataError, TypeError):
            return None
        return facts


def worker_plugin(make: Callable[[int], Bench]) -> Any:
    """Return a plugin for Dask workers, which keeps a bench, made for so many threads, for as long as its worker runs.

    Its processes load each model once, at the first call that needs it.
    """
    from distributed import WorkerPlugin

    class BenchPlugin(WorkerPlugin):
        async def setup(self, worker: Any) -> None:
            bench = await asyncio.to_thread(make, worker.state.nthreads)
            setattr(worker, ATTRIBUTE, bench)
            worker.metrics[METRIC] = lambda _: bench.facts()

        async def teardown(self, worker: Any) -> None:
            worker.metrics.pop(METRIC, None)
            await getattr(worker, ATTRIBUTE).close()

    return BenchPlugin()


def python_version() -> str:
    """Return the version of Python without its last part: code that travels is of one such version."""
    return ".".join(platform.python_version_tuple()[:2])


def builtin_models() -> str:
    """Return the built-in models with their fingerprints, and the parts of the extra `vision` that are there."""
    from vuemantics_tui.analyzers.builtin import EMBEDDING_MODEL_NAME, IMAGE_MODEL_NAME
    from vuemantics_tui.analyzers.builtin.models import IMAGE_MODEL, TEXT_MODEL
    from vuemantics_tui.analyzers.builtin.vision import vision_parts

    return " + ".join(
        [
            f"{IMAGE_MODEL_NAME}@{IMAGE_MODEL.sha256[:12]}",
            f"{EMBEDDING_MODEL_NAME}@{TEXT_MODEL.sha256[:12]}",
            *(f"{part.name} ({part.package} {part.version})" for part in vision_parts() if part.installed),
        ]
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a call on a worker: an answer, or why this worker cannot run it (`refused`)."""

    answer: Answer | None
    refused: str = ""


class Bench:
    """The processes of one Dask worker, one for each of its threads, and what they did."""

    def __init__(
        self,
        threads: int,
        memory: int,
        models: Callable[[], tuple[str, ...]],
        model_folder: Callable[[str], Path | None],
    ) -> None:
        """Take `models`, which names the joint models of this machine, and what finds the folder of one."""
        self._compute = ProcessCompute(threads, memory)
        self._models = models
        self._known_models: tuple[str, ...] = ()
        self._models_until = float("-inf")
        self._model_folder = model_folder
        self._builtin = builtin_models()
        self._spool = Path(tempfile.mkdtemp(prefix="vuemantics-", dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None))
        self._running: dict[str, asyncio.Task[Any]] = {}
        # Calls that were stopped before they began; most of them never come.
        self._stopped: deque[str] = deque(maxlen=1000)
        self._pictures = 0
        self._bytes = 0
        self._begun = time.monotonic()
        # Of the last seconds: when, how many pictures, how many bytes.
        self._done: deque[tuple[float, int, int]] = deque()

    async def perform(self, call: bytes, token: str) -> bytes:
        """Run a call, and return its Reply, packed. Raises nothing but a cancellation."""
        if token in self._stopped:
            return plain.pack(Reply(None, "stopped"))
        task = self._running[token] = asyncio.ensure_future(self._reply(call))
        try:
            await asyncio.wait([task])
            reply = Reply(None, "stopped") if task.cancelled() else task.result()
        finally:
            task.cancel()
            del self._running[token]
        return plain.pack(reply)

    async def _reply(self, call: bytes) -> Reply:
        try:
            with unpacked(call, self._model_folder, self._spool) as (function, arguments):
                answer = plain.pack(await self._compute.run(function, *arguments))
                self._note(int(is_picture(function)), len(call) + len(answer))
                return Reply(Answer(answer, None))
        except (ParcelError, plain.PlainDataError) as error:
            return Reply(None, str(error))
        except VuemanticsError as error:
            return Reply(Answer(None, Raised.of(error)))
        except Exception as error:  # noqa: BLE001 - every error goes to the caller
            return Reply(Answer(None, Raised.of(error)))

    def stop(self, token: str) -> None:
        """Stop a call, which may not have begun."""
        if token in self._running:
            self._running[token].cancel()
        else:
            self._stopped.append(token)

    def facts(self) -> dict[str, Any]:
        """Return the facts of this worker, for a heartbeat."""
        now = time.monotonic()
        while self._done and now - self._done[0][0] > RATE_SECONDS:
            self._done.popleft()
        seconds = max(1.0, min(RATE_SECONDS, now - self._begun))
        return asdict(
            Facts(
                version=__version__,
                python=python_version(),
                builtin=self._builtin,
                models=self._models_now(now),
                running=len(self._running),
                pictures=self._pictures,
                bytes=self._bytes,
                pictures_per_second=sum(pictures for _, pictures, _ in self._done) / seconds,
                bytes_per_second=sum(count for _, _, count in self._done) / seconds,
            )
        )

    def _models_now(self, now: float) -> tuple[str, ...]:
        if now >= self._models_until:
            self._known_models, self._models_until = self._models(), now + MODELS_SECONDS
        return self._known_models

    async def close(self) -> None:
        """End its processes."""
        for task in self._running.values():
            task.cancel()
        await self._compute.close()
        await asyncio.to_thread(shutil.rmtree, self._spool, ignore_errors=True)

    def _note(self, pictures: int, size: int) -> None:
        self._pictures += pictures
        self._bytes += size
        self._done.append((time.monotonic(), pictures, size))
