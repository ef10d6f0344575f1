"""Several equal servers: how to write their addresses, and which one gets a request."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vuemantics_tui.analyzers.base import HostLoad, Result, ServerState
from vuemantics_tui.analyzers.failures import ModelMissingError, NotANumberError, TextTooLongError
from vuemantics_tui.analyzers.wire import RemoteServer
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, ServerDownError, UsageError

log = logging.getLogger(__name__)

OLLAMA_PORT = 11434
# The web app's limits, for each server: one description at a time, three embeddings.
SERVER_DESCRIBES, SERVER_EMBEDS = 1, 3
REST_SECONDS = 5.0
"""How long a host that failed is left out at first, if another one answers; twice as long after each failure."""
MOST_REST_SECONDS = 60.0
# A model is not loaded onto a server within seconds.
_MODEL_SECONDS = 60.0
# From so many requests a host's speed is known; more would notice too late that it has changed.
_RECENT = 9
_MOST_BEHIND = 4
_NO_LIMIT = 1_000_000
_MOST_LIMIT, _MOST_WEIGHT = 1000, 1000.0

# As in envconfig/config.go of Ollama: a scheme that is spelled out brings its own port.
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[^\W_]([\w.-]*[^\W_])?\.?")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(:(?P<port>.*))?")
_OPTION = re.compile(r"(limit|weight)=.*", re.IGNORECASE)
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a host is: its base URL without a slash at the end; `limit` and `weight` as in Host."""

    url: str
    limit: int = 0
    weight: float = 1.0

    def __str__(self) -> str:
        limit = f" limit={self.limit}" if self.limit else ""
        return f"{self.url}{limit}" + (f" weight={self.weight:g}" if self.weight != 1 else "")


def parse_hosts(text: str) -> tuple[Address, ...]:
    """The addresses of one or more Ollama hosts, separated by commas, none twice.

    Each as OLLAMA_HOST takes it: `gpu`, `gpu:11434`, `:11434`, `http://gpu:11434/`, `https://gpu/path`, `::1`,
    `[::1]:11434`. Without a scheme the port is 11434, with one it is 80 or 443; an address that means all
    addresses of a server means this machine. Options follow it, as in `gpu limit=4 weight=2`. Raises UsageError that
    names the one that is wrong.
    """
    return parse_addresses(text, "ollama_host", lambda host: base_url(host, OLLAMA_PORT, "Ollama"))


def parse_addresses(text: str, setting: str, parse_url: Callable[[str], str]) -> tuple[Address, ...]:
    """The addresses in a setting, separated by commas: each a URL, by `parse_url`, and its options.

    `limit=` is how many requests it takes at a time, `weight=` how much of what its speed allows. Raises UsageError.
    """
    addresses: dict[str, Address] = {}
    for part in text.split(","):
        cleaned = part.strip(" \t\r\n\"'")
        if not cleaned:
            continue
        words = cleaned.split()
        options = [word for word in words if _OPTION.fullmatch(word)]
        url = parse_url(part if not options else " ".join(word for word in words if word not in options))
        values = {name.lower(): value for name, _, value in (option.partition("=") for option in options)}
        limit = _option(part, setting, values, "limit", _MOST_LIMIT)
        weight = _option(part, setting, values, "weight", _MOST_WEIGHT)
        if "limit" in values and (limit < 1 or limit != int(limit)):
            raise _wrong_option(part, setting, f"limit must be a whole number from 1 to {_MOST_LIMIT}")
        addresses.setdefault(url, Address(url, int(limit) if "limit" in values else 0, weight))
    if not addresses:
        raise UsageError(f"{setting} is empty", "Set it, for example to 127.0.0.1:11434.")
    if not any(address.weight for address in addresses.values()):
        raise UsageError(f"All hosts in {setting} have the weight 0", "Give at least one of them a weight above 0.")
    return tuple(addresses.values())


