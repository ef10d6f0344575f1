"""Who this process is, so that another one can tell whether it still lives."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

# The start time is derived from the boot time, which moves by as much when the clock is set.
START_TOLERANCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of claims. `start` in seconds since the epoch; with `pid` and `boot` it names one process for ever."""

    host: str
    boot: str
    pid: int
    start: float

    def encode(self) -> str:
        """The owner as text, for the store."""
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
    """The owner that this process is."""
    process = psutil.Process()
    return Owner(_host(), _boot(), process.pid, process.create_time())


def is_dead(encoded: str, here: Owner) -> bool:
    """Whether an owner is a process of this host that has ended. What another host runs cannot be told from here."""
    try:
        owner = Owner(**json.loads(encoded))
    except (ValueError, TypeError):
        return False  # of another version of this program: its lease decides
    if owner.host != here.host:
        return False
    if owner.boot != here.boot:
        return True
    try:
        process = psutil.Process(owner.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return abs(process.create_time() - owner.start) > START_TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
