"""Copying text to the clipboard of the person at the terminal, also over SSH and inside tmux."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from typing import Any

from textual.app import App

PATIENCE_SECONDS = 2.0


async def copy(app: App[Any], text: str, environment: Mapping[str, str] = os.environ) -> None:
    """Put the text on the clipboard, as far as the terminal takes it: none of them says whether it did.

    tmux in its default settings neither takes OSC 52 from a program nor passes it on; asked by its own command, it
    puts the text on the terminal's clipboard and into its buffer.
    """
    if "TMUX" in environment and await _copy_by_tmux(text, environment):
        return
    app.copy_to_clipboard(text)


async def _copy_by_tmux(text: str, environment: Mapping[str, str]) -> bool:
    tmux = shutil.which("tmux", path=environment.get("PATH"))
    if tmux is None:
        return False
    try:
        process = await asyncio.create_subprocess_exec(
            tmux, "load-buffer", "-w", "-", stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env=dict(environment)
        )
    except OSError:
        return False
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.communicate(text.encode("utf-8", "surrogateescape"))
    except (TimeoutError, OSError):
        return False
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode == 0