def _option(part: str, setting: str, values: Mapping[str, str], name: str, most: float) -> float:
    try:
        value = float(values.get(name, "1"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise _wrong_option(part, setting, f"{name} must be a number from 0 to {most:g}")
    return value


def _wrong_option(part: str, setting: str, what: str) -> UsageError:
    return UsageError(
        f"The host {part.strip()!r} in {setting} is invalid: {what}", "Write it as gpu:11434 limit=2 weight=0.5."
    )


def base_url(text: str, port_without_scheme: int, program: str) -> str:
    """The base URL of a host of a program, as a person writes it. Raises UsageError."""

    def wrong(what: str) -> UsageError:
        return UsageError(
            f"The {program} host {text.strip()!r} {what}",
            f"Write it as gpu, gpu:{port_without_scheme}, https://gpu or [::1]:{port_without_scheme}.",
        )

    cleaned = text.strip().strip("\"'").strip()
    scheme, separator, rest = cleaned.rpartition("://")
    scheme = scheme.lower()
    if separator and scheme not in ("http", "https"):
        raise wrong("begins with neither http:// nor https://")
    address, _, path = rest.partition("/")
    if "@" in address:
        # Not shown: the text before the @ is often a password.
        raise UsageError(f"The address of {program} contains a user name or password", "Remove it.")
    try:
        host, port = _host_and_port(address)
    except ValueError as error:
        raise wrong(str(error)) from None
    number = (
        _PORTS.get(scheme, port_without_scheme)
        if port is None
        else int(port)
        if re.fullmatch(r"[0-9]{1,5}", port)
        else 0
    )
    if not 0 < number <= 65535:
        raise wrong("has an invalid port: it must be 1 to 65535")
    path = path.strip("/")
    if re.search(r"[\s?#\\]", path):
        raise wrong("has an invalid path")
    return f"{scheme or 'http'}://{host}:{number}" + (f"/{path}" if path else "")


def _host_and_port(address: str) -> tuple[str, str | None]:
    """Return the host as in a URL, and the text of its port. Raises ValueError."""
    if _is_ipv6(address):
        return _written(address), None
    parts = _HOST_AND_PORT.fullmatch(address)
    if parts is None:
        raise ValueError("is not a valid host")
    host: str = parts["host"]
    if host.startswith("["):
        if not _is_ipv6(host[1:-1]):
            raise ValueError("is not a valid IPv6 address")
        host = host[1:-1]
    elif host and not _NAME.fullmatch(host):
        raise ValueError("is not a valid host")
    return _written(host or "127.0.0.1"), parts["port"]


def _written(host: str) -> str:
    host = host.lower()
    if _is_ipv6(host):
        host = str(ipaddress.IPv6Address(host))
    host = _ANY_ADDRESS.get(host, host)
    return f"[{host}]" if ":" in host else host


def _is_ipv6(host: str) -> bool:
    try:
        return not ipaddress.IPv6Address(host).scope_id
    except ValueError:
        return False


@dataclass(slots=True)
class _Health:
    """Whether something is left out: why, until when, after how many failures in a row, and how often it was."""

    failures: int = 0
    rests_until: float = 0.0
    reason: str = ""
    outages: int = 0

    def fail(self, name: str, error: AnalyzerError, now: float, seconds: float | None = None) -> float:
        """Rest for `seconds`, else longer after each failure; returns how long. Logs the first of several."""
        if now < self.rests_until:
            # Of several requests that ran there, another one noticed first.
            return self.rests_until - now
        rest = min(REST_SECONDS * 2.0 ** min(self.failures, 10), MOST_REST_SECONDS) if seconds is None else seconds
        if not self.failures:
            self.outages += 1
            log.warning("%s is left out: %s", name, error)
        self.failures += 1
        self.rests_until = now + rest
        self.reason = error.message
        return rest

    def recover(self, name: str) -> None:
        """Take part again."""
        if self.failures:
            log.info("%s takes part again", name)
        self.failures = 0
        self.rests_until = 0.0
        self.reason = ""


@dataclass(slots=True)
class Host:
    """A server among several: `limit` requests of one kind at a time (0: as many as suit), and its weight.

    A host's share of the work is its measured speed times its weight; one of weight 0 works while no other answers.
    """

    server: RemoteServer
    limit: int = 0
    weight: float = 1.0
    health: _Health = field(default_factory=_Health)

    @property
    def name(self) -> str:
        """Return the server's name."""
        return self.server.peer.name


@dataclass(eq=False, slots=True)
class _Place:
    """A host, as it does one kind of work; `health` is about that, `host.health` about whether it can be reached.

    `most` limits its requests after an outage. `virtual` is the time that its work so far should have taken it.
    `doubts` are its errors that another host is being asked about.
    """

    host: Host
    health: _Health = field(default_factory=_Health)
    running: int = 0
    held: int = 0
    answered: int = 0
    most: int = _NO_LIMIT
    virtual: float = 0.0
    outages: int = 0
    doubts: int = 0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def is_able(self, now: float) -> bool:
        """Whether it takes part. One that was down takes part once a look found that it answers."""
        return not self.host.health.failures and self.health.rests_until <= now


class Hosts:
    """Spreads one kind of work over servers that can all do it, each with as many requests at a time as it takes.

    A request goes to the host that will be free first: to a free one, in proportion to measured speed and weight,
    else to the first that becomes free. `usual` requests at a time suit a host without a limit of its own; `total`,
    if not 0, are shared by such hosts instead. A host that fails what another one can do is left out for a while,
    longer each time; `look` (awaits an answer of the server, or raises AnalyzerError) tells when one that was down
    is back, which begins with one request at a time. A single host is never left out, and has no limit but its own.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        usual: int = 1,
        total: int = 0,
        *,
        look: Callable[[RemoteServer], Awaitable[object]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = [_Place(host) for host in hosts]
        self._usual = usual
        self._total = total
        self._look = look
        self._clock = clock
        self._waiting: list[asyncio.Future[None]] = []
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    @property
    def servers(self) -> list[RemoteServer]:
        """Return all servers in the given order."""
        return [place.host.server for place in self._places]

    @property
    def loads(self) -> list[HostLoad]:
        """Return what each host does now, in the given order."""
        now = self._clock()
        return [
            HostLoad(
                place.host.name,
                place.running,
                self._limit(place),
                place.answered,
                statistics.median_low(place.recent) if place.recent else 0.0,
                "" if place.is_able(now) else place.host.health.reason or place.health.reason,
            )
            for place in self._places
        ]

    async def close(self) -> None:
        """End the looks at hosts that are down."""
        for timer in self._timers:
            timer.cancel()
        looks = list(self._looks.values())
        for task in looks:
            task.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def run(
        self,
        call: Callable[[RemoteServer], Awaitable[Result]],
        begun: Callable[[], bool] = lambda: False,
        *,
        urgent: bool = False,
    ) -> Result:
        """Await `call` with one server after the other until one succeeds; an `urgent` one never waits for its turn.

        Unless `begun()`, tries all hosts if a server is down or lacks the model, and one other for any other error,
        to tell a host's fault from the request's. Raises what the call raised; if all are down, one ServerDownError.
        """
        failed: list[tuple[_Place, AnalyzerError]] = []
        try:
            return await self._tried(call, begun, urgent, failed)
        finally:
            for place, _ in failed:
                place.doubts -= 1
            self._stir()

    async def _tried(
        self,
        call: Callable[[RemoteServer], Awaitable[Result]],
        begun: Callable[[], bool],
        urgent: bool,
        failed: list[tuple[_Place, AnalyzerError]],
    ) -> Result:
        """Await `call` as `run` does, and note in `failed` which host failed how."""
        tried: list[_Place] = []
        downs: list[ServerDownError] = []
        while (place := await self._take(tried, failed, urgent)) is not None:
            tried.append(place)
            started = self._clock()
            try:
                result = await call(place.host.server)
            except ServerDownError as error:
                if len(self._places) > 1:
                    place.host.health.fail(place.host.name, error, self._clock())
                if begun():
                    raise
                downs.append(error)
            except (TextTooLongError, NotANumberError):
                # The same model says the same of this text on every host.
                raise
            except AnalyzerError as error:
                if begun():
                    if error.kind is ErrorKind.TRANSIENT:
                        self._leave_out(place, error)
                    raise
                failed.append((place, error))
                place.doubts += 1
            else:
                for other, fault in failed:
                    self._leave_out(other, fault)
                self._note_answer(place, self._clock() - started)
                return result
            finally:
                place.running -= 1
                self._stir()
        others = [error for _, error in failed if not _lacks_model(error)]
        if others:
            raise others[0]
        # The server that is down may have the model.
        raise _all_down(downs) if downs or not failed else failed[0][1]

    async def _take(
        self, tried: Sequence[_Place], failed: Sequence[tuple[_Place, AnalyzerError]], urgent: bool
    ) -> _Place | None:
        """Return the host for a request once it has room; None if there is none left to try."""
        opinions = sum(not _lacks_model(error) for _, error in failed)
        while True:
            now = self._clock()
            able = [place for place in self._places if place.is_able(now)]
            if able:
                # With no other one, requests themselves try those that rest.
                self._look_at_resting(now)
            for place in able:
                self._join(place)
            able = [place for place in able if place.host.weight] or able
            # One that fails fast would be free all the time.
            able = [place for place in able if not place.doubts] or able
            left = [place for place in able if place not in tried]
            if opinions and (opinions > 1 or not left):
                return None
            left = left or [place for place in self._places if place not in tried]
            if not left:
                return None
            if urgent:
                chosen = min(left, key=lambda place: self._seconds(place) * (1 + place.running / self._limit(place)))
            else:
                free = [place for place in left if place.running + place.held < self._limit(place)]
                if not free:
                    await self._wait(now)
                    continue
                chosen = min(free, key=lambda place: place.virtual + self._cost(place))
            # One that had nothing to do for long does not catch up.
            lead = max(place.virtual for place in self._places)
            cost = self._cost(chosen)
            chosen.virtual = max(chosen.virtual, lead - _MOST_BEHIND * cost) + cost
            chosen.running += 1
            return chosen

    def _limit(self, place: _Place) -> int:
        """Return how many requests a host takes at a time."""
        if place.host.limit:
            limit = place.host.limit
        elif len(self._places) == 1:
            limit = _NO_LIMIT
        else:
            now = self._clock()
            sharing = sum(not other.host.limit and other.is_able(now) for other in self._places)
            limit = -(-self._total // max(1, sharing)) if self._total else self._usual
        return min(limit, place.most)

    def _seconds(self, place: _Place) -> float:
        """Return what a request takes a host: the middle of the last ones, which one long picture does not move.

        One that has answered nothing yet counts as the others, so that it is measured soon.
        """
        if place.recent:
            return statistics.median_low(place.recent)
        known = [statistics.median_low(other.recent) for other in self._places if other.recent]
        return statistics.median_low(known) if known else 1.0

    def _cost(self, place: _Place) -> float:
        """Return by how much a request delays a host, in seconds for its weight."""
        return self._seconds(place) / self._limit(place) / (place.host.weight or 1.0)

    def _note_answer(self, place: _Place, seconds: float) -> None:
        place.recent.append(seconds)
        place.answered += 1
        place.health.recover(place.host.name)
        place.host.health.recover(place.host.name)
        place.most = min(place.most + 1, _NO_LIMIT)
        now = self._clock()
        heaviest = max((other.host.weight for other in self._places if other.is_able(now)), default=0.0)
        if 0 < place.host.weight < heaviest:
            # By its speed alone it would take more than its share, so its slot stays empty for a while.
            place.held += 1
            pause = min(seconds, 2 * self._seconds(place)) * (heaviest / place.host.weight - 1)
            self._after(pause, lambda: self._let_go(place))

    def _let_go(self, place: _Place) -> None:
        place.held -= 1
        self._stir()

    def _leave_out(self, place: _Place, error: AnalyzerError) -> None:
        """Leave a host out of this kind of work, as it failed what another one could do."""
        if len(self._places) > 1:
            seconds = _MODEL_SECONDS if _lacks_model(error) else error.retry_after
            self._after(place.health.fail(place.host.name, error, self._clock(), seconds), self._stir)

    def _join(self, place: _Place) -> None:
        """Have a host that was left out take part with one request at a time at first, and no debt from before."""
        outages = place.host.health.outages + place.health.outages
        if place.outages != outages:
            place.outages = outages
            place.most = 1
            place.virtual = max(other.virtual for other in self._places)

    def _look_at_resting(self, now: float) -> None:
        """Look at the hosts that were down and have rested."""
        for place in self._places:
            health = place.host.health
            if health.failures and health.rests_until <= now and place.host.name not in self._looks:
                task = asyncio.create_task(self._look_at(place.host), name=f"look at {place.host.name}")
                self._looks[place.host.name] = task

    async def _look_at(self, host: Host) -> None:
        try:
            await self._look(host.server)
        except AnalyzerError as error:
            if error.kind is ErrorKind.TRANSIENT:
                self._after(host.health.fail(host.name, error, self._clock()), self._stir)
                return
            # A refusal is an answer, too.
            host.health.recover(host.name)
        else:
            host.health.recover(host.name)
        finally:
            del self._looks[host.name]
            self._stir()

    async def _wait(self, now: float) -> None:
        """Wait until a slot is free or a host has rested."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(changed)
        rests = [place.host.health.rests_until for place in self._places if place.host.health.failures]
        soonest = min((rest - now for rest in rests if rest > now), default=None)
        try:
            async with asyncio.timeout(soonest):
                await changed
        except TimeoutError:
            return
        finally:
            if changed in self._waiting:
                self._waiting.remove(changed)

    def _stir(self) -> None:
        waiting, self._waiting = self._waiting, []
        for changed in waiting:
            if not changed.done():
                changed.set_result(None)

    def _after(self, seconds: float, then: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            then()

        timer = asyncio.get_running_loop().call_later(seconds, fire)
        self._timers.add(timer)


class Lanes:
    """The two kinds of work of the same hosts: descriptions and embeddings, each with its own measured speed.

    The limits are those of the settings for all hosts together, 0 for as many as suit each.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        describe_limit: int,
        embed_limit: int,
        look: Callable[[RemoteServer], Awaitable[object]],
    ) -> None:
        self.describe = Hosts(hosts, SERVER_DESCRIBES, describe_limit, look=look)
        self.embed = Hosts(hosts, SERVER_EMBEDS, embed_limit, look=look)

    @property
    def servers(self) -> list[RemoteServer]:
        """Return all servers in the given order."""
        return self.describe.servers

    def loaded(self, states: Sequence[ServerState]) -> list[ServerState]:
        """Return the states of all servers, in the given order, with what each does if there are several."""
        if len(states) == 1:
            return list(states)
        return [replace(state, load=load) for state, load in zip(states, self.describe.loads, strict=True)]

    async def close(self) -> None:
        """Close all connections without waiting for running calls."""
        await self.describe.close()
        await self.embed.close()
        for server in self.servers:
            await server.close()


def slots(addresses: Sequence[Address], usual: int) -> int:
    """Return how many requests hosts take together, where `usual` suit one without a limit of its own."""
    return sum(address.limit or usual for address in addresses if address.weight)


def _lacks_model(error: AnalyzerError) -> bool:
    return bool(error.missing_model) or isinstance(error, ModelMissingError)


def _all_down(errors: Sequence[ServerDownError]) -> ServerDownError:
    if len(errors) == 1:
        return errors[0]
    return ServerDownError(
        ", ".join(error.server for error in errors), "; ".join(error.message for error in errors), errors[0].hint
    )
