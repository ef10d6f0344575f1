"""What is seen in one picture, or in the frames of one clip, before it becomes words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.analyzers.builtin.classes import Probabilities, classify
from vuemantics_tui.analyzers.builtin.colours import Palette, blend_palettes, read_palette
from vuemantics_tui.analyzers.builtin.pictures import load_pixels
from vuemantics_tui.analyzers.builtin.scene import read_scenes


@dataclass(frozen=True, slots=True)
class Sight:
    """The findings of each look at the picture. `aspect` is width over height."""

    probabilities: Probabilities
    palette: Palette
    scenes: tuple[str, ...]
    aspect: float


def look(picture: Picture, cache_dir: Path) -> Sight:
    """All that can be seen in one picture. Raises MediaError for the picture, AnalyzerError for the model.

    A new kind of finding is one more field of Sight, filled here and put into words in `words`.
    """
    pixels = load_pixels(picture)
    height, width = pixels.shape[:2]
    return Sight(classify(pixels, cache_dir), read_palette(pixels), read_scenes(pixels), width / height)


def blend_sights(sights: Sequence[Sight]) -> Sight:
    """The frames of one clip (at least one) as one sight: means, and the scenes that half of them suggest."""
    probabilities: Probabilities = np.mean([sight.probabilities for sight in sights], axis=0, dtype=np.float32)
    scenes = Counter(scene for sight in sights for scene in sight.scenes)
    return Sight(
        probabilities,
        blend_palettes([sight.palette for sight in sights]),
        tuple(scene for scene, count in scenes.items() if count * 2 >= len(sights)),
        sights[0].aspect,
    )
