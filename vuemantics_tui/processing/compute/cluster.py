"""ClusterCompute: the calls of ROUTES on the workers of a Dask cluster, all others in the processes of this machine.

We choose the worker of each call ourselves: Dask would leave a call with a worker that hangs for five minutes, and does
not count bytes. A call whose worker is lost is placed again, so what a caller sees of a cluster is at most that it
takes longer. Dask is imported when it is needed, and only in a thread: it takes most of a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

from vuemantics_tui import __version__, plain
from vuemantics_tui.domain.errors import UsageError, WorkerDiedError
from vuemantics_tui.domain.media import SmallPicture
from vuemantics_tui.media.jobs import SENT_QUALITY, small_jpeg_of, small_png_of, vision_jpeg
from vuemantics_tui.processing.compute.bench import ATTRIBUTE, METRIC, Facts, Reply, builtin_models, python_version
from vuemantics_tui.processing.compute.parcels import BUILTIN, ROUTES, Form, Packed, Route, name_of, packed
from vuemantics_tui.processing.compute.pool import ProcessCompute

log = logging.getLogger(__name__)

Result = TypeVar("Result")

CONNECT_SECONDS = 4.0
LEAVE_SECONDS = 2.0
RETRY_SECONDS = 3.0
LOOK_SECONDS = 0.5
# A scheduler answers such a question in milliseconds; a worker tells it of itself twice a second, and with more than
# 200 workers every 5 seconds.
SILENT_SECONDS = 15.0
# A file for each thread, and one on its way. More would only wait there, in memory.
BYTES_PER_THREAD = 64 * 1024**2
# A call that was with so many workers when they died may be what kills them.
MOST_LOSSES = 3
PREVIEW_SIDE = 1568
# A topic of the scheduler's event log, where every client and command can read it.
EVENTS = "vuemantics-lost"

# What Dask raises at whatever answers in place of a scheduler.
_NO_CONNECTION = (OSError, ImportError, ValueError, TypeError, RuntimeError, KeyError, AssertionError)

Install = Callable[..., Awaitable[None]]
"""Run on a Dask worker that lacks our bench, with `dask_worker`: gives it one."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates for `tls://`: files in PEM, as Dask's `Security` takes them."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def security(self) -> Any:
        """Return Dask's object for them, for clients and workers; None where there are none."""
        if not (self.ca_file or self.cert_file):
            return None
        security = import_module("distributed").Security
        return security(
            tls_ca_file=self.ca_file or None,
            tls_client_cert=self.cert_file or None,
            tls_client_key=self.key_file or None,
            tls_worker_cert=self.cert_file or None,
            tls_worker_key=self.key_file or None,
            require_encryption=True,
        )


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where the cluster is and how it is used.

    `waits` for a cluster that is away, or goes on locally. Files up to `send_bytes` travel whole, of larger pictures a
    preview. Files in `shared`, pairs of a folder here and there, travel as paths.
    """

    address: str
    waits: bool = False
    send_bytes: int = 16 * 1024**2
    shared: tuple[tuple[Path, str], ...] = ()
    tls: Tls = Tls()
    max_pixels: int = 200_000_000


@dataclass(frozen=True, slots=True)
class MemberState:
    """A worker as people see it. `in_flight` and its bytes are of this program; `trouble` is why it gets no work."""

    name: str
    address: str
    threads: int
    tags: tuple[str, ...]
    facts: Facts
    in_flight: int = 0
    bytes_in_flight: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ClusterState:
    """A cluster as people see it: `trouble` is why it is not used, `lost` counts calls run again elsewhere.

    `tried` is false until the first attempt to connect has ended.
    """

    address: str
    connected: bool
    waits: bool
    trouble: str = ""
    tried: bool = True
    members: tuple[MemberState, ...] = ()
    lost: int = 0
    lost_workers: tuple[str, ...] = ()


class _LostError(Exception):
    """The worker of a call is gone, or the cluster is."""


class _AwayError(Exception):
    """The cluster cannot be used; the message says why."""


@dataclass(slots=True, eq=False)
class _Member:
    """A worker: what the scheduler says of it, and the calls that it has from us, with their bytes."""

    address: str
    name: str = ""
    threads: int = 1
    tags: tuple[str, ...] = ()
    facts: Facts | None = None
    running: bool = True
    trouble: str = ""
    last_seen: float = 0.0
    seen_at: float = 0.0
    silent: bool = False
    reads_shared: bool = True
    calls: dict[str, int] = field(default_factory=dict)
    gone: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def bytes_in_flight(self) -> int:
        return sum(self.calls.values())

    @property
    def most_calls(self) -> int:
        """One for each thread, and half as many on their way, so that no thread waits for the network."""
        return self.threads + (self.threads + 1) // 2

    def has_room(self, size: int) -> bool:
        """Whether it may have a call more, of so many bytes."""
        if not self.calls:
            return True
        return len(self.calls) < self.most_calls and self.bytes_in_flight + size <= self.threads * BYTES_PER_THREAD

    def state(self) -> MemberState:
        trouble = self.trouble or ("does not answer" if self.silent else "")
        return MemberState(
            self.name,
            self.address,
            self.threads,
            self.tags,
            self.facts or Facts(),
            len(self.calls),
            self.bytes_in_flight,
            trouble,
        )


class ClusterCompute:
    """A Compute on a Dask cluster. Whatever goes wrong there, a call ends as it would have ended here.

    `local` runs what does not travel, and, unless the options say to wait, everything while the cluster is away.
    """

    def __init__(
        self, options: ClusterOptions, local: ProcessCompute, install: Install, model_key: Callable[[Path], str]
    ) -> None:
        """Take `model_key`, which tells from its folder what the vectors of a joint model are called."""
        self._options = options
        self._model_key = model_key
        self.local = local
        self._install = install
        self._client: Any = None
        self._members: dict[str, _Member] = {}
        self._trouble = f"connecting to {options.address}"
        self._tried = asyncio.Event()
        self._moved = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[Any]] = set()
        self._turns: dict[str, asyncio.Lock] = {}
        self._builtin = ""
        self._lost = 0
        self._lost_workers: list[str] = []
        self._is_closed = False

    @property
    def state(self) -> ClusterState:
        """How it is now."""
        return ClusterState(
            self._options.address,
            self._client is not None,
            self._options.waits,
            self._trouble,
            self._tried.is_set(),
            tuple(member.state() for member in self._members.values()),
            self._lost,
            tuple(self._lost_workers),
        )

    @property
    def at_once(self) -> int:
        """How many calls keep the workers busy, or the processes here where there are none."""
        working = [each for each in self._members.values() if not each.trouble and not each.silent]
        return sum(each.most_calls for each in working) or self.local.at_once

    def start(self) -> None:
        """Connect, in the background of the running event loop."""
        if self._watching is None and not self._is_closed:
            self._watching = asyncio.create_task(self._watch(), name="cluster")

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Await `function(*arguments)` on a worker, or here. Raises what it raises, and WorkerDiedError."""
        route = ROUTES.get(name_of(function))
        if route is None:
            return await self.local.run(function, *arguments)
        self.start()
        await self._tried.wait()
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
                self._stir()
            if reply.answer is None:
                self._note_refusal(member, reply.refused, file)
                continue
            if reply.answer.raised is not None:
                raise reply.answer.raised.rebuilt()
            return cast(Result, _checked(plain.returned_by(function), reply.answer.value or b""))

    async def seen(self) -> tuple[ClusterState, list[dict[str, Any]]]:
        """Return how it is after the first look, and what clients of the cluster reported lost there."""
        self.start()
        await self._tried.wait()
        told: list[dict[str, Any]] = []
        if self._client is not None:
            with contextlib.suppress(OSError):
                told = [dict(event) for _, event in await self._client.get_events(EVENTS)]
        return self.state, told

    async def close(self) -> None:
        """Stop the calls in flight, leave the cluster, and end the processes here."""
        self._is_closed = True
        self._stir()
        if self._beside:
            # What was cancelled is stopped there before the connection ends.
            await asyncio.wait(self._beside, timeout=LEAVE_SECONDS)
        tasks = [task for task in (self._watching, *self._beside) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CONNECT_SECONDS)
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

    async def _travelling(self, member: _Member, file: object, route: Route) -> Packed | None:
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

    async def _member_for(self, route: Route, model: str, size: int, token: str) -> _Member | None:
        """Reserve a place with the least busy worker that can run a call, waiting for one; None to run it here."""
        async with self._turns.setdefault(route.wants or model, asyncio.Lock()):
            while True:
                if self._is_closed:
                    raise RuntimeError("the pool is closed")
                able = [each for each in self._members.values() if self._is_able(each, route, model)]
                if self._client is None or not self._members:
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
                self._moved.clear()
                await self._moved.wait()

    def _is_able(self, member: _Member, route: Route, model: str) -> bool:
        if member.trouble or member.silent or member.facts is None or not member.running:
            return False
        if route.needs == BUILTIN and member.facts.builtin != self._builtin:
            return False
        return not model or model in member.facts.models

    def _stir(self) -> None:
        self._moved.set()

    # A call

    async def _ask(self, member: _Member, call: Any, token: str, route: Route) -> Reply:
        """Run a call on a worker. Raises _LostError; cancelled, it is stopped there too."""
        client = self._client
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

    def _have_stopped(self, client: Any, member: _Member, token: str) -> None:
        """Have a worker stop a call, beside."""

        async def stop() -> None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.run(_stopping(), token, workers=[member.address], nanny=False, on_error="ignore")

        task = asyncio.create_task(stop(), name="cluster-stop")
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _note_refusal(self, member: _Member, refused: str, file: object) -> None:
        if isinstance(file, Path) and self._shared(file) and member.reads_shared:
            log.warning("%s cannot read shared files, which are sent to it: %s", member.name, refused)
            member.reads_shared = False
        elif refused != "stopped":
            member.trouble = refused
            log.warning("%s is left out: %s", member.name, refused)

    # The cluster

    async def _watch(self) -> None:
        """Keep a connection, for good."""
        while True:
            try:
                self._builtin = self._builtin or await asyncio.to_thread(builtin_models)
                client = await self._connected()
                try:
                    await self._follow(client)
                finally:
                    self._client = None
                    self._trouble = "the scheduler does not answer"
                    self._leave_all()
                    await _let_go(client)
            except _AwayError as error:
                if self._trouble != str(error):
                    log.warning("cluster %s: %s", self._options.address, error)
                self._trouble = str(error)
            except Exception:
                log.exception("the cluster is left: this is a bug")
                self._trouble = "this program has a bug; see the log"
            self._tried.set()
            self._stir()
            await asyncio.sleep(RETRY_SECONDS)

    async def _connected(self) -> Any:
        """Return a client. Raises _AwayError."""
        address, client = self._options.address, None
        try:
            distributed = await asyncio.to_thread(quiet_dask)
            async with asyncio.timeout(2 * CONNECT_SECONDS):
                client = distributed.Client(
                    address,
                    asynchronous=True,
                    set_as_default=False,
                    timeout=CONNECT_SECONDS,
                    security=self._options.tls.security(),
                    name="vuemantics",
                )
                await client
        except BaseException as error:
            if client is not None:
                await _let_go(client)
            if isinstance(error, TimeoutError):
                raise _AwayError("no Dask scheduler answers there") from error
            if isinstance(error, _NO_CONNECTION):
                raise _AwayError(f"no Dask scheduler answers there: {_reason(error)}") from error
            raise
        log.info("connected to the cluster %s", address)
        return client

    async def _follow(self, client: Any) -> None:
        """Look at the workers, again and again. Raises _AwayError when the scheduler is lost."""
        self._client = client
        while True:
            told = await _identity(client)
            await self._take_in(client, told.get("workers", {}))
            self._trouble = "" if self._members else "the cluster has no workers"
            self._tried.set()
            self._stir()
            await asyncio.sleep(LOOK_SECONDS)

    async def _take_in(self, client: Any, told: Mapping[str, Mapping[str, Any]]) -> None:
        now = time.monotonic()
        for address in [address for address in self._members if address not in told]:
            await self._leave(client, self._members.pop(address), "is gone")
        new = []
        newest = max((float(facts.get("last_seen", 0.0)) for facts in told.values()), default=0.0)
        for address, facts in told.items():
            member = self._members.get(address)
            if member is None:
                # By the scheduler's clock: one that was silent before we came is so at once.
                seen = float(facts.get("last_seen", 0.0))
                member = self._members[address] = _Member(address, last_seen=seen, seen_at=now - (newest - seen))
            _update(member, facts, now)
            self._judge(member)
            if member.silent and not member.gone.done():
                await self._leave(client, member, "does not answer")
            elif not member.silent and member.gone.done():
                member.gone = asyncio.get_running_loop().create_future()
            if member.facts is None and not member.trouble and not member.silent:
                new.append(member)
        if new:
            await self._give_benches(client, new)

    async def _leave(self, client: Any, member: _Member, why: str) -> None:
        """Place the calls of a worker again, and tell all who look at the cluster."""
        member.gone.set_result(None)
        calls = len(member.calls)
        if not calls:
            log.info("the worker %s %s", member.name, why)
            return
        self._lost += calls
        self._lost_workers.append(member.name)
        log.warning("the worker %s %s, with %d calls", member.name, why, calls)
        with contextlib.suppress(OSError):
            await client.log_event(EVENTS, {"worker": member.name, "address": member.address, "calls": calls})

    def _leave_all(self) -> None:
        """Place all calls again."""
        if any(member.calls for member in self._members.values()):
            self._lost_workers.append("the scheduler")
        self._stir()
        for member in self._members.values():
            if not member.gone.done():
                member.gone.set_result(None)
                self._lost += len(member.calls)
        self._members.clear()

    async def _give_benches(self, client: Any, members: Iterable[_Member]) -> None:
        """Install our bench on workers that another command started. One without this program is left out."""
        addresses = [member.address for member in members]
        try:
            async with asyncio.timeout(4 * CONNECT_SECONDS):
                answers = await client.run(self._install, workers=addresses, nanny=False, on_error="return")
        except (OSError, TimeoutError) as error:
            answers = dict.fromkeys(addresses, error)
        for member in members:
            answer = answers.get(member.address)
            if isinstance(answer, BaseException):
                member.trouble = f"it needs vuemantics-tui {__version__}: {_reason(answer)}"
                log.warning("%s is left out: %s", member.name, member.trouble)

    def _judge(self, member: _Member) -> None:
        """Leave out a worker whose program or models differ."""
        facts = member.facts
        if facts is None or member.trouble:
            return
        wrong = ""
        if facts.version != __version__:
            wrong = f"it has vuemantics-tui {facts.version}; install {__version__} there"
        elif facts.python != python_version():
            wrong = f"it has Python {facts.python}, this program {python_version()}: Dask needs the same everywhere"
        elif facts.builtin != self._builtin:
            wrong = f"its built-in models differ: {facts.builtin or 'none'} instead of {self._builtin}"
        if wrong:
            member.trouble = wrong
            log.warning("%s is left out: %s", member.name, wrong)


