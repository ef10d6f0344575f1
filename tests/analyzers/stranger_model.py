"""A joint model in Immich's layout whose makers know nothing of this program, and its arithmetic in NumPy alone.

Unlike the small model that finds things, this one is sensitive: random filters over blocks of pixels, without any
pooling, so that another scaling, another crop or another order of tokens gives other vectors.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageOps

Floats = NDArray[np.float32]

SIDE, BLOCK, FILTERS, DIMENSION, CONTEXT = 48, 8, 12, 40, 20
MEAN, DEVIATION = (0.4, 0.45, 0.5), (0.2, 0.25, 0.3)
_WORDS = ["<pad>", "<start>", "<end>", "<unk>", "a", "photo", "of", "grey", "sea", "stones", "at", "night"]
_NUMBERS = {word: number for number, word in enumerate(_WORDS)}


class StrangerModel:
    """Takes float16 pictures and int64 tokens one at a time; its weights lie in a file of a name of their own."""

    def __init__(self) -> None:
        random = np.random.default_rng(23)
        count = FILTERS * (SIDE // BLOCK) ** 2
        self._filters = (random.normal(size=(FILTERS, 3, BLOCK, BLOCK)) / BLOCK).astype(np.float16)
        self._map = (random.normal(size=(count, DIMENSION)) / np.sqrt(count)).astype(np.float16)
        self._tokens = random.normal(size=(len(_WORDS), DIMENSION)).astype(np.float16)
        self._places = (1 + 0.2 * random.normal(size=(1, CONTEXT, 1))).astype(np.float16)

    def write(self, folder: Path) -> None:
        """Write it as a program does that keeps several, each in a folder of its own, without a `config.json`."""
        for name in ("visual", "textual"):
            (folder / name).mkdir(parents=True)
        seen = [
            helper.make_node("Conv", ["image", "filters"], ["found"], strides=[BLOCK, BLOCK]),
            helper.make_node("Relu", ["found"], ["felt"]),
            helper.make_node("Flatten", ["felt"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "map"], ["embedding"]),
        ]
        said = [
            helper.make_node("Gather", ["rows", "text"], ["gathered"], axis=0),
            helper.make_node("Mul", ["gathered", "places"], ["placed"]),
            helper.make_node("Constant", [], ["axis"], value=numpy_helper.from_array(np.array([1], np.int64))),
            helper.make_node("ReduceSum", ["placed", "axis"], ["embedding"], keepdims=0),
        ]
        picture = ("image", TensorProto.FLOAT16, [1, 3, SIDE, SIDE])
        text = ("text", TensorProto.INT64, [1, CONTEXT])
        self._save(folder / "visual", seen, picture, {"filters": self._filters, "map": self._map})
        self._save(folder / "textual", said, text, {"rows": self._tokens, "places": self._places})
        prepared = {"size": SIDE, "mode": "RGB", "mean": MEAN, "std": DEVIATION, "interpolation": "BILINEAR"}
        (folder / "visual" / "preprocess_cfg.json").write_text(json.dumps(prepared))
        marks = {word: {"id": word, "ids": [_NUMBERS[word]], "tokens": [word]} for word in ("<start>", "<end>")}
        around = [{"SpecialToken": {"id": "<start>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
        tokenizer = {
            "version": "1.0",
            "added_tokens": [],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [*around, {"SpecialToken": {"id": "<end>", "type_id": 0}}],
                "pair": [*around, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": marks,
            },
            "model": {"type": "WordLevel", "vocab": _NUMBERS, "unk_token": "<unk>"},
        }
        (folder / "textual" / "tokenizer.json").write_text(json.dumps(tokenizer))
        (folder / "textual" / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<pad>"}))

    def picture(self, path: Path) -> Floats:
        """Return the vector of a picture, of length 1."""
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        wide, high = image.size
        fitted = (SIDE, int(high / wide * SIDE)) if wide < high else (int(wide / high * SIDE), SIDE)
        image = image.resize(fitted, Image.Resampling.BILINEAR)
        left, top = (image.width - SIDE) // 2, (image.height - SIDE) // 2
        values = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), np.float32) / 255
        values = ((values - np.array(MEAN)) / np.array(DEVIATION)).transpose(2, 0, 1).astype(np.float16)
        side = SIDE // BLOCK
        blocks = values.astype(np.float32).reshape(3, side, BLOCK, side, BLOCK).transpose(1, 3, 0, 2, 4)
        found = np.maximum(blocks.reshape(side, side, -1) @ self._filters.reshape(FILTERS, -1).T.astype(np.float32), 0)
        return _unit(found.transpose(2, 0, 1).reshape(-1) @ self._map.astype(np.float32))

    def text(self, text: str) -> Floats:
        """Return the vector of a text, of length 1."""
        words = [_NUMBERS.get(word, _NUMBERS["<unk>"]) for word in re.findall(r"\w+|[^\w\s]+", text.lower())]
        tokens = np.zeros(CONTEXT, int)
        tokens[: len(words) + 2] = [_NUMBERS["<start>"], *words, _NUMBERS["<end>"]]
        return _unit((self._tokens.astype(np.float32)[tokens] * self._places[0].astype(np.float32)).sum(axis=0))

    def _save(
        self, folder: Path, nodes: list[onnx.NodeProto], taken: tuple[str, int, list[Any]], weights: dict[str, Any]
    ) -> None:
        graph = helper.make_graph(
            nodes,
            "stranger",
            [helper.make_tensor_value_info(*taken)],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT16, [1, DIMENSION])],
            [numpy_helper.from_array(value, name) for name, value in weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
        model.ir_version = 8
        onnx.save_model(
            model,
            str(folder / "model.onnx"),
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location="weights.bin",
            size_threshold=0,
        )


def _unit(vector: NDArray[Any]) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
