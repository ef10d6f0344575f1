"""The two networks of a joint model: pictures and texts in, vectors of length 1 out.

The functions at the end run in worker processes, which load a network at their first call and keep it.
"""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.analyzers.builtin.models import runtime_errors
from vuemantics_tui.analyzers.builtin.vectors import normalise
from vuemantics_tui.analyzers.joint.layout import Preprocessing, read_layout
from vuemantics_tui.analyzers.joint.providers import CPU, fallen_back, open_on, reported, wanted_here
from vuemantics_tui.analyzers.joint.tokens import TextTokens
from vuemantics_tui.domain.errors import AnalyzerError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.scaled import picture_of, squared

if TYPE_CHECKING:
    import onnxruntime

Vectors = NDArray[np.float32]
"""Vectors of length 1: shape (count, dimension)."""

# In this order, as the graphs that exporters write name what is wanted. Anything else is an inner layer.
_OUTPUTS = ("image_embeds", "text_embeds", "embedding", "output", "pooler_output")
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
# More do not make a text faster.
_MOST_TEXT_THREADS = 4


def prepare(image: Image.Image, how: Preprocessing) -> NDArray[np.float32]:
    """Return a picture as the network expects it: shape (3, size, size), float32, normalised."""
    square = squared(image if image.mode == "RGB" else image.convert("RGB"), how.square(how.size))
    values = np.asarray(square, np.float32) / np.float32(255)
    scaled = (values - np.array(how.mean, np.float32)) / np.array(how.deviation, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)


class _Network:
    """One graph: its inputs by name, the output that holds the vectors, and whether it takes one at a time."""

    def __init__(self, path: Path, threads: int = 1, wanted: str = CPU) -> None:
        self.path = path
        # By path, not by content: weights over 2 GB lie beside the graph.
        opened = open_on(path, wanted, threads)
        self._session: onnxruntime.InferenceSession = opened.session
        self.inputs = {each.name: each for each in self._session.get_inputs()}
        outputs = {each.name: each for each in self._session.get_outputs()}
        # Of some graphs the shape is not known before they run.
        flat = [name for name, each in outputs.items() if len(each.shape) in (0, 2)]
        self._output = next((name for name in _OUTPUTS if name in flat), flat[0] if len(outputs) == 1 and flat else "")
        if not self._output:
            raise AnalyzerError(
                f"{path} has no output with one vector for each input: it has {', '.join(outputs)}",
                f"Expected one of {', '.join(_OUTPUTS)}.",
            )
        dimension = outputs[self._output].shape[-1:]
        self.dimension = dimension[0] if dimension and isinstance(dimension[0], int) else 0
        if opened.provider.name != CPU:
            try:
                self.run({name: self._nothing(each.shape) for name, each in self.inputs.items()})
            except AnalyzerError as error:
                opened = fallen_back(path, opened, error)
                self._session = opened.session
        self.provider = opened.provider
        self.fault = opened.fault

    @staticmethod
    def _nothing(shape: Sequence[object]) -> NDArray[Any]:
        return np.zeros([side if isinstance(side, int) else 1 for side in shape], np.float32)

    def run(self, feed: dict[str, NDArray[Any]]) -> Vectors:
        """Run on a batch, one after the other where the graph has a fixed batch of 1."""
        typed = {name: array.astype(_TYPES.get(self.inputs[name].type, np.float32)) for name, array in feed.items()}
        first = next(iter(self.inputs.values()))
        with runtime_errors(f"{self.path.name} failed"):
            if first.shape[0] == 1:
                count = len(next(iter(typed.values())))
                rows = [
                    self._session.run([self._output], {name: array[row : row + 1] for name, array in typed.items()})[0]
                    for row in range(count)
                ]
                found = np.concatenate(rows) if rows else np.zeros((0, self.dimension))
            else:
                (found,) = self._session.run([self._output], typed)
        vectors = np.asarray(found, np.float32)
        if vectors.ndim != 2 or not np.isfinite(vectors).all():
            raise AnalyzerError(f"{self.path.name} returned invalid numbers", "Use another model.")
        return normalise(vectors)


class PictureTower:
    """Makes vectors of pictures. Raises AnalyzerError for a folder without a joint model."""

    def __init__(self, folder: Path) -> None:
        layout = read_layout(folder)
        self._network = _Network(layout.visual, wanted=wanted_here())
        pictures = [name for name, each in self._network.inputs.items() if len(each.shape) == 4]
        if len(pictures) != 1:
            raise AnalyzerError(f"{layout.visual} has no single input for pictures", "Use another model.")
        (self._input,) = pictures
        side = self._network.inputs[self._input].shape[-1]
        size = side if isinstance(side, int) else layout.preprocessing.size or 224
        how = layout.preprocessing
        self.preprocessing = Preprocessing(size, how.mean, how.deviation, how.interpolation, how.resize)

    @property
    def dimension(self) -> int:
        """Return the dimension of the vectors."""
        return self._network.dimension

    @property
    def provider(self) -> str:
        """Return what the network runs on, for people."""
        return self._network.provider.title

    @property
    def fault(self) -> str:
        """Return why it does not run on what was wanted, as a sentence, or nothing."""
        return self._network.fault

    def embed(self, pictures: Sequence[Picture]) -> Vectors:
        """Return one vector for each picture. Raises MediaError for one that cannot be read, and AnalyzerError."""
        size = self.preprocessing.square(self.preprocessing.size).look_size
        images = [prepare(picture_of(picture, size), self.preprocessing) for picture in pictures]
        if not images:
            return np.zeros((0, self.dimension), np.float32)
        return self._network.run({self._input: np.stack(images)})


