"""A small joint model that really finds things: it knows eight colours and four shapes, and is fitted in a second.

The pictures it is fitted on are drawn here, the networks are written with `onnx`, and the fit is a ridge regression: of
random features of a coarse picture, and of a bag of tokens, onto one vector for each colour and each shape.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from vuemantics_tui.analyzers.joint.layout import CLIP_DEVIATION, CLIP_MEAN, Preprocessing
from vuemantics_tui.analyzers.joint.tokens import TextTokens
from vuemantics_tui.analyzers.joint.towers import prepare

Floats = NDArray[np.float32]

SIDE, GRID, DIMENSION, FEATURES, CONTEXT = 64, 16, 48, 768, 16
COLOURS = {
    "red": (210, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 70, 210),
    "yellow": (235, 205, 40),
    "black": (20, 20, 20),
    "white": (245, 245, 245),
    "purple": (140, 50, 170),
    "orange": (240, 140, 20),
}
SHAPES = ("circle", "square", "triangle", "cross")
GROUND = (128, 128, 128)
LAYOUTS = ("immich", "transformers", "rclip", "pair")
_WORDS = ["<pad>", "<unk>", "a", "of", "photo", "picture", *COLOURS, *SHAPES]


def draw(colour: str, shape: str, seed: int = 0, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Draw one shape in one colour on grey, at a place and in a size that the seed chooses."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", size, GROUND)
    pen = ImageDraw.Draw(image)
    radius = int(min(size) * random.uniform(0.24, 0.32))
    x, y = (int(side / 2 + random.uniform(-0.06, 0.06) * min(size)) for side in size)
    box, fill = (x - radius, y - radius, x + radius, y + radius), COLOURS[colour]
    if shape == "circle":
        pen.ellipse(box, fill=fill)
    elif shape == "square":
        pen.rectangle(box, fill=fill)
    elif shape == "triangle":
        pen.polygon([(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)], fill=fill)
    else:
        third = radius // 3
        pen.rectangle((x - third, y - radius, x + third, y + radius), fill=fill)
        pen.rectangle((x - radius, y - third, x + radius, y + third), fill=fill)
    return image


@dataclass(frozen=True, slots=True)
class Fitted:
    """The weights: random features and their map for pictures, one row for each token of texts."""

    random: Floats
    bias: Floats
    pictures: Floats
    tokens: Floats


def fit(preprocessing: Preprocessing, vocabulary: int, number_of: Callable[[str], list[int]]) -> Fitted:
    """Fit both networks for a preprocessing, and for a tokenizer that gives each word its numbers."""
    random = np.random.default_rng(11)
    targets = {name: random.normal(size=DIMENSION) for name in (*COLOURS, *SHAPES)}
    matrix = (random.normal(size=(3 * GRID * GRID, FEATURES)) / GRID).astype(np.float32)
    bias = random.normal(size=FEATURES).astype(np.float32)
    seen, wanted = [], []
    for number, (colour, shape) in enumerate([(c, s) for c in COLOURS for s in SHAPES] * 20):
        prepared = prepare(draw(colour, shape, number + 1000), preprocessing)
        coarse = prepared.reshape(3, GRID, SIDE // GRID, GRID, SIDE // GRID).mean(axis=(2, 4)).reshape(-1)
        seen.append(np.maximum(coarse @ matrix + bias, 0))
        wanted.append(targets[colour] + targets[shape])
    features, goal = np.array(seen), np.array(wanted)
    ridge = features.T @ features + 3.0 * np.eye(FEATURES)
    weights = np.linalg.solve(ridge, features.T @ goal).astype(np.float32)
    rows = np.zeros((vocabulary, DIMENSION), np.float32)
    for name, target in targets.items():
        pieces = number_of(name)
        for piece in pieces:
            rows[piece] += target / len(pieces)
    return Fitted(matrix, bias, weights, rows)


def write_model(folder: Path, layout: str, *, squash: bool = False) -> Path:
    """Write the model into a folder in one of the `LAYOUTS`; `squash` prepares pictures as SigLIP does."""
    folder.mkdir(parents=True, exist_ok=True)
    mean, deviation = ((0.5,) * 3, (0.5,) * 3) if squash else (CLIP_MEAN, CLIP_DEVIATION)
    shape = {"size": [SIDE, SIDE], "mean": list(mean), "std": list(deviation), "interpolation": "bicubic"}
    words = {word: number for number, word in enumerate(_WORDS)}
    vocabulary, numbers = len(words), lambda word: [words[word]]
    if layout == "immich":
        (folder / "visual").mkdir()
        _json(folder / "visual" / "preprocess_cfg.json", {**shape, "resize_mode": "squash" if squash else "shortest"})
        _json(folder / "config.json", {"embed_dim": DIMENSION, "text_cfg": {"context_length": CONTEXT}})
        places = folder / "visual" / "model.onnx", folder / "textual" / "model.onnx"
        names = "image", "text", "embedding", TensorProto.INT32
        _tokenizer(folder / "textual", words)
    elif layout == "transformers":
        size: Any = {"height": SIDE, "width": SIDE} if squash else {"shortest_edge": SIDE}
        extra = {} if squash else {"crop_size": {"height": SIDE, "width": SIDE}, "do_center_crop": True}
        hub = {"size": size, "image_mean": list(mean), "image_std": list(deviation), "resample": 3, **extra}
        _json(folder / "preprocessor_config.json", hub)
        kind = "siglip" if squash else "clip"
        _json(folder / "config.json", {"model_type": kind, "text_config": {"max_position_embeddings": CONTEXT}})
        places = folder / "onnx" / "vision_model.onnx", folder / "onnx" / "text_model_quantized.onnx"
        names = "pixel_values", "input_ids", "pooler_output" if squash else "image_embeds", TensorProto.INT64
        _tokenizer(folder, words)
    elif layout == "rclip":
        places = folder / "visual.onnx", folder / "textual.onnx"
        names = "input", "input", "output", TensorProto.INT64
        vocabulary, numbers = _merges(folder / "tokenizer")
    else:
        places = folder / "eyes" / "model.onnx", folder / "words" / "model.onnx"
        names = "pixels", "tokens", "output", TensorProto.INT64
        _tokenizer(folder / "words", words)
    fitted = fit(_preprocessing(mean, deviation, squash), vocabulary, numbers)
    picture_input, text_input, output, kind_of_token = names
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
    places[0].write_bytes(_visual(fitted, picture_input, output))
    context = 77 if layout in ("rclip", "pair") else CONTEXT
    text_output = output.replace("image", "text")
    places[1].write_bytes(_textual(fitted, text_input, text_output, kind_of_token, context))
    return folder


def _preprocessing(mean: tuple[float, ...], deviation: tuple[float, ...], squash: bool) -> Preprocessing:
    from vuemantics_tui.analyzers.joint.layout import Resize

    return Preprocessing(SIDE, mean, deviation, "bicubic", Resize.SQUASH if squash else Resize.SHORTEST)


def _json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def _tokenizer(folder: Path, words: dict[str, int]) -> None:
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    _json(folder / "tokenizer_config.json", {"pad_token": {"content": "<pad>"}})


def _merges(folder: Path) -> tuple[int, Callable[[str], list[int]]]:
    """Write CLIP's kind of vocabulary: merges that make each word one token."""
    folder.mkdir()
    lines = ["#version: 0.2"]
    for word in _WORDS[2:]:
        letters = [*word[:-1], f"{word[-1]}</w>"]
        while len(letters) > 1:
            line = f"{letters[0]} {letters[1]}"
            if line not in lines:
                lines.append(line)
            letters[:2] = ["".join(letters[:2])]
    path = folder / "bpe_simple_vocab_16e6.txt.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    from vuemantics_tui.analyzers.joint.layout import TextRules

    tokens = TextTokens(TextRules(path))

    def number_of(word: str) -> list[int]:
        ids, mask = tokens.rows([word])
        return [int(number) for number in ids[0][1 : int(mask[0].sum()) - 1]]

    return 512 + len(lines) - 1 + 2, number_of


