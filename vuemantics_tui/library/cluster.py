"""The Dask cluster that does a library's heavy work: its use, its workers, and a look at it."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import re
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vuemantics_tui import paths
from vuemantics_tui.config import MIB, Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.library.models import installed_folder, installed_keys
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.processing.compute.bench import ATTRIBUTE, Bench, worker_plugin
from vuemantics_tui.processing.compute.cluster import ClusterCompute
from vuemantics_tui.processing.compute.connection import (
    CONNECT_SECONDS,
    ClusterOptions,
    ClusterState,
    MemberState,
    Tls,
    check_installed,
    quiet_dask,
)

__all__ = ["ClusterCompute", "ClusterState", "MemberState", "Tls"]

log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"(?P<scheme>tcp|tls)://(?P<host>[^/\s]+):(?P<port>\d{1,5})")
RETRY_SECONDS = 3.0
DEFAULT_PORT = 8786
PLUGIN = "vuemantics"


def address_of(text: str) -> str:
    """Return the address of a scheduler as Dask has it: tcp:// and port 8786 may be left out. Raises UsageError."""
    address = text if "://" in text else f"tcp://{text}"
    if re.fullmatch(r"(tcp|tls)://[^/:\s]+", address):
        address = f"{address}:{DEFAULT_PORT}"
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise UsageError(
            f"{text!r} is not the address of a Dask scheduler", "It looks like tcp://scheduler:8786 or tls://..."
        )
    return address


def options_of(settings: Settings) -> ClusterOptions:
    """Return where the cluster is and how it is used. Raises UsageError."""
    check_installed()
    address = address_of(settings.cluster)
    return ClusterOptions(
        address,
        settings.cluster_away == "wait",
        settings.cluster_send_mib * MIB,
        tuple(_shared(each) for each in settings.cluster_shared.split(",") if each.strip()),
        tls_of(settings, address),
        settings.limits.max_pixels,
    )


def tls_of(settings: Settings, address: str) -> Tls:
    """Return the certificates for a scheduler. Raises UsageError for one that cannot be read."""
    files = [settings.cluster_ca_file, settings.cluster_cert_file, settings.cluster_key_file]
    found = [str(Path(file).expanduser()) if file else "" for file in files]
    for name, file in zip(("ca", "cert", "key"), found, strict=True):
        if file and not os.access(file, os.R_OK):
            raise UsageError(f"{file} cannot be read", f"Correct the setting cluster_{name}_file.")
    if address.startswith("tls://") and not all(found):
        raise UsageError(
            "A scheduler at tls:// needs certificates",
            "Set cluster_ca_file, cluster_cert_file and cluster_key_file.",
        )
    ca_file, cert_file, key_file = found
    try:
        if ca_file:
            ssl.create_default_context(cafile=ca_file)
        if cert_file:
            ssl.create_default_context().load_cert_chain(cert_file, key_file or None)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The certificates of the cluster cannot be used: {error}",
            "Check cluster_ca_file, cluster_cert_file and cluster_key_file.",
        ) from error
    return Tls(ca_file, cert_file, key_file)


def _shared(text: str) -> tuple[Path, str]:
    here, _, there = text.strip().partition("=")
    folder = Path(here).expanduser()
    if not folder.is_absolute():
        raise UsageError(f"The setting cluster_shared has {here!r}", "Name each folder with its whole path.")
    return folder, there or str(folder)


def cluster_compute(settings: Settings, local: ProcessCompute) -> ClusterCompute:
    """Return what runs heavy calls on the cluster of the settings. Raises UsageError."""
    return ClusterCompute(options_of(settings), local, give_bench, model_key)


def model_key(folder: Path) -> str:
    """Return what the vectors of the joint model in a folder are called; its path where that says nothing."""
    return installed_keys(folder.parent).get(folder, str(folder))


@dataclass(frozen=True, slots=True)
class LostWorker:
    """A worker that was lost, with how many calls of a client that ran again elsewhere."""

    worker: str
    address: str
    calls: int


@dataclass(frozen=True, slots=True)
class ClusterLook:
    """A cluster at one moment, and what its clients have lost since its scheduler began."""

    state: ClusterState
    lost: tuple[LostWorker, ...]


async def look_at(settings: Settings) -> ClusterLook:
    """Look at the cluster of the settings. Raises UsageError; one that is away is part of the answer."""
    compute = cluster_compute(settings, ProcessCompute(1))
    try:
        state, told = await compute.connection.seen()
    finally:
        await compute.close()
    return ClusterLook(
        state,
        tuple(
            LostWorker(str(each.get("worker")), str(each.get("address")), int(each.get("calls", 0))) for each in told
        ),
    )


async def give_bench(dask_worker: Any) -> None:
    """Give a Dask worker that another command started what our calls need. Runs there."""
    if not hasattr(dask_worker, ATTRIBUTE):
        memory = Settings.load().worker_memory_mib * MIB
        await dask_worker.plugin_add(plugin=worker_plugin(partial(_bench, memory)), name=PLUGIN, catch_errors=False)


def _bench(memory: int, threads: int) -> Bench:
    models = paths.models_dir()
    return Bench(
        threads,
        memory,
        lambda: tuple(sorted(installed_keys(models).values())),
        lambda key: installed_folder(models, key),
    )


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """A worker to start: `tags` name what it is best at, such as GPU, `memory` bytes are for each of its processes."""

    address: str
    threads: int
    memory: int
    name: str = ""
    tags: tuple[str, ...] = ()
    host: str = ""
    port: int = 0


async def serve(options: WorkerOptions, tls: Tls, say: Callable[[str], None]) -> None:
    """Be a worker of a cluster until cancelled; whenever the scheduler goes away, wait until it is back.

    `say` is called with each thing that a person at this terminal should know. Raises UsageError.
    """
    check_installed()
    distributed = await asyncio.to_thread(quiet_dask)
    # Nobody needs a worker's web pages, and they show everything to anyone who can reach them.
    import dask

    dask.config.set({"distributed.worker.http.routes": []})
    said = ""
    with tempfile.TemporaryDirectory(prefix="vuemantics-worker-") as folder:
        while True:
            worker = distributed.Worker(
                options.address,
                nthreads=options.threads,
                name=options.name or f"{platform.node()}-{os.getpid()}",
                resources=dict.fromkeys(options.tags, options.threads),
                memory_limit=0,
                local_directory=folder,
                dashboard_address="127.0.0.1:0",
                security=tls.security(),
                host=options.host or None,
                port=options.port,
                plugins=(worker_plugin(partial(_bench, options.memory)),),
                death_timeout=CONNECT_SECONDS,
            )
            try:
                await worker
                said = ""
                at_once = counted(options.threads, "call")
                say(f"{worker.name} works for {options.address}, on {at_once} at a time.")
                await worker.finished()
                say(f"The scheduler at {options.address} is gone. Waiting for it.")
            except (OSError, TimeoutError, ValueError, RuntimeError) as error:
                words = f"No Dask scheduler answers at {options.address}. Waiting for it."
                if options.address.startswith("tls://"):
                    words += " If it is there, check the certificates."
                log.warning("%s %s", words, error)
                if words != said:
                    said = words
                    say(words)
            finally:
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        await worker.close(reason="stopped")
                except Exception:
                    log.debug("the worker did not end in order", exc_info=True)
            await asyncio.sleep(RETRY_SECONDS)
