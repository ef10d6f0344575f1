"""ClusterCompute: the calls of ROUTES on the workers of a Dask cluster, all others in the processes of this machine.

We choose the worker of each call ourselves: Dask would leave a call with a worker that hangs for five minutes, and does
not count bytes. A call whose worker is lost is placed again, so what a caller sees of a cluster is at most that it
takes longer.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from vuemantics_tui import plain
from vuemantics_tui.domain.errors import WorkerDiedError
from vuemantics_tui.domain.media import SmallPicture
from vuemantics_tui.media.jobs import SENT_QUALITY, small_jpeg_of, small_png_of, vision_jpeg
from vuemantics_tui.processing.compute.bench import ATTRIBUTE, Reply
from vuemantics_tui.processing.compute.connection import (
    CONNECT_SECONDS,
    LEAVE_SECONDS,
    ClusterOptions,
    Connection,
    Install,
    Member,
    reason_of,
)
from vuemantics_tui.processing.compute.parcels import BUILTIN, ROUTES, Form, Packed, Route, name_of, packed
from vuemantics_tui.processing.compute.pool import ProcessCompute

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# A call that was with so many workers when they died may be what kills them.
MOST_LOSSES = 3
PREVIEW_SIDE = 1568


class _LostError(Exception):
    """The worker of a call is gone, or the cluster is."""


class ClusterCompute:
    """A Compute on a Dask cluster. Whatever goes wrong there, a call ends as it would have ended here.

    `local` runs what does not travel, and, unless the options say to wait, everything while the cluster is away.
    `connection` knows the workers.
    """

    def __init__(
        self, options: ClusterOptions, local: ProcessCompute, install: Install, model_key: Callable[[Path], str]
    ) -> None:
        """Take `model_key`, which tells from its folder what the vectors of a joint model are called."""
        self._options = options
        self._model_key = model_key
        self.local = local
        self.connection = Connection(options, install)
        self._beside: set[asyncio.Task[Any]] = set()
        self._turns: dict[str, asyncio.Lock] = {}
        self._is_closed = False

    @property
    def at_once(self) -> int:
        """How many calls keep the workers busy, or the processes here where there are none."""
        working = [each for each in self.connection.members.values() if not each.trouble and not each.silent]
        return sum(each.most_calls for each in working) or self.local.at_once

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Await `function(*arguments)` on a worker, or here. Raises what it raises, and WorkerDiedError."""
        route = ROUTES.get(name_of(function))
        if route is None:
            return await self.local.run(function, *arguments)
        self.connection.start()
        await self.connection.tried.wait()
        model = (
            "" if route.model is None else await asyncio.to_thread(self._model_key, cast(Path, arguments[route.model]))
        )
        size, file = await self._file_of(route, arguments)
        losses = 0
        while True:
            token = uuid.uuid4().hex
            member = await self._member_for(route, model, size, token) if size is not None else None
            if member is None:
                return await self.local.run(function, *arguments)
            try:
                travelling = await self._travelling(member, file, route)
                call = await asyncio.to_thread(_sendable, function, arguments, travelling, model)
                reply = await self._ask(member, call, token, route)
            except _LostError as error:
                losses += 1
                log.warning("%s: %s is placed again", error, function.__name__)
                if losses >= MOST_LOSSES:
                    raise WorkerDiedError(
                        f"{losses} workers of the cluster died while they worked on it",
                        "The file may be damaged, or their memory ran out. Check their logs, then retry it.",
                    ) from error
                continue
            finally:
                member.calls.pop(token, None)
                self.connection.moved.set()
            if reply.answer is None:
                self._note_refusal(member, reply.refused, travelling)
                continue
            if reply.answer.raised is not None:
                raise reply.answer.raised.rebuilt()
            return cast(Result, _checked(plain.returned_by(function), reply.answer.value or b""))

    async def close(self) -> None:
        """Stop the calls in flight, leave the cluster, and end the processes here."""
        self._is_closed = True
        self.connection.moved.set()
        if self._beside:
            # What was cancelled is stopped there before the connection ends.
            await asyncio.wait(self._beside, timeout=LEAVE_SECONDS)
        for task in self._beside:
            task.cancel()
        await self.connection.close()
        await self.local.close()

    # What travels

    async def _file_of(self, route: Route, arguments: tuple[object, ...]) -> tuple[int | None, object]:
        """Return how many bytes a call takes along, and its file; None for bytes that are too many to send."""
        if route.file is None:
            return 0, None
        file = arguments[route.file]
        if isinstance(file, bytes):
            return len(file), file
        if isinstance(file, SmallPicture):
            # Pixels are sent as a picture file; who makes one of them does that here.
            return (len(file.rgb) // (2 if route.pixels == "PNG" else 8), file) if route.pixels else (None, file)
        assert isinstance(file, Path)
        if self._shared(file):
            return 0, file
        try:
            size = (await asyncio.to_thread(file.stat)).st_size
        except OSError:
            # Where it is read, the error is the caller's.
            return None, file
        if size <= self._options.send_bytes:
            return size, file
        return (PREVIEW_SIDE**2 // 8, file) if route.preview else (None, file)

    async def _travelling(self, member: Member, file: object, route: Route) -> Packed | None:
        """Return the file of a call as it travels: a path, its bytes, or a preview. Raises MediaError."""
        form = Form.FILE if route.as_file else Form.BYTES
        if isinstance(file, SmallPicture):
            if route.pixels == "PNG":
                return Packed(form, await self.local.run(small_png_of, file))
            return Packed(form, await self.local.run(small_jpeg_of, file, SENT_QUALITY))
        if isinstance(file, bytes):
            return Packed(form, file)
        if not isinstance(file, Path):
            return None
        there = self._shared(file)
        if there and member.reads_shared:
            return Packed(Form.PATH, there.encode())
        size = (await asyncio.to_thread(file.stat)).st_size
        if size <= self._options.send_bytes or not route.preview:
            return Packed(form, await asyncio.to_thread(file.read_bytes))
        limits = (PREVIEW_SIDE, 1, SENT_QUALITY, self._options.max_pixels)
        return Packed(form, await self.local.run(vision_jpeg, file, *limits))

    def _shared(self, file: Path) -> str:
        """Return where the workers find a file of a shared folder; empty for another one."""
        for here, there in self._options.shared:
            if file.is_relative_to(here):
                return f"{there.rstrip('/')}/{file.relative_to(here).as_posix()}"
        return ""

    # Which worker

    async def _member_for(self, route: Route, model: str, size: int, token: str) -> Member | None:
        """Reserve a place with the least busy worker that can run a call, waiting for one; None to run it here."""
        async with self._turns.setdefault(route.wants or model, asyncio.Lock()):
            while True:
                if self._is_closed:
                    raise RuntimeError("the pool is closed")
                able = [each for each in self.connection.members.values() if self._is_able(each, route, model)]
                if self.connection.client is None or not self.connection.members:
                    if not self._options.waits:
                        return None
                elif not able:
                    return None
                best = [each for each in able if route.wants in each.tags] or able
                free = [each for each in best if each.has_room(size)]
                if free:
                    member = min(free, key=lambda each: len(each.calls) / each.threads)
                    member.calls[token] = size
                    return member
                self.connection.moved.clear()
                await self.connection.moved.wait()

    def _is_able(self, member: Member, route: Route, model: str) -> bool:
        if member.trouble or member.silent or member.facts is None or not member.running:
            return False
        if route.needs == BUILTIN and member.facts.builtin != self.connection.builtin:
            return False
        return not model or model in member.facts.models

    # A call

    async def _ask(self, member: Member, call: Any, token: str, route: Route) -> Reply:
        """Run a call on a worker. Raises _LostError; cancelled, it is stopped there too."""
        client = self.connection.client
        if client is None or member.gone.done():
            raise _LostError(f"{member.name} is gone")
        tags = {route.wants: 1} if route.wants and route.wants in member.tags else None
        future = client.submit(
            _remote(), call, token, key=f"vuemantics-{token}", workers=[member.address], resources=tags, pure=False
        )
        gathering = asyncio.ensure_future(client.gather([future], errors="skip"))
        try:
            await asyncio.wait({gathering, member.gone}, return_when=asyncio.FIRST_COMPLETED)
            is_there = gathering.done() and not gathering.cancelled() and gathering.exception() is None
            found = gathering.result() if is_there else []
            if not found:
                raise (
                    await _broken(future, member) if future.status == "error" else _LostError(f"{member.name} is lost")
                )
            return cast(Reply, _checked(Reply, found[0]))
        except asyncio.CancelledError:
            self._have_stopped(client, member, token)
            raise
        finally:
            if not gathering.done():
                gathering.cancel()
            future.release()

    def _have_stopped(self, client: Any, member: Member, token: str) -> None:
        """Have a worker stop a call, beside."""

        async def stop() -> None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.run(_stopping(), token, workers=[member.address], nanny=False, on_error="ignore")
            except Exception:
                log.debug("%s was not told to stop a call", member.name, exc_info=True)

        task = asyncio.create_task(stop(), name="cluster-stop")
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _note_refusal(self, member: Member, refused: str, travelled: Packed | None) -> None:
        # Several calls may be there when the first one is refused.
        if travelled is not None and travelled.form is Form.PATH:
            log.warning("%s cannot read shared files, which are sent to it: %s", member.name, refused)
            member.reads_shared = False
        elif refused != "stopped":
            member.trouble = refused
            log.warning("%s is left out: %s", member.name, refused)


async def _broken(future: Any, member: Member) -> _LostError:
    """Return what Dask itself says went wrong; that worker gets no more work."""
    error = await future.exception()
    member.trouble = f"Dask cannot run calls there: {reason_of(error)}"
    return _LostError(f"{member.name}: {member.trouble}")


def _sendable(function: Callable[..., Any], arguments: tuple[object, ...], file: Packed | None, model: str) -> Any:
    """Return a call as an array of its bytes: Dask sends that as it is, and copies bytes in the event loop."""
    import numpy as np

    return np.frombuffer(packed(function, arguments, file, model), np.uint8)


def _checked(kind: Any, data: bytes | memoryview | plain.Pieces) -> Any:
    """Return the value of this type that a worker sent. Raises WorkerDiedError if it sent something else."""
    try:
        return plain.unpack(kind, data)
    except (plain.PlainDataError, TypeError) as error:
        raise WorkerDiedError(
            f"a worker of the cluster returned an invalid answer: {error}",
            "Install the same version of vuemantics-tui everywhere.",
        ) from error


def _remote() -> Callable[..., Any]:
    """Return what Dask runs on a worker.

    Made here, it travels as code: by its name, the scheduler would have to have this program installed.
    """

    attribute = ATTRIBUTE

    async def vuemantics(call: Any, token: str) -> bytes:
        from distributed import get_worker

        bench: Any = getattr(get_worker(), attribute)
        answer: bytes = await bench.perform(call.tobytes(), token)
        return answer

    return vuemantics


def _stopping() -> Callable[..., Any]:
    """Return what stops a call on a worker."""

    attribute = ATTRIBUTE

    def stop(token: str, dask_worker: Any = None) -> None:
        getattr(dask_worker, attribute).stop(token)

    return stop
