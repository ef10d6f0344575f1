"""Pictures drawn for the demo library: the same ones every time, and nobody's property."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from vuemantics_tui.demo_pictures import scenes
from vuemantics_tui.demo_pictures.scenes import HEIGHT, WIDTH, draw_clip

__all__ = ["BROKEN_NAME", "HEIGHT", "WIDTH", "draw_demo"]

# A JPEG by its header, without the body: the demo shows what a failure looks like, too.
BROKEN_NAME = "broken photo.jpg"

_PICTURES: tuple[tuple[str, Callable[[], Image.Image]], ...] = (
    ("sunset over water.jpg", scenes.sunset),
    ("harvest festival poster.png", scenes.poster),
    ("snowy mountains.jpg", scenes.mountains),
    ("night sky with moon.webp", scenes.night),
    ("forest in the mist.jpg", scenes.forest),
    (BROKEN_NAME, scenes.skyline),
    ("desert dunes.jpg", scenes.dunes),
    ("green meadow.webp", scenes.meadow),
    ("city skyline at dusk.jpg", scenes.skyline),
    ("bar chart.png", scenes.chart),
    ("checkerboard.gif", scenes.checkerboard),
    ("red and white stripes.png", scenes.stripes),
    ("hot air balloon.jpg", scenes.balloon),
    ("plain blue.png", scenes.plain),
)


def draw_demo(folder: Path) -> list[Path]:
    """Draw the demo's files into a folder (made if need be) and return their paths in order.

    Fourteen pictures of 1280 x 853 in several formats, one of them BROKEN_NAME, and a clip of three seconds.
    The drawing is the same every time. Raises OSError if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for name, draw in _PICTURES:
        path = folder / name
        if name == BROKEN_NAME:
            path.write_bytes(_broken())
        else:
            _save(draw(), path)
        paths.append(path)
    clip = folder / "sailing boat.mp4"
    draw_clip(clip)
    return [*paths, clip]


def _save(image: Image.Image, path: Path) -> None:
    options: dict[str, dict[str, Any]] = {
        ".jpg": {"quality": 90},
        ".png": {"compress_level": 3},
        ".webp": {"quality": 85, "method": 1},
    }
    image.save(path, **options.get(path.suffix, {}))


def _broken() -> bytes:
    buffer = io.BytesIO()
    scenes.skyline().save(buffer, "JPEG", quality=80)
    whole = buffer.getvalue()
    # The header with its dimensions stays; of the pixels nothing, or else what is there would be shown.
    return whole[: whole.index(b"\xff\xda")]
