"""What a process that reads foreign files may not do: take all memory, reach the network, gain rights.

A file made to take over its decoder then has a process that can do little. Each part is put up where the system has it.
"""

from __future__ import annotations

import errno
import logging
import os
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

log = logging.getLogger(__name__)

# Thumbnails and models are far smaller.
MOST_FILE_BYTES = 1024**3

_KEPT_VARIABLES = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV"),
        *("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
        *("PROGRAMDATA", "PROGRAMFILES", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "OMP_NUM_THREADS"),
    }
)
_ALLOCATION = {
    # One pool of memory for each of many threads would use up the room for addresses.
    "MALLOC_ARENA_MAX": "2",
    # By itself glibc keeps more and more of what large pictures and models gave back (mallopt, M_MMAP_THRESHOLD). Huge
    # pages make up for most of the time that it takes to give it back each time.
    "MALLOC_MMAP_THRESHOLD_": str(8 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024**2),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    # There is a process for each core already.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
_KEPT_BEGINNINGS = ("LC_", "XDG_", "CUDA_")

# From linux/prctl.h, linux/seccomp.h, linux/filter.h and linux/audit.h.
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 4, 38, 22, 2
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
# Each system call of a machine by its number: socket, io_uring_setup (which can open sockets, too), and what reads or
# writes another process's memory: ptrace, process_vm_readv, process_vm_writev.
_REFUSED_CALLS = {
    "x86_64": (0xC000003E, (41, 425, 101, 310, 311)),
    "aarch64": (0xC00000B7, (198, 425, 117, 270, 271)),
}
# Calls of x86's other ABIs have numbers of their own from here on.
_OTHER_ABI = 0x40000000


@dataclass(frozen=True, slots=True)
class Shield:
    """The limits in force around a process. `memory_bytes` is the most that it may use, 0 for no limit."""

    memory_bytes: int = 0
    no_core: bool = False
    no_new_rights: bool = False
    no_network: bool = False


def safe_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what a worker needs of the environment: no key of any server is among it."""
    kept = {
        name: value
        for name, value in environment.items()
        if name.upper() in _KEPT_VARIABLES or name.upper().startswith(_KEPT_BEGINNINGS)
    }
    return {**_ALLOCATION, **kept}


def memory_trimmer() -> Callable[[], None]:
    """Return what gives unused memory back to the system: glibc's malloc_trim, or nothing where there is none."""
    if sys.platform != "linux":
        return lambda: None
    import ctypes

    trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return lambda: None
    trim.argtypes = [ctypes.c_size_t]

    def give_back() -> None:
        trim(0)

    return give_back


def close_memory() -> None:
    """Keep other processes of the same user from reading this one's memory and environment, on Linux.

    The keys are there, and a worker could reach them through /proc. Root can read them all the same.
    """
    if sys.platform == "linux" and _prctl()(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        log.warning("other processes can read the memory of this one")


_raised = Shield()


def raised_shield() -> Shield:
    """Return the limits around this process. Call it in the pool to learn those of a worker."""
    return _raised


def raise_shield(memory_bytes: int) -> None:
    """Limit this process, for good, as far as the system can. Call it before there are other threads."""
    global _raised  # noqa: PLW0603 - a process has one
    if sys.platform == "win32":
        return
    import resource

    limited = _limited(resource.RLIMIT_AS, memory_bytes) if memory_bytes else False
    _limited(resource.RLIMIT_FSIZE, MOST_FILE_BYTES)
    no_core = _limited(resource.RLIMIT_CORE, 0)
    no_new_rights, no_network = _confined()
    _raised = Shield(memory_bytes if limited else 0, no_core, no_new_rights, no_network)


def _limited(kind: int, most: int) -> bool:
    import resource

    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(kind, (most, most))
    except (OSError, ValueError) as error:
        log.debug("no limit %d: %s", kind, error)
        return False
    return True


def _prctl() -> Callable[..., int]:
    import ctypes

    prctl: Any = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return cast(Callable[..., int], prctl)


def _confined() -> tuple[bool, bool]:
    """Give up new rights and the network; returns whether each could be given up."""
    if sys.platform != "linux":
        return False, False
    import ctypes
    import platform

    prctl = _prctl()
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        log.debug("new rights cannot be given up: %s", os.strerror(ctypes.get_errno()))
        return False, False
    known = _REFUSED_CALLS.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:
        return True, False
    program = _filter(*known)
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: how many instructions, and where they are.
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions)))
    if prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header), 0, 0):
        log.debug("the network cannot be given up: %s", os.strerror(ctypes.get_errno()))
        return True, False
    return True, True


def _filter(architecture: int, refused: tuple[int, ...]) -> bytes:
    """Return a program for the kernel (BPF) that refuses these system calls, and any of another architecture."""
    checks = [(_JUMP_IF_AT_LEAST, _OTHER_ABI), *((_JUMP_IF_EQUAL, number) for number in refused)]
    lines = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        # Where it is another one, to the last line.
        (_JUMP_IF_EQUAL, 0, len(checks) + 2, architecture),
        (_LOAD_WORD, 0, 0, _NUMBER_AT),
        *((code, len(checks) - place, 0, value) for place, (code, value) in enumerate(checks)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
