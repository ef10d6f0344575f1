"""How Ollama's hosts are written, and which of them gets a request."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.analyzers.failures import Peer, down
from vuemantics_tui.analyzers.hosts import REST_SECONDS, Hosts, parse_hosts
from vuemantics_tui.analyzers.wire import RemoteServer, TimeLimits
from vuemantics_tui.domain.errors import AnalyzerError, ServerDownError, UsageError

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
    assert parse_hosts(text) == (url,)
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
    assert parse_hosts(text) == tuple(f"http://{name}:{port}" for name, port in hosts)


@given(st.text(max_size=30))
def test_any_text_is_urls_or_a_usage_error(text: str) -> None:
    try:
        urls = parse_hosts(text)
    except UsageError:
        return
    for url in urls:
        assert parse_hosts(url) == (url,)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def servers(*names: str) -> list[RemoteServer]:
    return [RemoteServer(Peer(name, f"http://{name}", "start it", "", ""), TimeLimits(1, 1, 1)) for name in names]


async def test_the_least_busy_host_gets_the_request() -> None:
    hosts = Hosts(servers("a", "b", "c"))
    gate = asyncio.Event()
    asked: list[str] = []

    async def call(server: RemoteServer) -> None:
        asked.append(server.peer.name)
        await gate.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(hosts.run(call))
        while len(asked) < 6:
            await asyncio.sleep(0)
        gate.set()
    assert asked == ["a", "b", "c"] * 2


async def test_a_host_that_refused_rests() -> None:
    clock = Clock()
    hosts = Hosts(servers("a", "b"), clock)
    dead = {"a"}
    asked: list[str] = []

    async def call(server: RemoteServer) -> str:
        asked.append(server.peer.name)
        if server.peer.name in dead:
            raise down(server.peer, "refuses")
        return server.peer.name

    assert await hosts.run(call) == "b"
    assert await hosts.run(call) == "b"
    assert asked == ["a", "b", "b"]
    clock.now += REST_SECONDS
    dead.clear()
    assert await hosts.run(call) == "a"
    dead.update("ab")
    with pytest.raises(ServerDownError) as raised:
        await hosts.run(call)
    assert raised.value.server == "a, b"
    assert raised.value.message == "a refuses; b refuses"
    # Both rest now, and so both are asked.
    dead.clear()
    assert await hosts.run(call) == "a"


async def test_what_has_begun_stays_with_its_host() -> None:
    hosts = Hosts(servers("a", "b"))

    async def call(server: RemoteServer) -> None:
        raise down(server.peer, "is gone")

    with pytest.raises(ServerDownError, match="a is gone"):
        await hosts.run(call, lambda: True)


async def test_a_host_without_the_model_is_passed_over() -> None:
    hosts = Hosts(servers("a", "b"))
    lacking = {"a"}

    async def call(server: RemoteServer) -> str:
        if server.peer.name in lacking:
            raise AnalyzerError(f"{server.peer.name}: not found", missing_model="m")
        return server.peer.name

    assert await hosts.run(call) == "b"
    lacking.add("b")
    with pytest.raises(AnalyzerError, match="not found"):
        await hosts.run(call)


async def test_another_error_goes_to_the_caller_at_once() -> None:
    hosts = Hosts(servers("a", "b"))
    asked: list[str] = []

    async def call(server: RemoteServer) -> None:
        asked.append(server.peer.name)
        raise AnalyzerError("no")

    with pytest.raises(AnalyzerError, match="no"):
        await hosts.run(call)
    assert asked == ["a"]