def _visual(fitted: Fitted, name: str, output: str) -> bytes:
    pooled = helper.make_node(
        "AveragePool", [name], ["coarse"], kernel_shape=[SIDE // GRID] * 2, strides=[SIDE // GRID] * 2
    )
    nodes = [
        pooled,
        helper.make_node("Flatten", ["coarse"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "random", "bias"], ["mixed"]),
        helper.make_node("Relu", ["mixed"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], [output]),
    ]
    constants: dict[str, NDArray[Any]] = {"random": fitted.random, "bias": fitted.bias, "weights": fitted.pictures}
    # A batch of one only, as Immich exports them.
    shape = [1, 3, SIDE, SIDE]
    return _model(nodes, constants, (name, TensorProto.FLOAT, shape), (output, [1, DIMENSION]))


def _textual(fitted: Fitted, name: str, output: str, kind: int, context: int) -> bytes:
    nodes = [
        helper.make_node("Gather", ["rows", name], ["gathered"], axis=0),
        helper.make_node("ReduceSum", ["gathered", "axis"], [output], keepdims=0),
    ]
    constants: dict[str, NDArray[Any]] = {"rows": fitted.tokens, "axis": np.array([1], np.int64)}
    return _model(nodes, constants, (name, kind, ["batch", context]), (output, ["batch", DIMENSION]))


def _model(
    nodes: list[onnx.NodeProto],
    constants: dict[str, NDArray[Any]],
    taken: tuple[str, int, list[Any]],
    given: tuple[str, list[Any]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "small joint model",
        [helper.make_tensor_value_info(*taken)],
        [helper.make_tensor_value_info(given[0], TensorProto.FLOAT, given[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    built.ir_version = 8
    onnx.checker.check_model(built)
    content: bytes = built.SerializeToString()
    return content