class TextTower:
    """Makes vectors of texts. Raises AnalyzerError for a folder without a joint model."""

    def __init__(self, folder: Path) -> None:
        layout = read_layout(folder)
        # There is one of these processes, and somebody waits for what it says.
        self._network = _Network(layout.textual, min(_MOST_TEXT_THREADS, os.cpu_count() or 1))
        names = list(self._network.inputs)
        self._ids = next((name for name in ("input_ids", "text", "input", "tokens") if name in names), names[0])
        # What the network takes counts, whatever the files beside it say.
        length = self._network.inputs[self._ids].shape[-1]
        context = length if isinstance(length, int) else layout.rules.context
        self._tokens = TextTokens(replace(layout.rules, context=context))
        self._mask = "attention_mask" if "attention_mask" in names else ""
        # The first text takes longer than the others.
        for _ in range(2):
            began = time.perf_counter()
            self.embed(["a photo"])
            self.seconds = time.perf_counter() - began
        """How long one text takes."""

    @property
    def dimension(self) -> int:
        """Return the dimension of the vectors."""
        return self._network.dimension

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text. Raises AnalyzerError."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        tokens, mask = self._tokens.rows(list(texts))
        return self._network.run({self._ids: tokens, **({self._mask: mask} if self._mask else {})})


# Captions that a short query is averaged over, as the authors of CLIP do for single words.
# The first alone while somebody types and more would take too long.
TEMPLATES = ("a photo of a {}", "{}", "a photo of {}", "a picture of {}")
_SHORT_QUERY = 2


def query_texts(text: str) -> list[str]:
    """Return the captions whose mean stands for a query: one for a sentence, several for one or two words."""
    if 0 < len(text.split()) <= _SHORT_QUERY:
        return [template.format(text) for template in TEMPLATES]
    return [text]


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What was found out about a model by loading it."""

    dimension: int
    size: int


@lru_cache(maxsize=1)
def _pictures(folder: Path) -> PictureTower:
    return PictureTower(folder)


@lru_cache(maxsize=1)
def _texts(folder: Path) -> TextTower:
    return TextTower(folder)


def try_model(folder: Path) -> ModelShape:
    """Load both networks and compare them. Raises AnalyzerError if they do not belong together."""
    pictures, texts = PictureTower(folder), TextTower(folder)
    grey = Image.new("RGB", (pictures.preprocessing.size,) * 2, (127, 127, 127))
    seen = pictures._network.run({pictures._input: prepare(grey, pictures.preprocessing)[None]})
    said = texts.embed(["a photo"])
    if seen.shape != said.shape:
        raise AnalyzerError(
            f"The two networks in {folder} do not match: {seen.shape[1]} and {said.shape[1]} dimensions",
            "Download the model again.",
        )
    return ModelShape(seen.shape[1], pictures.preprocessing.size)


def embed_pictures(folder: Path, pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """Return one vector of length 1 for each picture. Raises MediaError and AnalyzerError."""
    return _pictures(folder).embed(pictures)


def load_texts(folder: Path) -> int:
    """Load the network of texts, and return the dimension of its vectors. Raises AnalyzerError."""
    return _texts(folder).dimension


def embed_query(folder: Path, text: str, seconds: float = math.inf) -> NDArray[np.float32]:
    """Return the vector of a query: shape (dimension,), length 1. Raises AnalyzerError.

    It is the mean of as many of its captions as can be embedded in so many `seconds`, at least of one.
    """
    tower = _texts(folder)
    most = max(1, int(min(seconds / tower.seconds, len(TEMPLATES))))
    vector: Vectors = normalise(tower.embed(query_texts(text)[:most]).mean(axis=0))
    return vector


def embed_words(folder: Path, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return one vector of length 1 for each text as it is. Raises AnalyzerError."""
    return _texts(folder).embed(texts)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model makes of one upload: a vector for each of its frames, and the second of each, NaN for a picture.

    `fault` says why it does not run on the provider that was wanted.
    """

    seconds: NDArray[np.float32]
    vectors: NDArray[np.float32]
    fault: str = ""


def see(folder: Path, source: Picture, file_type: FileType, frames: int) -> Seen:
    """Look at a picture, or at up to `frames` frames of a clip. Raises MediaError and AnalyzerError."""
    from vuemantics_tui.media.frames import timed_frames

    if file_type is FileType.IMAGE:
        return Seen(np.full(1, np.nan, np.float32), embed_pictures(folder, [source]), _pictures(folder).fault)
    assert isinstance(source, Path)
    found, seconds = timed_frames(source, frames)
    return Seen(np.array(seconds, np.float32), embed_pictures(folder, found), _pictures(folder).fault)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast this process sees pictures, on what, out of what ONNX Runtime has, and why not on what was wanted."""

    pictures_per_second: float
    provider: str
    reported: list[str]
    fault: str


# Of so many pixels, as few as leave the time to the network; measured for so long.
_MEASURED_SIZE, _MEASURED_SECONDS = (800, 600), 1.5


def measure(folder: Path) -> Speed:
    """Measure how fast a model sees photos, from the file to the vector. Raises AnalyzerError."""
    tower = _pictures(folder)
    noise = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize(_MEASURED_SIZE, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    picture = stream.getvalue()
    tower.embed([picture])
    count, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < _MEASURED_SECONDS:
        tower.embed([picture])
        count += 1
    return Speed(round(count / taken, 1), tower.provider, reported(), tower.fault)