async def _identity(client: Any) -> Mapping[str, Any]:
    """Return what the scheduler says of itself and its workers. Raises _AwayError."""
    asking = asyncio.ensure_future(client.scheduler.identity())
    try:
        # Asked alone, Dask would try for long to reach one that is gone; the client knows at once.
        for _ in range(round(SILENT_SECONDS / LOOK_SECONDS)):
            done, _ = await asyncio.wait({asking}, timeout=LOOK_SECONDS)
            if done or client.status != "running":
                break
        if not asking.done() or client.status != "running":
            raise _AwayError("the scheduler does not answer")
        return cast(Mapping[str, Any], asking.result())
    except (OSError, AttributeError) as error:
        raise _AwayError("the scheduler does not answer") from error
    finally:
        asking.cancel()


async def _broken(future: Any, member: _Member) -> _LostError:
    """Return what Dask itself says went wrong; that worker gets no more work."""
    error = await future.exception()
    member.trouble = f"Dask cannot run calls there: {_reason(error)}"
    return _LostError(f"{member.name}: {member.trouble}")


def _update(member: _Member, told: Mapping[str, Any], now: float) -> None:
    """Take in what the scheduler says of a worker."""
    member.name = str(told.get("name", member.address)).removeprefix("tcp://").removeprefix("tls://")
    member.threads = max(1, int(told.get("nthreads", 1)))
    member.tags = tuple(sorted(map(str, told.get("resources", {}) or {})))
    member.running = told.get("status", "running") == "running"
    metrics = told.get("metrics", {})
    member.facts = Facts.of(metrics.get(METRIC)) or member.facts
    seen = float(told.get("last_seen", 0.0))
    if seen != member.last_seen:
        member.last_seen, member.seen_at = seen, now
    member.silent = now - member.seen_at > SILENT_SECONDS


