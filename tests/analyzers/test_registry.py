"""The registry of analyzers: our own, and those of other packages, whole or broken."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.analyzers.foreign_package import WORKING, installed
from tests.doubles import ThreadCompute
from vuemantics_tui.analyzers import registry
from vuemantics_tui.analyzers.registry import AnalyzerContext
from vuemantics_tui.config import Settings, choices
from vuemantics_tui.domain.errors import AnalyzerError, UsageError


def context(settings: Settings, tmp_path: Path) -> AnalyzerContext:
    """What an analyzer is made from, with these settings."""
    return AnalyzerContext(settings, ThreadCompute(), tmp_path / "cache")


@pytest.mark.parametrize("name", registry.OWN_NAMES)
async def test_each_of_our_own_can_be_made(tmp_path: Path, name: str) -> None:
    settings = Settings(openai_base_url="http://127.0.0.1:1/v1", openai_vision_model="v", openai_embedding_model="e")
    analyzer = await asyncio.to_thread(registry.make, name, context(settings, tmp_path))
    assert analyzer.name == name
    await analyzer.close()
    assert name in choices("analyzer")
    assert name in choices("embedder")


async def test_a_package_brings_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "flags" not in registry.names()
    with pytest.raises(UsageError, match="The setting analyzer is 'flags'"):
        Settings(analyzer="flags")
    monkeypatch.syspath_prepend(installed(tmp_path, WORKING))
    settings = Settings(analyzer="flags")
    assert registry.names() == (*registry.OWN_NAMES, "flags")
    assert choices("analyzer") == ("auto", *registry.OWN_NAMES, "flags")
    analyzer = registry.make("flags", context(settings, tmp_path))
    assert (analyzer.name, analyzer.model) == ("flags", "flags-1")
    assert registry.kind_of("flags").package == "vuemantics-flags 1.2"


async def test_our_own_names_cannot_be_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(
        installed(tmp_path, WORKING, name="vuemantics-rogue", entry="builtin = vuemantics_rogue:make")
    )
    assert registry.names() == registry.OWN_NAMES
    assert registry.make("builtin", context(Settings(), tmp_path)).model != "flags-1"


@pytest.mark.parametrize(
    ("source", "entry", "reason"),
    [
        ("import no_such_module\n", "", "No module named 'no_such_module'"),
        ("def make(context): return 1 / 0\n", "", "division by zero"),
        ("def make(context): return object()\n", "", "has no name, model"),
        ("", "", "has no attribute 'make'"),
        ("raise SystemError('odd')\n", "", "odd"),
        (WORKING, "flags = vuemantics_gone:make", "No module named 'vuemantics_gone'"),
    ],
)
def test_a_broken_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, entry: str, reason: str
) -> None:
    # A module that was imported once would be found again.
    name = f"vuemantics-broken-{abs(hash(tmp_path))}"
    monkeypatch.syspath_prepend(installed(tmp_path, source, name=name, entry=entry))
    with pytest.raises(UsageError) as caught:
        registry.make("flags", context(Settings(analyzer="flags"), tmp_path))
    assert f"The analyzer flags of the package {name} 1.2 does not work: " in caught.value.message
    assert reason in caught.value.message
    assert f"pip install --upgrade {name}" in caught.value.hint


def test_an_unknown_one_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="There is no analyzer 'nobody'") as caught:
        registry.kind_of("nobody")
    assert "builtin, ollama, openai" in caught.value.hint


def test_a_setting_of_ours_looks_through_no_packages() -> None:
    program = (
        "import sys\n"
        "from vuemantics_tui.config import Settings\n"
        "Settings(analyzer='builtin', embedder='ollama')\n"
        "print([name for name in ('importlib.metadata', 'numpy', 'httpx', 'onnxruntime') if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "[]\n"


FAULTY = """
import numpy as np

class Faulty:
    name = model = embedding_model = "faulty"
    deterministic = True
    async def describe_image(self, picture, on_text=None): raise KeyError("colour")
    async def describe_video(self, frames, on_frame, on_text=None): return "a text"
    async def embed_document(self, text, labels): return [float("nan")] * 3
    async def embed_query(self, text): return [3, 4]
    async def states(self): raise ZeroDivisionError("no servers")
    async def close(self): raise OSError("closed twice")

def make(context): return Faulty()
"""


async def test_whatever_a_foreign_analyzer_does_wrong_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"vuemantics-faulty-{abs(hash(tmp_path))}"
    monkeypatch.syspath_prepend(installed(tmp_path, FAULTY, name=name))
    analyzer = registry.make("flags", context(Settings(analyzer="flags"), tmp_path))
    for call, reason in (
        (analyzer.describe_image(b""), "KeyError: 'colour'"),
        (analyzer.describe_video([b""], lambda number, count: None), "it returned str instead of a Description"),
        (analyzer.embed_document("a text", {}), "an invalid vector"),
    ):
        with pytest.raises(AnalyzerError) as caught:
            await call
        assert f"The analyzer flags of the package {name} 1.2 failed: " in caught.value.message
        assert reason in caught.value.message
        assert f"pip install --upgrade {name}" in caught.value.hint
    assert [round(float(value), 6) for value in await analyzer.embed_query("x")] == [0.6, 0.8]
    (state,) = await analyzer.states()
    assert not state.answers
    assert "ZeroDivisionError" in state.detail
    await analyzer.close()
