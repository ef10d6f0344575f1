"""What a folder with a joint model holds: four layouts, recognised by their files, described in one form.

The layouts are those of Immich, of transformers.js, of rclip, and two folders with a `model.onnx` each. The facts are
from the files that these programs publish; nothing here loads a network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from vuemantics_tui.domain.errors import AnalyzerError

# The statistics of OpenAI's CLIP, which LAION's and DataComp's models keep.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
CLIP_CONTEXT = 77
BPE_NAME = "bpe_simple_vocab_16e6.txt.gz"
# Of the weights in a folder the first is taken: the exact ones, then those that lose least.
_PRECISIONS = ("", "_fp16", "_quantized", "_int8", "_uint8", "_q4", "_q4f16", "_bnb4")
_EXPECTED = (
    "Expected visual/model.onnx and textual/model.onnx, onnx/vision_model.onnx and onnx/text_model.onnx, "
    "visual.onnx and textual.onnx, or two folders with a model.onnx each, and a tokenizer.json or "
    f"tokenizer/{BPE_NAME} with the text model."
)


class Resize(StrEnum):
    """How a picture becomes a square: its short side is fitted and the middle cut out, or all of it is squashed."""

    SHORTEST = "shortest"
    SQUASH = "squash"


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How pictures are prepared. `size` is the side in pixels, 0 if only the network knows it."""

    size: int = 0
    mean: tuple[float, ...] = CLIP_MEAN
    deviation: tuple[float, ...] = CLIP_DEVIATION
    interpolation: str = "bicubic"
    resize: Resize = Resize.SHORTEST


@dataclass(frozen=True, slots=True)
class TextRules:
    """How texts become tokens: with `tokenizer`, up to `context` of them, filled up with `pad`.

    `pad` is a token by name, or its number in digits; `canonical` texts are in lower case and without punctuation.
    """

    tokenizer: Path
    context: int = CLIP_CONTEXT
    pad: str = "0"
    canonical: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """A joint model's files, and how to feed them."""

    visual: Path
    textual: Path
    preprocessing: Preprocessing
    rules: TextRules

    @property
    def weights(self) -> tuple[Path, ...]:
        """The files of both networks, with the external data that belongs to them."""
        found = []
        for path in (self.visual, self.textual):
            found.append(path)
            found.extend(sorted(path.parent.glob(f"{path.name}_data*")) + sorted(path.parent.glob(f"{path.name}.data")))
        return tuple(found)


def read_layout(folder: Path) -> Layout:
    """Recognise the model in a folder. Raises AnalyzerError that names what was looked for and what is there."""
    try:
        for read in (_immich, _transformers, _rclip, _pair):
            if (layout := read(folder)) is not None:
                return layout
        there = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise AnalyzerError(
            f"{folder} cannot be read: {error.strerror}", "Check the path and its permissions."
        ) from error
    listed = ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")
    raise AnalyzerError(f"There is no joint model in {folder}: found {listed or 'nothing'}", _EXPECTED)


def _immich(folder: Path) -> Layout | None:
    visual, textual = _weights(folder / "visual", "model"), _weights(folder / "textual", "model")
    if visual is None or textual is None or not (folder / "config.json").is_file():
        return None
    config = _json(folder / "config.json")
    text = _part(config.get("model_cfg", config), "text_cfg")
    preprocessing = _open_clip_preprocessing(folder / "visual" / "preprocess_cfg.json")
    canonical = _part(text, "tokenizer_kwargs").get("clean") == "canonicalize"
    context = _whole(text.get("context_length", CLIP_CONTEXT), folder / "config.json")
    return Layout(visual, textual, preprocessing, _rules(folder / "textual", context, canonical=canonical))


def _transformers(folder: Path) -> Layout | None:
    visual, textual = _weights(folder / "onnx", "vision_model"), _weights(folder / "onnx", "text_model")
    if visual is None or textual is None:
        return None
    config = _json(folder / "config.json")
    text = _part(config, "text_config")
    siglip = str(config.get("model_type", "")).startswith("siglip")
    default = 64 if siglip else CLIP_CONTEXT
    context = _whole(text.get("max_position_embeddings", default), folder / "config.json")
    rules = _rules(folder, context, canonical=siglip)
    return Layout(visual, textual, _hub_preprocessing(folder / "preprocessor_config.json"), rules)