def _sendable(function: Callable[..., Any], arguments: tuple[object, ...], file: Packed | None, model: str) -> Any:
    """Return a call as an array of its bytes: Dask sends that as it is, and copies bytes in the event loop."""
    import numpy as np

    return np.frombuffer(packed(function, arguments, file, model), np.uint8)


def _checked(kind: Any, data: bytes) -> Any:
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


async def _let_go(client: Any) -> None:
    """Close a client whose scheduler may be gone, in a few seconds at most."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(LEAVE_SECONDS):
            await client.close(timeout=1)


def _reason(error: BaseException) -> str:
    """Return in a line what Dask says went wrong."""
    text = re.sub(r"\bin <.*>: ", "", " ".join(str(error).split()))
    if "SSL" in text:
        return f"one of the two does not accept the other's certificate ({text[:100]})"
    if "n_workers" in text:
        return "that is the address of a worker"
    if "encryption required" in text:
        return "with certificates, its address begins with tls://"
    return text[:300] or type(error).__name__


def check_installed() -> None:
    """Raise UsageError where Dask is not installed."""
    if find_spec("distributed") is None:
        raise UsageError("Dask is not installed", "Run: pip install 'vuemantics-tui[cluster]'")


def quiet_dask() -> Any:
    """Import `distributed`, its messages in our log only, and return it. Call it in a thread: it takes a second."""
    distributed = import_module("distributed")
    dask = import_module("dask")
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "bokeh"):
            logger = logging.getLogger(name)
            for handler in list(logger.handlers):
                logger.removeHandler(handler)
            logger.propagate = True
    logging.getLogger("distributed").setLevel(logging.WARNING)
    # At each scheduler that dies it writes what it was doing, which we say in a line.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    # A call with a large file is what we want.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"})
    return distributed
