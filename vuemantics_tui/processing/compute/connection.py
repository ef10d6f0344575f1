"""The connection to a Dask cluster: whether its scheduler answers, which workers it has, and which of them serve.

Dask is imported when it is needed, and only in a thread: it takes most of a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from vuemantics_tui import __version__
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.processing.compute.bench import METRIC, Facts, builtin_models, python_version

log = logging.getLogger(__name__)

CONNECT_SECONDS = 4.0
LEAVE_SECONDS = 2.0
RETRY_SECONDS = 3.0
LOOK_SECONDS = 0.5
# A scheduler answers such a question in milliseconds; a worker tells it of itself twice a second, and with more than
# 200 workers every 5 seconds.
SILENT_SECONDS = 15.0
# A file for each thread, and one on its way. More would only wait there, in memory.
BYTES_PER_THREAD = 64 * 1024**2
# A topic of the scheduler's event log, where every client and command can read it.
EVENTS = "vuemantics-lost"

START = "Start a scheduler with: dask scheduler --no-dashboard"
CERTIFICATES = (
    "Check cluster_ca_file, cluster_cert_file and cluster_key_file, and that the scheduler runs with --protocol tls and"
    " a certificate of the same authority."
)

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

    `hint` is what to do about the trouble, empty if that says it. `tried` is false until the first attempt to connect
    has ended, `idle_seconds` since when it has had no workers.
    """

    address: str
    connected: bool
    waits: bool
    trouble: str = ""
    hint: str = ""
    tried: bool = True
    members: tuple[MemberState, ...] = ()
    lost: int = 0
    lost_workers: tuple[str, ...] = ()
    idle_seconds: float = 0.0


class _AwayError(Exception):
    """The cluster cannot be used; the message says why, and the hint what to do."""

    def __init__(self, message: str, hint: str = START) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(slots=True, eq=False)
class Member:
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


