"""The desktop around the terminal: the system's viewer for pictures, and a player for videos."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vuemantics_tui.domain.errors import UsageError, VuemanticsError

# Plays anything, and quits at the end.
PLAYER = "mpv"
# What cannot show anything ends within this time.
WATCHED_SECONDS = 0.5


def open_in_viewer(path: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Hand a file to the system's viewer, without waiting for it. Raises VuemanticsError if there is none."""
    _check(path, environment)
    if sys.platform == "win32":
        os.startfile(path)
        return
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    program = shutil.which(opener)
    if program is None:
        raise VuemanticsError(f"There is no viewer for {path}", f"Install xdg-utils, which has {opener}.")
    _start([program, str(path)], path)


def play(path: Path, command: str = "", environment: Mapping[str, str] = os.environ) -> str:
    """Play a video outside of the terminal, without waiting for its end: by `command`, mpv or the system's player.

    The command gets the file in place of `{}`, or at its end. Returns what plays it, in words. Raises VuemanticsError
    if nothing can.
    """
    if command.strip():
        words = _words(command)
        _check(path)
        if shutil.which(words[0]) is None:
            raise VuemanticsError(f"There is no program {words[0]}", "Set play_command to a player that is installed.")
        has_place = any("{}" in word for word in words)
        filled = [word.replace("{}", str(path)) for word in words] if has_place else [*words, str(path)]
        _start(filled, path)
        return Path(words[0]).name
    _check(path, environment)
    if (player := shutil.which(PLAYER)) is not None:
        _start([player, "--force-window=yes", "--", str(path)], path)
        return PLAYER
    open_in_viewer(path, environment)
    return "the system's player"


def _words(command: str) -> Sequence[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(f"play_command is {command!r}, which cannot be read: {error}", "Close its quotes.") from error


def _check(path: Path, environment: Mapping[str, str] | None = None) -> None:
    """Raise VuemanticsError if there is no file, or with an environment, no screen to show it on."""
    if not path.exists():
        raise VuemanticsError(f"The original is missing: {path}", "Add the file again.")
    if environment is None or "DISPLAY" in environment or "WAYLAND_DISPLAY" in environment:
        return
    if "SSH_CONNECTION" in environment or "SSH_TTY" in environment:
        there = shlex.quote(f"{platform.node()}:{path}")
        raise VuemanticsError(f"{path.name} cannot be shown over SSH", f"Copy it to your machine: scp {there} .")


def _start(words: Sequence[str], path: Path) -> None:
    """Start a program in a session of its own: what it prints would land in the middle of the screen."""
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise VuemanticsError(
            f"{words[0]} cannot be started: {error.strerror}", f"Open the file yourself: {path}"
        ) from error
    try:
        code = process.wait(WATCHED_SECONDS)
    except subprocess.TimeoutExpired:
        return
    if code:
        raise VuemanticsError(
            f"{Path(words[0]).name} could not show {path.name}: it ended with code {code}",
            f"Open the file yourself: {path}",
        )
