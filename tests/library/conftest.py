"""Libraries whose analyzer is chosen, with servers of the tests' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import put_library
from tests.doubles import ThreadCompute
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library

OpenChosen = Callable[..., Awaitable[Library]]


@pytest.fixture
async def open_chosen(tmp_path: Path) -> AsyncIterator[OpenChosen]:
    """Return a function that opens tmp_path / "library" with the analyzer of the settings; closed at the end."""
    opened: list[Library] = []

    async def open_one(host: str, **settings: Any) -> Library:
        chosen = Settings(
            **{"library": tmp_path / "library", "keep_free_mib": 0, "workers": 2, "ollama_host": host, **settings}
        )
        await put_library(chosen.library)
        library = await Library.open(chosen, compute=ThreadCompute())
        opened.append(library)
        await library.analyzer.get()
        return library

    yield open_one
    for library in opened:
        await library.close()
