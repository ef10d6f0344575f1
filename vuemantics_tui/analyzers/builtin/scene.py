"""Scenes that the model has no class for, guessed from colours and edges: sunsets, stars, pages, gradients."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.analyzers.builtin.pictures import Pixels
from vuemantics_tui.media.colours import to_lab

SUNSET = "sunset"
STARS = "points of light"
PAGE = "page"
GRADIENT = "gradient"

_SIDE = 256
_EDGE_STEP = 24.0


def read_scenes(pixels: Pixels) -> tuple[str, ...]:
    """Return the scenes the picture may show, by rules of thumb on colours and edges; often none.

    Works on a long side of at most 256 pixels.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    lab = to_lab(np.asarray(image))
    if min(lab.shape[:2]) < 32:
        return ()
    steps = _steps(lab[..., 0])
    if _is_gradient(steps):
        return (GRADIENT,)
    checks = ((SUNSET, _is_sunset), (STARS, _is_points_of_light), (PAGE, _is_page))
    return tuple(name for name, check in checks if check(lab, steps))


def _steps(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far lightness moves at each inner pixel, in L* over two pixels: shape (height - 2, width - 2)."""
    down = lightness[2:, 1:-1] - lightness[:-2, 1:-1]
    across = lightness[1:-1, 2:] - lightness[1:-1, :-2]
    steps: NDArray[np.float32] = np.hypot(down, across)
    return steps


def _is_gradient(steps: NDArray[np.float32]) -> bool:
    """No edge anywhere: one colour that turns into another, in which the model sees sharks."""
    return bool((steps > 3).mean() < 0.002)


def _is_sunset(lab: NDArray[np.float32], steps: NDArray[np.float32]) -> bool:
    """A smooth sky over something darker: saturated pink, red, orange or gold, or turning warm towards the horizon."""
    return _is_glowing(lab[: len(lab) // 2], lab, steps) or _is_dusk(lab[: len(lab) * 3 // 5], lab, steps)


def _is_glowing(sky: NDArray[np.float32], lab: NDArray[np.float32], steps: NDArray[np.float32]) -> bool:
    chroma = np.hypot(sky[..., 1], sky[..., 2])
    glowing = _is_warm(sky) & (chroma > 28) & (sky[..., 0] > 25)
    smooth = (steps[: len(sky)] > 8).mean() < 0.12
    # Black corners are those of a lens or a lamp, not of a sky.
    open_sky = (sky[..., 0] < 12).mean() < 0.1 and sky[..., 0].std() + chroma.std() > 6
    drop, (across, down) = _drop_below(sky, lab), _spreads(sky)
    # Water below gives back the light of a sky, but not its bands.
    over_ground = drop > 8 or (drop > -5 and down > 8 and across < 0.75 * down)
    return bool(glowing.mean() > 0.45 and smooth and open_sky and over_ground)


def _is_dusk(sky: NDArray[np.float32], lab: NDArray[np.float32], steps: NDArray[np.float32]) -> bool:
    rows = sky.mean(axis=1)
    across, down = _spreads(sky)
    smooth = (steps[: len(sky)] > 8).mean() < 0.03
    warm = ((rows[:, 1] > 6) & _is_warm(rows)).any()
    return bool(across < 6 and down > 5 and smooth and warm and _drop_below(sky, lab) > 15)


def _is_warm(lab: NDArray[np.float32]) -> NDArray[np.bool_]:
    """From pink over red and orange to gold, by the angle in the plane of a* and b*."""
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    warm: NDArray[np.bool_] = (hue > -45) & (hue < 85)
    return warm


def _spreads(sky: NDArray[np.float32]) -> tuple[float, float]:
    """How much colours differ along the rows, and how much the rows differ from each other."""
    return float(np.sqrt(sky.var(axis=1).sum(axis=1)).mean()), float(np.sqrt(sky.mean(axis=1).var(axis=0).sum()))


def _drop_below(sky: NDArray[np.float32], lab: NDArray[np.float32]) -> float:
    """How much darker the lowest quarter is than the sky, in L*."""
    return float(sky[..., 0].mean() - lab[-len(lab) // 4 :, :, 0].mean())


def _is_points_of_light(lab: NDArray[np.float32], steps: NDArray[np.float32]) -> bool:
    """Many small lights, spread over a black ground."""
    lightness = lab[..., 0]
    if np.median(lightness) > 12 or lightness.mean() > 20:
        return False
    centre = lightness[2:-2, 2:-2]
    around = sliding_window_view(lightness, (5, 5))
    peaks = (centre >= around.max(axis=(2, 3))) & (centre - around.mean(axis=(2, 3)) > 10)
    rows, columns = np.nonzero(peaks)
    cells = set(zip(rows * 8 // peaks.shape[0], columns * 8 // peaks.shape[1], strict=True))
    return len(rows) >= 60 and len(cells) >= 40


def _is_page(lab: NDArray[np.float32], steps: NDArray[np.float32]) -> bool:
    """Small dark marks, sharp and in many places, with blank stretches of light, colourless ground."""
    paper = float(np.percentile(lab[..., 0], 80))
    ground = lab[..., 0] > paper - 20
    colourless = np.hypot(lab[..., 1], lab[..., 2]).mean() < 8 and paper > 60
    marked = (steps > _EDGE_STEP).mean()
    blank = (steps < 4).mean()
    return bool(ground.mean() > 0.5 and colourless and 0.08 < marked < 0.5 and blank > 0.35)
