"""Who this process is, so that another one can tell whether it still lives."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from vuemantics_tui.store.queue import Fate

# The start time is derived from the boot time, which moves by as much when the clock is set.
START_TOLERANCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of claims. `start` in seconds since the epoch; with `pid` and `boot` it names one process only."""

    host: str
    boot: str
    pid: int
    start: float

    def encode(self) -> str:
        """Return the owner as text, for the store."""
        return json.dumps(asdict(self), sort_keys=True)


def _host() -> str:
    # Containers may share a hostname but not their process ids; then only the lease can tell.
    namespace = Path("/proc/self/ns/pid")
    return f"{platform.node()} {namespace.readlink()}" if namespace.is_symlink() else platform.node()


def _boot() -> str:
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    if boot_id.exists():
        return boot_id.read_text("ascii").strip()
    return str(round(psutil.boot_time() / 60))


def this_process() -> Owner:
    """Return the owner that stands for this process."""
    process = psutil.Process()
    return Owner(_host(), _boot(), process.pid, process.create_time())


def fate_of(encoded: str, here: Owner) -> Fate:
    """Return the fate of an owner. One on another host cannot be seen from here and counts as alive."""
    try:
        owner = Owner(**json.loads(encoded))
    except (ValueError, TypeError):
        return Fate.ALIVE  # of another version of this program: its lease decides
    if owner.host != here.host:
        return Fate.ALIVE
    if owner.boot != here.boot:
        return Fate.RESTARTED
    try:
        process = psutil.Process(owner.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return Fate.DIED
        if abs(process.create_time() - owner.start) > START_TOLERANCE_SECONDS:
            return Fate.DIED
    except psutil.NoSuchProcess:
        return Fate.DIED
    except psutil.AccessDenied:
        return Fate.ALIVE
    return Fate.ALIVE
