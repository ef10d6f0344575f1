"""How Ollama's hosts are written, and which of them gets a request."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.analyzers.failures import Peer, down
from vuemantics_tui.analyzers.hosts import MOST_REST_SECONDS, Address, Host, Hosts, parse_hosts
from vuemantics_tui.analyzers.wire import RemoteServer, TimeLimits
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, ServerDownError, UsageError

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z][a-z0-9]{0,9})?", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("gpu", "http://gpu:11434"),
        ("gpu:8000", "http://gpu:8000"),
        (":8000", "http://127.0.0.1:8000"),
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("http://gpu:8000/", "http://gpu:8000"),
        ("http://gpu", "http://gpu:80"),
        ("https://gpu", "https://gpu:443"),
        ("HTTPS://GPU.local/", "https://gpu.local:443"),
        ("https://gpu:8443/ollama/", "https://gpu:8443/ollama"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("[::]:8000", "http://[::1]:8000"),
        ("http://[fe80:0::1]/", "http://[fe80::1]:80"),
        (' "gpu" ', "http://gpu:11434"),
        ("my_gpu.lan.", "http://my_gpu.lan.:11434"),
    ],
)
def test_one_host(text: str, url: str) -> None:
    assert [host.url for host in parse_hosts(text)] == [url]
    assert str(httpx.URL(url)).startswith(url.removesuffix(":80").removesuffix(":443")[:12])


@pytest.mark.parametrize(
    "text",
    [
        "gpu:port",
        "gpu:0",
        "gpu:65536",
        "gpu:-1",
        "gpu:",
        "ftp://gpu",
        "two words",
        "a:b:c",
        "[::1",
        "[gpu]:1",
        "-gpu",
        "http://gpu:1/a b",
        "http://gpu/?q",
        "\\\\gpu",
        "http://http://gpu",
    ],
)
def test_a_wrong_host_is_named(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_hosts(f"good, {text}")
    assert repr(text) in raised.value.message
    assert raised.value.hint


def test_a_password_is_not_shown() -> None:
    with pytest.raises(UsageError) as raised:
        parse_hosts("http://me:hunter2@gpu")
    assert "hunter2" not in raised.value.message + raised.value.hint


@pytest.mark.parametrize("text", ["", " , ", "''"])
def test_no_host_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="ollama_host is empty"):
        parse_hosts(text)


@given(st.lists(st.tuples(NAMES, st.integers(1, 65535)), min_size=1, max_size=5, unique=True))
def test_several_hosts_keep_their_order(hosts: list[tuple[str, int]]) -> None:
    text = " , ".join(f"{name}:{port}" for name, port in hosts)
    assert [host.url for host in parse_hosts(text)] == [f"http://{name}:{port}" for name, port in hosts]


@given(st.text(max_size=30))
def test_any_text_is_urls_or_a_usage_error(text: str) -> None:
    try:
        hosts = parse_hosts(text)
    except UsageError:
        return
    for host in hosts:
        assert parse_hosts(str(host) if host.weight else host.url) == (host if host.weight else Address(host.url),)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("gpu limit=4 weight=2.5", [Address("http://gpu:11434", 4, 2.5)]),
        ("gpu:1  Limit=2,nas", [Address("http://gpu:1", 2), Address("http://nas:11434")]),
        ("gpu, spare weight=0", [Address("http://gpu:11434"), Address("http://spare:11434", 0, 0.0)]),
        ("'gpu limit=2', gpu limit=3", [Address("http://gpu:11434", 2)]),
    ],
)
def test_hosts_with_limits_and_weights(text: str, addresses: list[Address]) -> None:
    assert list(parse_hosts(text)) == addresses
    assert [parse_hosts(str(address))[0] for address in addresses if address.weight] == [
        address for address in addresses if address.weight
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("gpu limit=0", "limit must be a whole number"),
        ("gpu limit=1.5", "limit must be a whole number"),
        ("gpu limit=many", "limit must be a number"),
        ("gpu weight=-1", "weight must be a number"),
        ("gpu weight=nan", "weight must be a number"),
        ("gpu weight=0, nas weight=0", "All hosts in ollama_host have the weight 0"),
        ("gpu slots=2", "is not a valid host"),
    ],
)
def test_wrong_options_are_refused(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        parse_hosts(text)


class Hurry(selectors.DefaultSelector):
    """Has the time of a loop pass at once when there is nothing to do."""

    now = 100.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        assert ready or timeout is not None, "everything waits for ever"
        if not ready:
            self.now += timeout or 0.0
        return ready


class Hurried(asyncio.SelectorEventLoop):
    """An event loop whose seconds cost nothing, and in which nothing is late."""

    def __init__(self) -> None:
        self._hurry = Hurry()
        super().__init__(self._hurry)

    def time(self) -> float:
        return self._hurry.now


class World:
    """Servers that take their time: `seconds` for a request, as many at a time as `at_once`, and may be broken."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = seconds
        self.at_once: dict[str, int] = {}
        self.errors: dict[str, Callable[[RemoteServer], Exception]] = {}
        self.unseen: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self._busy: dict[str, asyncio.Semaphore] = {}

    def hosts(self, usual: int = 1, total: int = 0, **options: tuple[int, float]) -> Hosts:
        return Hosts(
            [Host(server(name), *options.get(name, (0, 1.0))) for name in self.seconds],
            usual,
            total,
            look=self.look,
            clock=lambda: asyncio.get_running_loop().time(),
        )

    async def look(self, server: RemoteServer) -> None:
        if server.peer.name in self.unseen:
            raise down(server.peer, "is away")

    async def call(self, server: RemoteServer) -> str:
        name = server.peer.name
        self.asked[name] += 1
        self.running[name] += 1
        self.most[name] = max(self.most[name], self.running[name])
        try:
            if name in self.errors:
                await asyncio.sleep(0.01)
                raise self.errors[name](server)
            async with self._busy.setdefault(name, asyncio.Semaphore(self.at_once.get(name, 1))):
                await asyncio.sleep(self.seconds[name])
        finally:
            self.running[name] -= 1
        return name


