"""Packages outside of this repository that bring an analyzer: written, built into a wheel, installed into a folder."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

WORKING = '''
"""Describes a picture by its size, with a function that runs in a process of the pool."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from vuemantics_tui.analyzers.base import ServerState
from vuemantics_tui.domain.description import Description


def look(picture: Path | bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
        return image.size


class FlagsAnalyzer:
    name = "flags"
    model = "flags-1"
    embedding_model = "flags-letters-1"
    deterministic = True

    def __init__(self, compute):
        self._compute = compute

    async def describe_image(self, picture, on_text=None):
        width, height = await self._compute.run(look, picture)
        text = f"A flag, {width} pixels wide and {height} pixels high, waves over the town hall."
        return Description(text, self.name, self.model, tags=("flag", "heraldry"))

    async def describe_video(self, frames, on_frame, on_text=None):
        on_frame(1, len(frames))
        return await self.describe_image(frames[0])

    async def embed_document(self, text, labels):
        vector = np.zeros(26, np.float32)
        for letter in text.lower():
            if "a" <= letter <= "z":
                vector[ord(letter) - ord("a")] += 1
        return vector / max(1e-9, float(np.linalg.norm(vector)))

    async def embed_query(self, text):
        return await self.embed_document(text, {})

    async def states(self):
        return [ServerState("flags", True, "flies")]

    async def close(self):
        pass


def make(context):
    return FlagsAnalyzer(context.compute)
'''


def build_wheel(folder: Path, name: str, version: str, source: str, entry: str) -> Path:
    """Build a wheel of one module (PEP 427), with an entry point of the group of analyzers."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[vuemantics_tui.analyzers]\n{entry}\n",
    }
    record = "".join(f"{path},{_digest(text)},{len(text.encode())}\n" for path, text in files.items())
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return wheel


def install(wheel: Path, site: Path) -> Path:
    """Unpack a wheel into a folder for packages, as an installer does with one that is all Python."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def installed(folder: Path, source: str, *, name: str = "vuemantics-flags", entry: str = "") -> Path:
    """Return a folder for packages that holds one with the analyzer `flags`."""
    entry = entry or f"flags = {name.replace('-', '_')}:make"
    return install(build_wheel(folder / "dist", name, "1.2", source, entry), folder / "site")


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
