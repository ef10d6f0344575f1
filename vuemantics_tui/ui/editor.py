"""A text in the editor that a person chose for their terminal, while the app steps aside."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from vuemantics_tui.domain.errors import UsageError

_NAMES = ("VISUAL", "EDITOR")


def editor_command(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The words of $VISUAL, else of $EDITOR. Raises UsageError where neither says anything that can be run."""
    for name in _NAMES:
        try:
            command = shlex.split(environment.get(name, ""))
        except ValueError as error:
            raise UsageError(f"${name} cannot be read: {error}", "Correct it, and open the app again.") from error
        if command:
            return command
    raise UsageError("No editor is set", "Set $VISUAL or $EDITOR, for example to nano, and open the app again.")


async def edited_text(app: App[Any], text: str, command: Sequence[str]) -> str:
    """What a person makes of the text. Raises UsageError where the editor does not run, or leaves no text.

    The loop goes on meanwhile, so that what is processed is: only the screen is left to the editor.
    """
    with tempfile.TemporaryDirectory(prefix="vuemantics-") as folder:
        path = Path(folder) / "description.txt"
        await asyncio.to_thread(path.write_text, f"{text}\n", "utf-8")
        try:
            # Without a batch the app would go on drawing on the editor.
            with app.suspend(), app.batch_update(), _interrupts_ignored():
                process = await asyncio.create_subprocess_exec(*command, str(path))
                answer = await process.wait()
        except SuspendNotSupported as error:
            raise UsageError("No editor can be opened here", "Edit the text in its field.") from error
        except OSError as error:
            words = f"{command[0]} could not be started: {error.strerror}"
            raise UsageError(words, "Set $VISUAL or $EDITOR.") from error
        if answer:
            raise UsageError(f"{command[0]} ended with exit code {answer}", "The text is unchanged.")
        try:
            return (await asyncio.to_thread(path.read_text, "utf-8")).strip()
        except (OSError, ValueError) as error:
            words = f"The file from {command[0]} could not be read: {error}"
            raise UsageError(words, "The text is unchanged.") from error


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl+C is the editor's, though the terminal sends it to this process, too."""
    # Not SIG_IGN, which the editor would inherit.
    try:
        before: Callable[..., Any] | int | None = signal.signal(signal.SIGINT, lambda *_: None)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
