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
            raise UsageError(f"${name} cannot be understood: {error}", "Mend it, and open the app again.") from error
        if command:
            return command
    raise UsageError("There is no editor to open", "Set $VISUAL or $EDITOR, as to nano, and open the app again.")


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
            raise UsageError("The app cannot step aside for an editor here", "Edit the text in its field.") from error
        except OSError as error:
            raise UsageError(f"{command[0]} cannot be run: {error.strerror}", "Set $VISUAL or $EDITOR.") from error
        if answer:
            raise UsageError(f"{command[0]} ended with {answer}", "The text is as it was.")
        try:
            return (await asyncio.to_thread(path.read_text, "utf-8")).strip()
        except (OSError, ValueError) as error:
            raise UsageError(f"What {command[0]} left cannot be read: {error}", "The text is as it was.") from error


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