class Connection:
    """A connection that is kept: when it is lost, it is made again. It knows the workers and the calls they have."""

    def __init__(self, options: ClusterOptions, install: Install) -> None:
        self.client: Any = None
        self.members: dict[str, Member] = {}
        # Set after the first attempt to connect, and whenever a worker may have room.
        self.tried = asyncio.Event()
        self.moved = asyncio.Event()
        self.builtin = ""
        self._options = options
        self._install = install
        self._trouble = f"connecting to {options.address}"
        self._hint = ""
        self._used_at = time.monotonic()
        self._watching: asyncio.Task[None] | None = None
        self._is_closed = False
        self._lost = 0
        self._lost_workers: deque[str] = deque(maxlen=100)

    @property
    def state(self) -> ClusterState:
        """How it is now."""
        return ClusterState(
            self._options.address,
            self.client is not None,
            self._options.waits,
            self._trouble,
            self._hint,
            self.tried.is_set(),
            tuple(member.state() for member in self.members.values()),
            self._lost,
            tuple(self._lost_workers),
            0.0 if self.members else time.monotonic() - self._used_at,
        )

    def start(self) -> None:
        """Connect, in the background of the running event loop."""
        if self._watching is None and not self._is_closed:
            self._used_at = time.monotonic()
            self._watching = asyncio.create_task(self._watch(), name="cluster")

    async def seen(self) -> tuple[ClusterState, list[dict[str, Any]]]:
        """Return how it is after the first look, and what clients of the cluster reported lost there."""
        self.start()
        await self.tried.wait()
        told: list[dict[str, Any]] = []
        if self.client is not None:
            with contextlib.suppress(OSError):
                told = [dict(event) for _, event in await self.client.get_events(EVENTS)]
        return self.state, told

    async def close(self) -> None:
        """Leave the cluster."""
        self._is_closed = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching], timeout=CONNECT_SECONDS)

    async def _watch(self) -> None:
        """Keep a connection, for good."""
        while True:
            try:
                self.builtin = self.builtin or await asyncio.to_thread(builtin_models)
                client = await self._connected()
                try:
                    await self._follow(client)
                finally:
                    self.client = None
                    self._trouble, self._hint = "the scheduler does not answer", START
                    self._leave_all()
                    await _let_go(client)
            except _AwayError as error:
                if self._trouble != str(error):
                    log.warning("cluster %s: %s", self._options.address, error)
                self._trouble, self._hint = str(error), error.hint
            except Exception:
                log.exception("the cluster is left: this is a bug")
                self._trouble, self._hint = "this program has a bug; see the log", ""
            self.tried.set()
            self.moved.set()
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
            if _tls_error(error) is not None:
                raise _AwayError(f"no encrypted connection: {reason_of(error)}", CERTIFICATES) from error
            if isinstance(error, _NO_CONNECTION):
                raise _AwayError(f"no Dask scheduler answers there: {reason_of(error)}") from error
            raise
        log.info("connected to the cluster %s", address)
        return client

    async def _follow(self, client: Any) -> None:
        """Look at the workers, again and again. Raises _AwayError when the scheduler is lost."""
        self.client = client
        while True:
            told = await _identity(client)
            await self._take_in(client, told.get("workers", {}))
            self._trouble, self._hint = "" if self.members else "the cluster has no workers", ""
            self._used_at = time.monotonic() if self.members else self._used_at
            self.tried.set()
            self.moved.set()
            await asyncio.sleep(LOOK_SECONDS)

    async def _take_in(self, client: Any, told: Mapping[str, Mapping[str, Any]]) -> None:
        now = time.monotonic()
        for address in [address for address in self.members if address not in told]:
            await self._leave(client, self.members.pop(address), "is gone")
        new = []
        newest = max((float(facts.get("last_seen", 0.0)) for facts in told.values()), default=0.0)
        for address, facts in told.items():
            member = self.members.get(address)
            if member is None:
                # By the scheduler's clock: one that was silent before we came is so at once.
                seen = float(facts.get("last_seen", 0.0))
                member = self.members[address] = Member(address, last_seen=seen, seen_at=now - (newest - seen))
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

    async def _leave(self, client: Any, member: Member, why: str) -> None:
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
        if any(member.calls for member in self.members.values()):
            self._lost_workers.append("the scheduler")
        self.moved.set()
        for member in self.members.values():
            if not member.gone.done():
                member.gone.set_result(None)
                self._lost += len(member.calls)
        self.members.clear()

    async def _give_benches(self, client: Any, members: Iterable[Member]) -> None:
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
                member.trouble = f"it needs vuemantics-tui {__version__}: {reason_of(answer)}"
                log.warning("%s is left out: %s", member.name, member.trouble)

    def _judge(self, member: Member) -> None:
        """Leave out a worker whose program or models differ."""
        facts = member.facts
        if facts is None or member.trouble:
            return
        wrong = ""
        if facts.version != __version__:
            wrong = f"it has vuemantics-tui {facts.version}; install {__version__} there"
        elif facts.python != python_version():
            wrong = f"it has Python {facts.python}, this program {python_version()}: Dask needs the same everywhere"
        elif facts.builtin != self.builtin:
            wrong = f"its built-in models differ: {facts.builtin or 'none'} instead of {self.builtin}"
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


def _update(member: Member, told: Mapping[str, Any], now: float) -> None:
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


async def _let_go(client: Any) -> None:
    """Close a client whose scheduler may be gone, in a few seconds at most."""
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            await client.close(timeout=1)
    except Exception:
        log.debug("the cluster was left without a word", exc_info=True)


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    """Return what TLS says is wrong, where that is what Dask's error comes from: its own words often lack it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__
    return cause


def reason_of(error: BaseException) -> str:
    """Return in a line what Dask says went wrong."""
    text = re.sub(r"\bin <.*>: ", "", " ".join(str(error).split()))
    refused = _tls_error(error)
    if refused is not None and refused.reason == "WRONG_VERSION_NUMBER":
        return "what answers there does not use TLS"
    if refused is not None or "SSL" in text:
        text = str(refused or text)
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
