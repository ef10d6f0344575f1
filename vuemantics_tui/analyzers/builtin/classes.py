"""Which of the 1000 classes of ImageNet a picture shows."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.analyzers.builtin.network import INPUT_NAME, INPUT_SIZE, OUTPUT_NAME, load_network
from vuemantics_tui.analyzers.builtin.pictures import Pixels
from vuemantics_tui.analyzers.builtin.sessions import open_session

if TYPE_CHECKING:
    import onnxruntime  # type: ignore[import-untyped, unused-ignore]

Probabilities = NDArray[np.float32]
"""One number for each class: shape (1000,), sum 1."""

# The share of the short side that the centre crop keeps: torchvision evaluates 224 pixels out of 256.
_CROP_SHARE = 224 / 256
# The mean and deviation of ImageNet's RGB values in 0..1, as torchvision's models expect them.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def classify(pixels: Pixels, cache_dir: Path) -> Probabilities:
    """The mean of what a crop of the centre and the whole picture, squashed to a square, give.

    Raises AnalyzerError where the model cannot be had.
    """
    image = Image.fromarray(pixels)
    width, height = image.size
    side = min(width, height) * _CROP_SHARE
    left, top = (width - side) / 2, (height - side) / 2
    views = [_view(image, (left, top, left + side, top + side)), _view(image, (0, 0, width, height))]
    logits = _session(cache_dir).run([OUTPUT_NAME], {INPUT_NAME: np.stack(views)})[0]
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    mean: Probabilities = (exponents / exponents.sum(axis=1, keepdims=True)).mean(axis=0)
    return mean


def _view(image: Image.Image, box: tuple[float, float, float, float]) -> NDArray[np.float32]:
    square = image.resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BICUBIC, box=box)
    values = (np.asarray(square, np.float32) / 255.0 - _MEAN) / _DEVIATION
    return values.transpose(2, 0, 1)


@cache
def _session(cache_dir: Path) -> onnxruntime.InferenceSession:
    return open_session(load_network(cache_dir))
