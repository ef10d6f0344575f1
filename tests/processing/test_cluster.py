"""Heavy work on a Dask cluster of real processes: what travels, what is lost, what is left out, and what is said."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.conftest import DEADLINE_SECONDS, DrawPicture, JointModel, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.analyzers.builtin.analyzer import describe_picture, embed_described
from vuemantics_tui.analyzers.joint.towers import see
from vuemantics_tui.config import Settings
from vuemantics_tui.doctor.machine import examine_cluster
from vuemantics_tui.domain.errors import MediaError, UsageError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import LookSize, SmallPicture
from vuemantics_tui.library.cluster import ClusterCompute, MemberState, address_of, cluster_compute, options_of
from vuemantics_tui.media.jobs import extract_frames, first_look
from vuemantics_tui.paths import cache_dir
from vuemantics_tui.processing.compute import ProcessCompute, cluster

SIZE = LookSize(320, 1024)
# A certificate for 127.0.0.1 with its key, and one that did not sign it: made for these tests, valid until 2126.
TLS = Path(__file__).parent / "tls"
MOST_PIXELS = 10_000_000


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what this process sees; fail after a minute."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


OpenCluster = Callable[..., Awaitable[ClusterCompute]]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Any]:
    """Run a cluster of two workers with a thread each, in processes of their own; what is killed comes back."""
    with warnings.catch_warnings():
        # Its own, about ports and about what it deprecates.
        warnings.simplefilter("ignore")
        import distributed

        # Pages of a cluster are for people, and take long to import.
        make_cluster: Any = distributed.LocalCluster
        with make_cluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
        ) as made:
            yield made


@pytest.fixture
async def open_cluster() -> AsyncIterator[OpenCluster]:
    """Return a function that opens the compute of a cluster, connected unless told otherwise; closed at the end."""
    opened: list[ClusterCompute] = []

    async def open_one(address: str, *, workers: int = 2, **settings: object) -> ClusterCompute:
        compute = cluster_compute(Settings(cluster=address, **settings), ProcessCompute(1))  # type: ignore[arg-type]
        opened.append(compute)
        compute.connection.start()
        if workers:
            await until(lambda: len(working(compute)) == workers)
        return compute

    yield open_one
    await asyncio.gather(*(compute.close() for compute in opened))


def members_of(compute: ClusterCompute) -> tuple[MemberState, ...]:
    return compute.connection.state.members


def working(compute: ClusterCompute) -> list[str]:
    return [each.name for each in members_of(compute) if not each.trouble and each.facts.version]


def pictures_done(compute: ClusterCompute) -> int:
    return sum(each.facts.pictures for each in members_of(compute))


async def test_three_hundred_uploads_complete_though_a_worker_is_killed(
    scheduler: Any, open_cluster: OpenCluster, open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    compute = await open_cluster(scheduler.scheduler_address)
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer, compute)
    results = await add_all(library, *(draw_picture(f"{number}.png", number, (64, 48)) for number in range(300)))
    await library.queue.start()
    await until(lambda: len(analyzer.described) > 60)
    victim = next(iter(scheduler.workers.values()))
    # Stopped, it keeps what it has until it dies.
    os.kill(victim.process.process.pid, signal.SIGSTOP)
    await until(lambda: any(each.in_flight for each in members_of(compute) if each.address == victim.worker_address))
    os.kill(victim.process.process.pid, signal.SIGKILL)
    await settled(library)
    counts = await library.queue.store.counts()
    assert (counts.completed, counts.failed) == (300, 0)
    assert len(analyzer.described) == 300
    assert compute.connection.state.lost >= 1 and len(compute.connection.state.lost_workers) == 1
    for result in (results[0], results[-1]):
        assert result.upload is not None
        found = await library.uploads.find(result.upload.id)
        assert found.thumbnail_path is not None and (found.width, found.height) == (64, 48)
    # The nanny starts another one, which gets work too.
    await until(lambda: len(working(compute)) == 2)
    before = {each.name: each.facts.pictures for each in members_of(compute)}
    path = draw_picture("after.png")
    await asyncio.gather(*(compute.run(first_look, path, FileType.IMAGE, SIZE, MOST_PIXELS) for _ in range(12)))
    await until(lambda: all(each.facts.pictures > before[each.name] for each in members_of(compute)))


async def test_a_worker_finds_what_this_machine_finds(
    scheduler: Any,
    open_cluster: OpenCluster,
    draw_picture: DrawPicture,
    draw_clip: Callable[[], Path],
    tmp_path: Path,
) -> None:
    compute = await open_cluster(scheduler.scheduler_address)
    clip = draw_clip()
    frames = await compute.run(extract_frames, clip, 3)
    assert frames and frames == await compute.local.run(extract_frames, clip, 3)
    look = await compute.run(first_look, clip, FileType.VIDEO, SIZE, MOST_PIXELS)
    assert look.thumbnail and look.metadata is None
    picture = draw_picture(size=(320, 240))
    there = await compute.run(first_look, picture, FileType.IMAGE, SIZE, MOST_PIXELS)
    here = await compute.local.run(first_look, picture, FileType.IMAGE, SIZE, MOST_PIXELS)
    assert (there.thumbnail, there.traits) == (here.thumbnail, here.traits)
    assert isinstance(there.picture, bytes) and there.metadata is None
    described, _ = await compute.run(describe_picture, picture, cache_dir())
    alone, _ = await compute.local.run(describe_picture, picture, cache_dir())
    assert described == alone
    # Pixels travel as a JPEG; a file that is too large to send, as a preview.
    assert isinstance(here.picture, SmallPicture)
    near, _ = await compute.run(describe_picture, here.picture, cache_dir())
    small = await open_cluster(scheduler.scheduler_address, cluster_send_mib=0)
    nearer, _ = await small.run(describe_picture, picture, cache_dir())
    assert near.text and nearer.text
    assert (await small.run(first_look, picture, FileType.IMAGE, SIZE, MOST_PIXELS)).metadata is not None
    vector = await compute.run(embed_described, "a cat", {"cat": 0.5})
    assert (vector == await compute.local.run(embed_described, "a cat", {"cat": 0.5})).all()
    broken = tmp_path / "broken.png"
    broken.write_bytes(picture.read_bytes()[:40])
    with pytest.raises(MediaError):
        await compute.run(describe_picture, broken, cache_dir())
    with pytest.raises(MediaError, match="gone"):
        await compute.run(describe_picture, tmp_path / "none.png", cache_dir())


async def test_shared_files_travel_as_paths_and_cancelled_calls_are_stopped_there(
    scheduler: Any, open_cluster: OpenCluster, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    compute = await open_cluster(scheduler.scheduler_address, cluster_shared=str(tmp_path))
    look = await compute.run(first_look, draw_picture(), FileType.IMAGE, SIZE, MOST_PIXELS)
    assert look.metadata is not None
    # Whoever opens it waits for one that writes.
    endless = tmp_path / "endless.png"
    os.mkfifo(endless)
    calls = [
        asyncio.ensure_future(compute.run(first_look, endless, FileType.IMAGE, SIZE, MOST_PIXELS)) for _ in range(4)
    ]
    await until(lambda: [each.facts.running for each in members_of(compute)] == [1, 1])
    for call in calls:
        call.cancel()
    assert all(
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*calls, return_exceptions=True)
    )
    await until(lambda: [each.facts.running for each in members_of(compute)] == [0, 0])
    assert [each.in_flight for each in members_of(compute)] == [0, 0]
    assert await compute.run(first_look, draw_picture(), FileType.IMAGE, SIZE, MOST_PIXELS) == look
    # Where workers do not see the folder, they get the bytes, however many calls find that out at a time.
    blind = await open_cluster(scheduler.scheduler_address, cluster_shared=f"{tmp_path}={tmp_path}/nowhere")
    looks = [blind.run(first_look, draw_picture(), FileType.IMAGE, SIZE, MOST_PIXELS) for _ in range(6)]
    assert {each.metadata for each in await asyncio.gather(*looks)} == {None}
    assert [each.trouble for each in members_of(blind)] == ["", ""]


async def test_a_worker_of_another_version_or_with_other_models_is_left_out(
    scheduler: Any, open_cluster: OpenCluster, draw_picture: DrawPicture
) -> None:
    compute = await open_cluster(scheduler.scheduler_address)
    changed = [each.address for each in members_of(compute)]
    for address, name, value in ((changed[0], "version", "0.0.1"), (changed[1], "builtin", "another model")):
        await tell_other_facts(scheduler, address, name, value)
    later = await open_cluster(scheduler.scheduler_address, workers=0)
    await until(lambda: all(each.trouble for each in members_of(later)) and len(members_of(later)) == 2)
    troubles = {each.address: each.trouble for each in members_of(later)}
    assert "vuemantics-tui 0.0.1" in troubles[changed[0]]
    assert "another model" in troubles[changed[1]]
    # Nobody there can: it is done here.
    assert (await later.run(first_look, draw_picture(), FileType.IMAGE, SIZE, MOST_PIXELS)).metadata is not None
    for address in changed:
        await tell_other_facts(scheduler, address, "", "")


async def tell_other_facts(scheduler: Any, address: str, name: str, value: str) -> None:
    """Have a worker tell something else of itself; with no name, the truth again."""
    import distributed

    def lie(name: str, value: str, dask_worker: Any = None) -> None:
        bench = dask_worker.vuemantics_bench
        dask_worker.metrics["vuemantics"] = lambda _: {**bench.facts(), **({name: value} if name else {})}

    client: Any = distributed.Client
    async with client(scheduler.scheduler_address, asynchronous=True, set_as_default=False) as client:
        await client.run(lie, name, value, workers=[address])


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python module until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def dask_scheduler(port: int) -> Any:
    return program("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")


async def test_the_scheduler_dies_and_comes_back(
    open_cluster: OpenCluster, open_library: OpenLibrary, draw_picture: DrawPicture, joint_model: JointModel
) -> None:
    library = await open_library()
    model = await library.models.add(joint_model(), "small")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    picture = draw_picture()

    def look(compute: ClusterCompute) -> asyncio.Task[Any]:
        return asyncio.create_task(compute.run(first_look, picture, FileType.IMAGE, SIZE, MOST_PIXELS))

    with program("vuemantics_tui", "worker", address, "--threads", "1", "--name", "alone", "--tag", "GPU") as worker:
        with dask_scheduler(port) as scheduler:
            goes_on = await open_cluster(address, workers=1)
            waits = await open_cluster(address, workers=1, cluster_away="wait")
            assert [(each.name, each.tags) for each in goes_on.connection.state.members] == [("alone", ("GPU",))]
            assert (await look(goes_on)).metadata is None
            # A worker that has the model makes its vectors, and is known by the model's fingerprint.
            assert goes_on.connection.state.members[0].facts.models == (model.key,)
            seen = await goes_on.run(see, model.folder, picture, FileType.IMAGE, 1)
            alone = await goes_on.local.run(see, model.folder, picture, FileType.IMAGE, 1)
            assert (seen.vectors == alone.vectors).all()
            await until(lambda: pictures_done(goes_on) == 2)
            scheduler.kill()
            await until(lambda: not goes_on.connection.state.connected and not waits.connection.state.connected)
            assert "scheduler" in goes_on.connection.state.trouble
            assert (await look(goes_on)).metadata is not None
            waiting = look(waits)
        listed = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "vuemantics_tui", "cluster", "--json", "--cluster", address],
            capture_output=True,
            text=True,
        )
        assert listed.returncode == 1 and not json.loads(listed.stdout)["connected"]
        assert not waiting.done()
        with dask_scheduler(port):
            assert (await waiting).metadata is None
            await until(lambda: goes_on.connection.state.connected and bool(working(goes_on)))
            assert (await look(goes_on)).metadata is None
            # A worker says what it has done twice a second.
            await until(lambda: pictures_done(goes_on) == 2)
            listed = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "vuemantics_tui", "cluster", "--json", "--cluster", address],
                capture_output=True,
                text=True,
            )
            assert (listed.returncode, listed.stderr) == (0, "")
            (found,) = json.loads(listed.stdout)["workers"]
            (finding,) = await examine_cluster(Settings(cluster=address))
            assert (finding.is_problem, finding.text) == (False, f"{address}: 1 worker, 1 thread")
            assert (found["name"], found["threads"], found["pictures"], found["trouble"]) == ("alone", 1, 2, "")
            worker.send_signal(signal.SIGINT)
            said = (await asyncio.to_thread(worker.communicate))[1].decode()
    assert "alone works for" in said and "is gone. Waiting for it." in said and "Traceback" not in said


async def test_what_is_no_scheduler_is_said_and_work_goes_on_here(
    open_cluster: OpenCluster, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So long a server that speaks otherwise is given to answer, twice.
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        compute = await open_cluster(f"127.0.0.1:{server.server_port}", workers=0)
        assert await compute.run(first_look, draw_picture(), FileType.IMAGE, SIZE, MOST_PIXELS)
        assert not compute.connection.state.connected and "Dask scheduler" in compute.connection.state.trouble
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("encrypts", "trouble"), [(True, "does not accept the other's certificate"), (False, "TLS")])
async def test_a_certificate_that_is_not_accepted_is_not_a_scheduler_to_start(encrypts: bool, trouble: str) -> None:
    own, key = TLS / "localhost.pem", TLS / "localhost.key"
    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    if encrypts:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    settings = Settings(
        cluster=f"tls://127.0.0.1:{server.server_port}",
        cluster_ca_file=str(TLS / "other.pem"),
        cluster_cert_file=str(own),
        cluster_key_file=str(key),
    )
    try:
        (finding,) = await examine_cluster(settings)
        assert trouble in finding.text and "no Dask scheduler" not in finding.text
        assert "cluster_ca_file" in finding.hint and "Start" not in finding.hint
    finally:
        server.shutdown()
        server.server_close()
    (away,) = await examine_cluster(Settings(cluster=f"tcp://127.0.0.1:{free_port()}"))
    assert "no Dask scheduler" in away.text and "Start a scheduler" in away.hint


def test_a_command_says_that_the_cluster_is_offline(draw_picture: DrawPicture, tmp_path: Path) -> None:
    def add(*flags: str, away: str) -> subprocess.CompletedProcess[str]:
        address = ("--cluster", f"127.0.0.1:{free_port()}")
        return subprocess.run(
            [sys.executable, "-m", "vuemantics_tui", "add", *address, *flags, str(draw_picture())],
            env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / away), "VUEMANTICS_CLUSTER_AWAY": away},
            capture_output=True,
            text=True,
            timeout=120,
        )

    added = add(away="local")
    assert added.returncode == 0, added.stderr
    assert added.stderr.count("Dask scheduler answers there") == 1
    assert "Working on this machine until it is back." in added.stderr
    given_up = add("--patience", "1", away="wait")
    assert given_up.returncode == 1
    assert "Dask scheduler answers there" in given_up.stderr and "Waiting for it." in given_up.stderr
    assert 'set cluster_away = "local"' in given_up.stderr


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"cluster": "http://here:8786"}, "not the address"),
        ({"cluster": "tls://here"}, "needs certificates"),
        ({"cluster": "tcp://here", "cluster_ca_file": "/nowhere.pem"}, "cannot be read"),
        ({"cluster": "tcp://here", "cluster_ca_file": __file__}, "cannot be used"),
        ({"cluster": "tcp://here", "cluster_shared": "photos"}, "cluster_shared"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        options_of(Settings(**settings))


def test_addresses_may_leave_out_what_is_usual() -> None:
    assert address_of("here") == "tcp://here:8786"
    assert address_of("here:1") == "tcp://here:1"
    assert address_of("tls://here") == "tls://here:8786"