def _rclip(folder: Path) -> Layout | None:
    visual, textual = _weights(folder, "visual"), _weights(folder, "textual")
    if visual is None or textual is None:
        return None
    return Layout(visual, textual, Preprocessing(), _rules(folder, CLIP_CONTEXT))


def _pair(folder: Path) -> Layout | None:
    """Two folders with a network each; the one with the tokenizer is that of the texts."""
    pairs = [path for path in sorted(folder.iterdir()) if path.is_dir() and _weights(path, "model")]
    textual = [path for path in pairs if _tokenizer(path) is not None]
    if len(pairs) != 2 or len(textual) != 1:
        return None
    (words,) = textual
    (pictures,) = (path for path in pairs if path != words)
    visual, text = _weights(pictures, "model"), _weights(words, "model")
    assert visual is not None and text is not None
    if (pictures / "preprocess_cfg.json").is_file():
        preprocessing = _open_clip_preprocessing(pictures / "preprocess_cfg.json")
    elif (pictures / "preprocessor_config.json").is_file():
        preprocessing = _hub_preprocessing(pictures / "preprocessor_config.json")
    else:
        preprocessing = Preprocessing()
    return Layout(visual, text, preprocessing, _rules(words, CLIP_CONTEXT))


def _weights(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}{precision}.onnx" for precision in _PRECISIONS)
    return next((path for path in paths if path.is_file()), None)


def _tokenizer(folder: Path) -> Path | None:
    places = (folder / "tokenizer.json", folder / "tokenizer" / "tokenizer.json", folder / "tokenizer" / BPE_NAME)
    return next((path for path in (*places, folder / BPE_NAME) if path.is_file()), None)


def _rules(folder: Path, context: int, *, canonical: bool = False) -> TextRules:
    tokenizer = _tokenizer(folder)
    if tokenizer is None:
        raise AnalyzerError(f"{folder} has no tokenizer", f"Add tokenizer.json or tokenizer/{BPE_NAME}.")
    config = tokenizer.parent / "tokenizer_config.json"
    settings = _json(config) if config.is_file() else {}
    pad = settings.get("pad_token", "0")
    # A token is written as its text, or as an object that holds it.
    return TextRules(tokenizer, context, str(pad["content"] if isinstance(pad, Mapping) else pad), canonical)


def _open_clip_preprocessing(path: Path) -> Preprocessing:
    config = _json(path)
    return Preprocessing(
        _side(config.get("size", 224), path),
        _three(config.get("mean", CLIP_MEAN), path),
        _three(config.get("std", CLIP_DEVIATION), path),
        str(config.get("interpolation", "bicubic")),
        Resize.SQUASH if config.get("resize_mode") == "squash" else Resize.SHORTEST,
    )


# The numbers of Pillow's filters, which the hub's files use.
_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}


def _hub_preprocessing(path: Path) -> Preprocessing:
    config = _json(path)
    size = config.get("size", 224)
    squashed = isinstance(size, Mapping) and "height" in size and not config.get("do_center_crop", False)
    side = size if squashed else config.get("crop_size", size)
    return Preprocessing(
        _side(side, path),
        _three(config.get("image_mean", CLIP_MEAN), path),
        _three(config.get("image_std", CLIP_DEVIATION), path),
        _FILTERS.get(config.get("resample", 3), "bicubic"),
        Resize.SQUASH if squashed else Resize.SHORTEST,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AnalyzerError(f"{path} cannot be read: {error}", "Download the model again.") from error
    if not isinstance(content, dict):
        raise _wrong(path)
    return content


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = config.get(name, {})
    return part if isinstance(part, Mapping) else {}


def _side(size: Any, path: Path) -> int:
    if isinstance(size, Mapping):
        size = size.get("shortest_edge", size.get("height"))
    if isinstance(size, Sequence) and not isinstance(size, str) and size:
        size = size[0]
    return _whole(size, path)


def _whole(value: Any, path: Path) -> int:
    if not isinstance(value, int) or not 0 < value <= 4096:
        raise _wrong(path)
    return value


def _three(values: Any, path: Path) -> tuple[float, ...]:
    if isinstance(values, Sequence) and len(values) == 3 and all(isinstance(value, int | float) for value in values):
        return tuple(float(value) for value in values)
    raise _wrong(path)


def _wrong(path: Path) -> AnalyzerError:
    return AnalyzerError(f"{path} contains invalid values for a joint model", "Download the model again.")
