"""Choices made in the app, written to the settings file for the next start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from textual.message import Message

from vuemantics_tui.config import Settings, remember
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.ui.notices import Notices


@dataclass
class SettingChosen(Message):
    """A setting was chosen in the app. Any widget posts it; the app remembers it."""

    name: str
    value: object


class Choices:
    """Writes choices, one at a time. One that cannot be written lasts for the session, and a notice says so."""

    def __init__(self, settings: Settings, notices: Notices) -> None:
        self._sources = settings.sources
        self._notices = notices
        self._writing = asyncio.Lock()
        # Choices not written yet; the last value of a setting counts.
        self._waiting: dict[str, object] = {}
        # Shown once each, not at every step of a size.
        self._told: set[tuple[str, ...]] = set()

    async def keep(self, name: str, value: object) -> None:
        """Write one setting. Show a notice if a flag or an environment variable overrides it at the next start."""
        self._waiting[name] = value
        async with self._writing:
            if name not in self._waiting:
                return
            value = self._waiting.pop(name)
            try:
                await asyncio.to_thread(remember, name, value)
            except VuemanticsError as error:
                self._tell_once(f"{error.message}.", error.hint, "Your choice lasts until you quit.")
                return
        kind, _, source = self._sources.get(name, "").partition(", ")
        if kind in ("environment", "flag"):
            self._tell_once(f"{source} overrides this choice whenever it is set.")

    def _tell_once(self, *sentences: str) -> None:
        if sentences not in self._told:
            self._told.add(sentences)
            self._notices.tell(*sentences, severity="warning")
