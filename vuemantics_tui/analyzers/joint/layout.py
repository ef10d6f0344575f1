"""What a folder with a joint model holds: four layouts, recognised by their files, described in one form.

The layouts are those of Immich, of transformers.js, of rclip, and two folders with a `model.onnx` each. The facts are
from the files that these programs publish; nothing here loads a network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from vuemantics_tui.domain.errors import AnalyzerError
from vuemantics_tui.domain.media import Square

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


_BLOCK_BYTES = 1024 * 1024
# The endings of files beside a network that hold no weights of it.
_NO_DATA = (".onnx", ".json", ".txt", ".md", ".gz")
# How deep a model may lie in the folder that a person names, and how many folders are looked into.
_MOST_LEVELS, _MOST_FOLDERS = 4, 1000


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

    def square(self, side: int) -> Square:
        """Return the square of a network whose input has this side."""
        return Square(side, self.interpolation, self.resize is Resize.SQUASH)


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
    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that tell this model's vectors from those of any other. Reads all its files."""
        digest = hashlib.sha256(repr((self.preprocessing, replace(self.rules, tokenizer=Path()))).encode())
        for path in (*self._weights(), self.rules.tokenizer):
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        return digest.hexdigest()[:16]

    def _weights(self) -> list[Path]:
        """The files of both networks, with what lies beside them: external data may have any name."""
        found = {self.visual: None, self.textual: None}
        for folder in (self.visual.parent, self.textual.parent):
            beside = (path for path in sorted(folder.iterdir()) if path.suffix not in _NO_DATA and path.is_file())
            found.update(dict.fromkeys(beside))
        return list(found)


def read_layout(folder: Path) -> Layout:
    """Recognise the model in a folder itself. Raises AnalyzerError that names what was looked for and what is there."""
    try:
        if (layout := _layout_in(folder)) is not None:
            return layout
        there = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise AnalyzerError(
            f"{folder} cannot be read: {error.strerror}", "Check the path and its permissions."
        ) from error
    listed = ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")
    raise AnalyzerError(f"There is no joint model in {folder}: found {listed or 'nothing'}", _EXPECTED)


def model_folder(folder: Path) -> Path:
    """Return the folder of the model in `folder`, which may lie deeper: Immich and the hub keep each in one of its own.

    `folder` itself where there is no model in it. Raises AnalyzerError for several.
    """
    found, level = [], [folder]
    for _ in range(_MOST_LEVELS):
        found = [each for each in level if _layout_in(each) is not None]
        if found:
            break
        level = [each for parent in level for each in sorted(parent.iterdir()) if each.is_dir()][:_MOST_FOLDERS]
    if len(found) > 1:
        names = ", ".join(str(each.relative_to(folder)) for each in found)
        raise AnalyzerError(
            f"There are {len(found)} joint models in {folder}: {names}", "Name the folder of one of them."
        )
    return found[0] if found else folder


def _layout_in(folder: Path) -> Layout | None:
    for read in (_immich, _transformers, _rclip, _pair):
        if (layout := read(folder)) is not None:
            return layout
    return None


def _immich(folder: Path) -> Layout | None:
    visual, textual = _weights(folder / "visual", "model"), _weights(folder / "textual", "model")
    if visual is None or textual is None:
        return None
    path = folder / "config.json"
    config = _json(path) if path.is_file() else {}
    text = _part(config.get("model_cfg", config), "text_cfg")
    prepared = folder / "visual" / "preprocess_cfg.json"
    if prepared.is_file():
        preprocessing = _open_clip_preprocessing(_json(prepared), prepared)
    else:
        preprocessing = _open_clip_preprocessing({"size": 0, **_part(config, "preprocess_cfg")}, path)
    canonical = _part(text, "tokenizer_kwargs").get("clean") == "canonicalize"
    context = _whole(text.get("context_length", CLIP_CONTEXT), path)
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
        path = pictures / "preprocess_cfg.json"
        preprocessing = _open_clip_preprocessing(_json(path), path)
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


def _open_clip_preprocessing(config: Mapping[str, Any], path: Path) -> Preprocessing:
    size = config.get("size", 0)
    return Preprocessing(
        _side(size, path) if size else 0,
        _three(config.get("mean", CLIP_MEAN), path),
        _three(config.get("std", CLIP_DEVIATION), path),
        str(config.get("interpolation", "bicubic")).lower(),
        _resize_mode(config.get("resize_mode", Resize.SHORTEST), path),
    )


def _resize_mode(value: Any, path: Path) -> Resize:
    try:
        return Resize(value)
    except ValueError:
        raise AnalyzerError(
            f"{path} asks for the resize_mode {value!r}, which is not supported", "Use a model with shortest or squash."
        ) from None


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
