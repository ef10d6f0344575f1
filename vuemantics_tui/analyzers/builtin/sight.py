"""Everything seen in one picture, or in the frames of one video, before it becomes words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.analyzers.builtin import vision
from vuemantics_tui.analyzers.builtin.network import Probabilities, classify
from vuemantics_tui.analyzers.builtin.pictures import Pixels, coarse, load_detailed_pixels, load_pixels
from vuemantics_tui.analyzers.builtin.scene import read_scenes
from vuemantics_tui.media.colours import Palette, blend_palettes, read_palette

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Sight:
    """All findings in a picture. `aspect` is width over height.

    `probabilities` is None if there are faces: the model has no class for people, and its guesses would embarrass.
    They are `beside_faces` then, for the vector alone.
    `faces` are heights as shares (0..1) of the picture's short side, largest first; `lines` is the text in it; `faults`
    names parts that are installed but do not work.
    """

    probabilities: Probabilities | None
    palette: Palette
    scenes: tuple[str, ...]
    aspect: float
    faces: tuple[float, ...] = ()
    lines: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    beside_faces: Probabilities | None = None


def look(picture: Picture, cache_dir: Path) -> Sight:
    """Look at one picture. Raises MediaError for the picture, AnalyzerError for the model.

    A new kind of finding is one more field of Sight, set here and put into words in `words`.
    """
    reader, finder = vision.reader(), vision.face_finder()
    parts = [part for part in (reader, finder) if isinstance(part, vision.VisionPart)]
    faults = [_fault(part.name, part.reason) for part in parts if part.broken]
    faces: tuple[float, ...] = ()
    lines: tuple[str, ...] = ()
    if len(parts) == 2:
        pixels = load_pixels(picture)
    else:
        detailed = load_detailed_pixels(picture)
        if not isinstance(finder, vision.VisionPart):
            faces = _tried(finder.find, detailed, vision.FACES, faults)
        if not isinstance(reader, vision.VisionPart):
            lines = _tried(reader.read, detailed, vision.READING, faults)
        pixels = coarse(detailed)
    height, width = pixels.shape[:2]
    probabilities = classify(pixels, cache_dir)
    return Sight(
        None if faces else probabilities,
        read_palette(pixels),
        read_scenes(pixels),
        width / height,
        faces,
        lines,
        tuple(faults),
        probabilities if faces else None,
    )


def blend_sights(sights: Sequence[Sight]) -> Sight:
    """Combine the frames of one video (at least one) into one sight.

    Labels and colours are averaged over all frames, scenes need half of the frames, each line of text counts once, and
    the faces are those of the frame with the most.
    """
    scenes = Counter(scene for sight in sights for scene in sight.scenes)
    lines: dict[str, str] = {}
    for sight in sights:
        for line in sight.lines:
            lines.setdefault(line.casefold(), line)
    return Sight(
        _mean([sight.probabilities for sight in sights]),
        blend_palettes([sight.palette for sight in sights]),
        tuple(scene for scene, count in scenes.items() if count * 2 >= len(sights)),
        sights[0].aspect,
        max((sight.faces for sight in sights), key=len),
        tuple(lines.values()),
        tuple(dict.fromkeys(fault for sight in sights for fault in sight.faults)),
        _mean([sight.beside_faces for sight in sights]),
    )


def _mean(each: Sequence[Probabilities | None]) -> Probabilities | None:
    """The mean over all frames, where a frame without any counts as zeros; None if none has any."""
    seen = [probabilities for probabilities in each if probabilities is not None]
    return np.stack(seen).sum(axis=0) / np.float32(len(each)) if seen else None


def _tried(
    look_for: Callable[[Pixels], tuple[Found, ...]], pixels: Pixels, name: str, faults: list[str]
) -> tuple[Found, ...]:
    try:
        return look_for(pixels)
    except vision.VisionError as error:
        faults.append(_fault(name, error.message))
        return ()


def _fault(name: str, reason: str) -> str:
    return f"{name}: the extra is installed but does not work: {reason}"