def server(name: str) -> RemoteServer:
    return RemoteServer(Peer(name, f"http://{name}", "start it", "", ""), TimeLimits(1, 1, 1))


def hurried(test: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    def run() -> None:
        loop = Hurried()
        try:
            loop.run_until_complete(test())
        finally:
            loop.close()

    run.__name__ = test.__name__
    return run


async def work(hosts: Hosts, world: World, count: int, at_once: int) -> Counter[str]:
    """Have so many requests answered, some at a time; returns who answered."""
    rest = list(range(count))
    by: Counter[str] = Counter()

    async def some() -> None:
        while rest:
            rest.pop()
            by[await hosts.run(world.call)] += 1

    await asyncio.gather(*(some() for _ in range(at_once)))
    return by


@hurried
async def test_the_share_of_work_follows_the_speed() -> None:
    world = World(fast=1.0, slow=3.0)
    started = asyncio.get_running_loop().time()
    by = await work(world.hosts(), world, 200, 4)
    assert by["fast"] / by["slow"] == pytest.approx(3, rel=0.05)
    assert world.most == {"fast": 1, "slow": 1}
    # Three quarters of the work, one after the other, and no time lost.
    assert asyncio.get_running_loop().time() - started == pytest.approx(150, rel=0.03)


@hurried
async def test_the_share_follows_the_speed_when_hosts_have_time_to_spare() -> None:
    world = World(slow=0.3, fast=0.1)
    hosts = world.hosts()
    by: Counter[str] = Counter()
    for _ in range(80):
        by[await hosts.run(world.call)] += 1
        await asyncio.sleep(1)
    assert by["fast"] / by["slow"] == pytest.approx(3, rel=0.15)
    # Someone who waits gets the fastest.
    assert [await hosts.run(world.call, urgent=True) for _ in range(5)] == ["fast"] * 5


@hurried
async def test_a_host_with_more_slots_does_more() -> None:
    world = World(big=3.0, small=1.0)
    world.at_once["big"] = 6
    by = await work(world.hosts(big=(6, 1.0)), world, 300, 12)
    assert world.most == {"big": 6, "small": 1}
    assert by["big"] / by["small"] == pytest.approx(2, rel=0.05)


@hurried
async def test_weights_change_the_shares() -> None:
    world = World(a=1.0, b=1.0)
    assert (await work(world.hosts(b=(0, 0.5)), world, 90, 4))["a"] == pytest.approx(60, abs=3)
    world = World(a=1.0, spare=1.0)
    hosts = world.hosts(spare=(0, 0.0))
    assert await work(hosts, world, 20, 4) == {"a": 20}
    world.errors["a"] = lambda server: down(server.peer, "is gone")
    world.unseen.add("a")
    assert await work(hosts, world, 20, 4) == {"spare": 20}
    assert world.asked["a"] == 21


@hurried
async def test_a_limit_for_all_is_shared_by_those_that_answer() -> None:
    world = World(a=1.0, b=1.0)
    world.at_once = {"a": 9, "b": 9}
    hosts = world.hosts(total=4)
    await work(hosts, world, 40, 4)
    assert world.most == {"a": 2, "b": 2}
    world.errors["a"] = lambda server: down(server.peer, "is gone")
    world.unseen.add("a")
    await work(hosts, world, 40, 4)
    assert world.most["b"] == 4


@hurried
async def test_one_long_picture_does_not_make_a_host_slow() -> None:
    world = World(a=1.0, b=1.0)
    hosts = world.hosts()
    await work(hosts, world, 20, 2)
    world.seconds["a"] = 60.0
    assert await hosts.run(world.call) in ("a", "b")
    world.seconds["a"] = 1.0
    world.asked.clear()
    await work(hosts, world, 60, 2)
    assert world.asked["a"] == pytest.approx(30, abs=3)


@hurried
async def test_a_host_that_fails_fast_does_not_attract_the_work() -> None:
    world = World(good=1.0, broken=1.0)
    world.errors["broken"] = lambda server: AnalyzerError("out of memory", kind=ErrorKind.TRANSIENT)
    hosts = world.hosts()
    assert await work(hosts, world, 100, 4) == {"good": 100}
    # After 5, 10, 20, 40, 60 seconds.
    assert world.asked["broken"] <= 6
    (good, broken) = hosts.loads
    assert (good.left_out, broken.left_out) == ("", "out of memory")
    del world.errors["broken"]
    await asyncio.sleep(MOST_REST_SECONDS)
    by = await work(hosts, world, 100, 4)
    assert by["broken"] == pytest.approx(50, abs=3)


@hurried
async def test_a_host_that_comes_back_begins_with_one_request() -> None:
    world = World(a=1.0, b=1.0)
    world.at_once = {"a": 4, "b": 4}
    hosts = world.hosts(a=(4, 1.0), b=(4, 1.0))
    world.errors["a"] = lambda server: down(server.peer, "is gone")
    assert await work(hosts, world, 8, 8) == {"b": 8}
    asked = world.asked["a"]
    world.unseen.add("a")
    await work(hosts, world, 160, 8)
    # Looked at again and again, but no upload was sent there.
    assert world.asked["a"] == asked
    assert hosts.loads[0].left_out == "a is gone" or hosts.loads[0].left_out == "a is away"
    world.errors.clear()
    world.unseen.clear()
    world.most.clear()
    await asyncio.sleep(MOST_REST_SECONDS)
    await hosts.run(world.call)
    await asyncio.sleep(1)
    await work(hosts, world, 8, 8)
    assert world.most["a"] <= 2
    await work(hosts, world, 60, 8)
    assert world.most["a"] == 4


@hurried
async def test_a_host_that_refused_rests() -> None:
    world = World(a=1.0, b=1.0)
    hosts = world.hosts()
    world.errors["a"] = lambda server: down(server.peer, "refuses")
    assert [await hosts.run(world.call) for _ in range(3)] == ["b"] * 3
    assert world.asked["a"] == 1
    world.errors["b"] = world.errors["a"]
    with pytest.raises(ServerDownError) as raised:
        await hosts.run(world.call)
    assert set(raised.value.server.split(", ")) == {"a", "b"}
    assert "a refuses" in raised.value.message
    # Both rest, and so both are asked.
    world.errors.clear()
    assert await hosts.run(world.call) in ("a", "b")


@hurried
async def test_what_has_begun_stays_with_its_host() -> None:
    world = World(a=1.0, b=1.0)
    hosts = world.hosts()
    world.errors["a"] = lambda server: down(server.peer, "is gone")
    with pytest.raises(ServerDownError, match="a is gone"):
        await hosts.run(world.call, lambda: True)
    world.errors.clear()
    assert await hosts.run(world.call) == "b"


@hurried
async def test_a_host_without_the_model_is_passed_over() -> None:
    world = World(a=0.1, b=1.0)
    hosts = world.hosts()
    world.errors["a"] = lambda server: AnalyzerError(f"{server.peer.name}: not found", missing_model="m")
    assert await work(hosts, world, 30, 2) == {"b": 30}
    assert world.asked["a"] == 1
    world.errors["b"] = world.errors["a"]
    with pytest.raises(AnalyzerError, match="not found"):
        await hosts.run(world.call)


@hurried
async def test_another_host_tells_whose_fault_an_error_is() -> None:
    world = World(a=1.0, b=1.0, c=1.0)
    hosts = world.hosts()
    for name in "abc":
        world.errors[name] = lambda server: AnalyzerError(f"{server.peer.name} says no")
    with pytest.raises(AnalyzerError, match="a says no"):
        await hosts.run(world.call)
    # Two are enough, and nobody is left out for it.
    assert world.asked == {"a": 1, "b": 1}
    assert not any(load.left_out for load in hosts.loads)
    del world.errors["b"], world.errors["c"]
    await work(hosts, world, 30, 3)
    assert world.asked["a"] == 2


@hurried
async def test_a_single_host_has_no_limit_and_is_never_left_out() -> None:
    world = World(a=1.0)
    world.at_once["a"] = 9
    hosts = world.hosts()
    await work(hosts, world, 9, 5)
    assert world.most["a"] == 5
    world.errors["a"] = lambda server: down(server.peer, "is gone")
    for _ in range(2):
        with pytest.raises(ServerDownError):
            await hosts.run(world.call)
    world.errors.clear()
    assert await hosts.run(world.call) == "a"


@hurried
async def test_a_cancelled_request_leaves_its_slot() -> None:
    world = World(a=1.0, b=1.0)
    hosts = world.hosts()
    tasks = [asyncio.create_task(hosts.run(world.call)) for _ in range(4)]
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [load.running for load in hosts.loads] == [0, 0]
    assert sum((await work(hosts, world, 10, 4)).values()) == 10
