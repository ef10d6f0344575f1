"""Read typed, pasted or dropped text as paths, and explain why one is missing."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote, urlsplit

from vuemantics_tui.domain.text import visible
from vuemantics_tui.files import is_missing, read_fault

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_NEXT_DRIVE = re.compile(r"\s+(?=[A-Za-z]:[\\/])")
_ELSEWHERE = (("/Users/", "linux", "a Mac"), ("/home/", "darwin", "a Linux machine"))


def typed_paths(text: str) -> list[Path]:
    r"""Return the paths that a text stands for, in whichever form a terminal hands over what is dropped on it.

    That may be plain (with blanks), quoted, escaped with backslashes, or a `file://` address, and several of them
    separated by blanks or line breaks. The text as a whole goes first, if that exists; then the first way of reading it
    by which all paths exist. If there is none, the words are taken as a shell would. `~` is the home folder.
    """
    text = text.strip()
    if not text:
        return []
    whole = _path(text)
    if _exists(whole):
        return [whole]
    words = _as_words(text)
    for read in (_as_words, _as_lines, _as_names_with_blanks):
        paths = read(text)
        if paths and all(map(_exists, paths)):
            return paths
    if words is None:
        # A quote without its partner is part of a name: Anna's photos.
        return [_path(line) for line in _lines(text)]
    return words or [whole]


def typed_path(text: str) -> Path:
    """Return the one path that was typed, absolute, with `~` for the home folder. Asks the system, so use a thread."""
    return _path(text.strip()).absolute()


def explain_missing(path: Path, environment: Mapping[str, str]) -> str:
    """Return why a path may be missing, and what to do: a file on another machine must be copied first.

    Expects a path that was not found. Names the user's own machine as far as the environment tells.
    """
    if closed := _closed_words(path):
        return closed
    shown = visible(str(path))
    elsewhere = _other_machine(path)
    if elsewhere == "Windows" and environment.get("WSL_DISTRO_NAME"):
        windows = PureWindowsPath(str(path))
        here = "/".join(["/mnt", windows.drive[0].lower(), *windows.parts[1:]])
        return f"{shown} is a Windows path. Here it would be {visible(here)}."
    if elsewhere:
        whose = f"{shown} is a path of {elsewhere}, not of this machine."
        return f"{whose} Copy it here first. On that machine, run: {_copy_command(path, environment)}"
    if environment.get("SSH_CONNECTION"):
        return (
            f"There is no {shown} on this machine, which you reach over SSH. If it is on the machine in front of you, "
            f"copy it here first. On that machine, run: {_copy_command(path, environment)} "
            f"Otherwise check the spelling: {visible(str(_nearest(path)))} is there."
        )
    return f"There is no {shown}. Check the spelling: {visible(str(_nearest(path)))} is there."


# The ways of reading


def _as_words(text: str) -> list[Path] | None:
    try:
        return [_path(word) for word in _words(text)]
    except ValueError:
        return None


def _as_lines(text: str) -> list[Path]:
    return [path for line in _lines(text) for path in _one_line(line)]


def _one_line(line: str) -> list[Path]:
    whole = _path(line)
    return [whole] if _exists(whole) else _as_words(line) or [whole]


def _as_names_with_blanks(text: str) -> list[Path]:
    """Split at blanks into paths whose names contain blanks: each takes as many words as it needs to exist."""
    paths: list[Path] = []
    for line in _lines(text):
        # A path begins with one of these; no part of a name within a folder does.
        starts = [0, *(found.end() for found in re.finditer(r"\s+(?=[/~]|file://)", line)), len(line)]
        at = 0
        while at < len(starts) - 1:
            ends = range(len(starts) - 1, at, -1)
            reached = next((end for end in ends if _exists(_path(line[starts[at] : starts[end]].strip()))), None)
            if reached is None:
                return []
            paths.append(_path(line[starts[at] : starts[reached]].strip()))
            at = reached
    return paths


def _words(text: str) -> list[str]:
    if _DRIVE.match(text):
        return _NEXT_DRIVE.split(text)
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if _DRIVE.match(text.lstrip("\"'")):
        lexer.escape = ""  # there a backslash parts folders
    return list(lexer)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _path(word: str) -> Path:
    if word.startswith("file://"):
        word = _path_of_address(word)
    try:
        return Path(word).expanduser()
    except RuntimeError:
        return Path(word)  # ~somebody whom this machine does not know


def _path_of_address(address: str) -> str:
    try:
        path = unquote(urlsplit(address.replace("#", "%23").replace("?", "%3F")).path, errors="surrogateescape")
    except ValueError:
        return address
    return path[1:] if _DRIVE.match(path[1:]) else path


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):
        return False  # too long to be a name, or with a NUL in it


# Missing ones


def _closed_words(path: Path) -> str:
    """Return why a file that may be there cannot be looked up, and what to do; nothing if it is missing."""
    try:
        path.lstat()
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and not is_missing(path):
            return f"{visible(str(path.parent))} cannot be opened: {error.strerror}. {read_fault(path, error)[1]}"
    return ""


def _other_machine(path: Path) -> str:
    text = str(path)
    if os.name != "nt" and (_DRIVE.match(text) or text.startswith("\\\\")):
        return "Windows"
    for start, platform, whose in _ELSEWHERE:
        if text.startswith(start) and sys.platform == platform and not _exists(Path(start)):
            return whose
    return ""


def _copy_command(path: Path, environment: Mapping[str, str]) -> str:
    connection = environment.get("SSH_CONNECTION", "").split()
    user = environment.get("USER") or environment.get("LOGNAME") or "you"
    host = connection[2] if len(connection) == 4 else "this-machine"
    quoted = f'"{path}"' if _other_machine(path) == "Windows" else shlex.quote(str(path))
    # An address with colons would be cut at the first of them.
    target = f"{user}@[{host}]" if ":" in host else f"{user}@{host}"
    command = "scp" if path.suffix else "scp -r"
    return visible(f"{command} {quoted} {target}:  (or rsync -a, for many)")


def _nearest(path: Path) -> Path:
    return next((parent for parent in path.absolute().parents if _exists(parent)), Path.cwd())
