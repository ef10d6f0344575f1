"""The commands about a Dask cluster: worker, cluster."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import FAILED, cluster_option, current_settings, json_option
from vuemantics_tui.cli.output import emit, emit_json, note, table
from vuemantics_tui.cli.session import Interrupted, run
from vuemantics_tui.config import MIB
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, size_words, visible

if TYPE_CHECKING:
    from vuemantics_tui.library.cluster import ClusterLook, MemberState


@click.command()
@click.argument("scheduler", metavar="SCHEDULER", required=False)
@click.option("--threads", type=click.IntRange(min=1), help="Calls to run at a time. [default: one for each core]")
@click.option("--memory", type=click.IntRange(min=0), metavar="MIB", help="Memory of each call; 0: no limit.")
@click.option("--name", default="", help="What to call this worker. [default: the host and the process]")
@click.option("--tag", "tags", multiple=True, help="What it is best at: GPU takes the vectors of pictures.")
@click.option("--host", default="", help="Address to listen on, which the scheduler must reach.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on, for tunnels.")
def worker(
    scheduler: str | None,
    threads: int | None,
    memory: int | None,
    name: str,
    tags: tuple[str, ...],
    host: str,
    port: int,
) -> None:
    """Work for the Dask scheduler at an address such as tcp://scheduler:8786, until Ctrl-C.

    Without an address, for the one of the setting cluster. It needs no library: pictures come over the network.
    """
    from vuemantics_tui.library.cluster import WorkerOptions, address_of, serve, tls_of

    settings = current_settings()
    address = address_of(_given(scheduler or settings.cluster))
    options = WorkerOptions(
        address,
        threads or os.cpu_count() or 1,
        settings.worker_memory_mib * MIB if memory is None else memory * MIB,
        name,
        tags,
        host,
        port,
    )
    tls = tls_of(settings, address)
    try:
        run(lambda: serve(options, tls, note))
    except Interrupted:
        raise Interrupted("Stopped. Its calls run again on other workers.") from None


@click.command()
@cluster_option
@json_option
def cluster(as_json: bool) -> None:
    """Show the workers of the cluster, what each does, and what was lost."""
    from vuemantics_tui.library.cluster import look_at

    settings = current_settings()
    _given(settings.cluster)
    found = run(lambda: look_at(settings))
    if as_json:
        emit_json(_document(found))
    else:
        _print(found)
    sys.exit(0 if found.state.connected else FAILED)


def _given(address: str) -> str:
    if not address:
        raise UsageError("No cluster is set", "Name its scheduler: --cluster tcp://scheduler:8786, or set cluster.")
    return address


def _document(found: ClusterLook) -> dict[str, Any]:
    state = found.state
    return {
        "scheduler": state.address,
        "connected": state.connected,
        "trouble": state.trouble,
        "hint": state.hint,
        "workers": [_member_document(member) for member in state.members],
        "lost": [{"worker": lost.worker, "address": lost.address, "calls": lost.calls} for lost in found.lost],
    }


def _member_document(member: MemberState) -> dict[str, Any]:
    facts = member.facts
    return {
        "name": member.name,
        "address": member.address,
        "threads": member.threads,
        "tags": list(member.tags),
        "in_flight": facts.running,
        "pictures": facts.pictures,
        "bytes": facts.bytes,
        "pictures_per_second": round(facts.pictures_per_second, 2),
        "bytes_per_second": round(facts.bytes_per_second),
        "version": facts.version,
        "models": [facts.builtin, *facts.models] if facts.builtin else list(facts.models),
        "trouble": member.trouble,
    }


def _print(found: ClusterLook) -> None:
    state = found.state
    if not state.connected:
        note(f"{state.address}: {visible(state.trouble)}.")
        if state.hint:
            note(state.hint)
        return
    headings = ("Worker", "Threads", "In flight", "Pictures", "Pictures/s", "Bytes/s", "Notes")
    rows = [
        (
            visible(member.name),
            str(member.threads),
            str(member.facts.running),
            f"{member.facts.pictures:,}",
            f"{member.facts.pictures_per_second:.1f}",
            size_words(round(member.facts.bytes_per_second)),
            visible(f"left out: {member.trouble}" if member.trouble else ", ".join(member.tags)),
        )
        for member in state.members
    ]
    for line in table(headings, rows, frozenset(range(1, 6))) if rows else ():
        emit(line)
    if not state.members:
        note(f"{state.address} has no workers. On each machine: vuemantics-tui worker {state.address}")
    for lost in found.lost:
        note(f"Lost: {visible(lost.worker)}, with {counted(lost.calls, 'call')} that ran again elsewhere.")
