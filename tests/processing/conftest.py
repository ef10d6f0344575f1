"""Fixtures for libraries whose stages have limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import put_library
from tests.doubles import ScriptedAnalyzer, ThreadCompute
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library, StageLimits

OpenLimited = Callable[[ScriptedAnalyzer, StageLimits], Awaitable[Library]]


@pytest.fixture
async def open_limited(tmp_path: Path) -> AsyncIterator[OpenLimited]:
    """Return a function that opens a library with an analyzer and limits; closed at the end."""
    opened: list[Library] = []

    async def open_one(analyzer: ScriptedAnalyzer, limits: StageLimits) -> Library:
        settings = Settings(library=tmp_path / "limited", keep_free_mib=0, workers=2)
        await put_library(settings.library)
        library = await Library.open(settings, analyzer=analyzer, compute=ThreadCompute(), limits=limits)
        opened.append(library)
        return library

    yield open_one
    for library in opened:
        await library.close()
