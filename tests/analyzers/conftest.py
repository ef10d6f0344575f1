"""Fixtures for the analyzers: one whose work runs in threads, and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from tests.doubles import ThreadCompute
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def analyzer(cache_dir: Path) -> BuiltinAnalyzer:
    return BuiltinAnalyzer(ThreadCompute(), cache_dir)


@pytest.fixture(scope="session")
def photos() -> Path:
    """Return the folder of pictures in scikit-image's wheel."""
    return Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Return a function from a Pillow image (or RGB colour) to the bytes of a file."""

    def run(image: Image.Image | tuple[int, int, int], file_format: str = "PNG", **options: object) -> bytes:
        drawn = Image.new("RGB", (320, 240), image) if isinstance(image, tuple) else image
        stream = io.BytesIO()
        drawn.save(stream, file_format, **options)
        return stream.getvalue()

    return run


@pytest.fixture(scope="session")
def noise() -> Image.Image:
    """Return a picture of random pixels, 400x300, which no encoder can make small."""
    pixels = np.random.default_rng(7).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    return Image.fromarray(pixels)
