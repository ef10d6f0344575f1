"""What a decoder does that was taken over by a file: functions for a process of the pool, for the tests of it."""

from __future__ import annotations

import os
import pickle
import socket
import struct
import sys
import time
from pathlib import Path


class Harm:
    """Whoever unpickles it makes a file."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (Path(self.mark), "harm")


def answer_with(data: bytes, then: str = "stay") -> int:
    """Answer in the place of the worker with these bytes; then stay, die, or close the pipe."""
    descriptors = [entry for entry in Path("/proc/self/fd").iterdir() if entry.exists() and int(entry.name) > 2]
    pipes = [int(entry.name) for entry in descriptors if "pipe" in str(entry.readlink())]
    (pipe,) = (each for each in pipes if is_written(each))
    os.write(pipe, data)
    if then == "die":
        os._exit(3)
    if then == "close":
        os.close(pipe)
    time.sleep(60)
    return 0


def is_written(descriptor: int) -> bool:
    """Whether it is open for writing."""
    import fcntl

    return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE)


def pickled_harm(mark: Path) -> bytes:
    """A pickle as the pipes of multiprocessing take it."""
    data = pickle.dumps(Harm(str(mark)))
    return struct.pack("!i", len(data)) + data


def framed(data: bytes) -> bytes:
    """An answer of the right length."""
    return struct.pack("<Q", len(data)) + data


def spied() -> list[str]:
    """What of the program's environment and memory can be opened from here."""
    found = []
    for name in ("environ", "mem"):
        try:
            with Path(f"/proc/{os.getppid()}/{name}").open("rb") as file:
                found += [name] if name == "mem" or file.read() else []
        except PermissionError:
            continue
    return found


def environment() -> dict[str, str]:
    """The variables of the process."""
    return dict(os.environ)


def connect(port: int) -> str:
    """What comes of reaching this machine over the network."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError as error:
        return type(error).__name__
    return "connected"


def limits() -> dict[str, list[int]]:
    """The limits of the process."""
    import resource

    return {
        name: list(resource.getrlimit(getattr(resource, name))) for name in ("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_FSIZE")
    }


def new_privileges() -> str:
    """Whether the process can gain rights, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("NoNewPrivs"))


def take(mib: int) -> int:
    """Take memory."""
    return len(bytearray(mib * 1024**2))


def talk(text: str, times: int = 1) -> bool:
    """Write to stdout and stderr, as Python and as C libraries do; returns whether stdin has anything to say."""
    for _ in range(times):
        print(f"{text} from print")  # noqa: T201
        print(f"{text} from stderr", file=sys.stderr)  # noqa: T201
        sys.stdout.flush()
        os.write(1, f"{text} on 1\n".encode())
        os.write(2, f"{text} on 2\n".encode())
    return bool(sys.stdin.read())


def terminal() -> str:
    """What comes of opening the terminal itself."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError as error:
        return type(error).__name__
    return "opened"


def leave_a_child(mark: str) -> int:
    """Start a process that goes on for long, write its number, and hang."""
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
        os._exit(0)
    Path(mark).write_text(str(pid))
    time.sleep(600)
    return pid


def raise_it(name: str) -> int:
    """Raise one of the errors that a library may."""
    if name == "decode":
        b"\xff".decode("utf-8")
    if name == "file":
        Path("/nowhere/at/all").read_bytes()
    if name == "own":
        raise OwnError("of its own", object())
    raise KeyError(name)


class OwnError(Exception):
    """An error that only this module knows."""
