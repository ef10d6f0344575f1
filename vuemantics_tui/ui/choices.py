"""Choices: settings that are chosen in the app, written to the settings file, so that the next start has them."""

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
    """Writes what is chosen, one thing at a time. What cannot be written lasts for the session, which a notice says."""

    def __init__(self, settings: Settings, notices: Notices) -> None:
        self._sources = settings.sources
        self._notices = notices
        self._writing = asyncio.Lock()
        # What is chosen and not written yet: of several values for a setting, the last one counts.
        self._waiting: dict[str, object] = {}
        # Said once each, or every step of a size would say it again.
        self._told: set[str] = set()

    async def keep(self, name: str, value: object) -> None:
        """Write one setting. A flag or an environment variable overrides it at the next start, which is said."""
        self._waiting[name] = value
        async with self._writing:
            if name not in self._waiting:
                return
            value = self._waiting.pop(name)
            try:
                await asyncio.to_thread(remember, name, value)
            except VuemanticsError as error:
                self._tell_once(f"{error.message}. Your choice lasts until you quit.")
                return
        kind, _, source = self._sources.get(name, "").partition(", ")
        if kind in ("environment", "flag"):
            self._tell_once(f"{source} overrides this choice whenever it is set.")

    def _tell_once(self, words: str) -> None:
        if words not in self._told:
            self._told.add(words)
            self._notices.tell(words, severity="warning")
