"""EfficientNet-Lite0, which classifies pictures: written once as an ONNX file into the cache folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.analyzers.builtin.models import (
    IMAGE_MODEL,
    Weights,
    open_session,
    read_model_file,
    read_torch_weights,
    runtime_errors,
)
from vuemantics_tui.analyzers.builtin.pictures import Pixels
from vuemantics_tui.domain.errors import AnalyzerError
from vuemantics_tui.files import make_folder, write_whole

if TYPE_CHECKING:
    import onnxruntime


INPUT_SIZE = 224
INPUT_NAME = "picture"
OUTPUT_NAME = "logits"

# Part of the file's name: a new way to build the graph must not find the graphs of the old one.
_GRAPH_VERSION = 2
_BATCH_NORM_EPSILON = 1e-3
# The stride of the first block of each of the seven stages: EfficientNet (Tan and Le 2019), table 1.
_STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)


def network_path(cache_dir: Path) -> Path:
    """Return the path of the built graph, named after the hash of its weights and the version of the builder."""
    return cache_dir / f"efficientnet-lite0-{IMAGE_MODEL.sha256[:16]}-{_GRAPH_VERSION}.sealed"


def load_network(cache_dir: Path) -> bytes:
    """Return the serialised graph, from the cache or built now. Raises AnalyzerError if the weights are missing.

    With a read-only cache folder it is built each time, which takes about half a second.
    """
    path = network_path(cache_dir)
    network = read_sealed(path)
    if network is None:
        network = build_network(read_torch_weights(read_model_file(IMAGE_MODEL)))
        write_sealed(path, network)
    return network


def build_network(weights: Weights) -> bytes:
    """Build the graph from (batch, 3, 224, 224) float32 to (batch, 1000) logits.

    Batch norm is folded into the convolutions. Raises AnalyzerError for weights of another network.
    """
    missing = [
        name for name in ("_conv_stem.weight", "_conv_head.weight", "_fc.weight", "_fc.bias") if name not in weights
    ]
    if missing:
        raise AnalyzerError(f"The weights are not those of EfficientNet-Lite0: {missing[0]} is missing")
    return _Graph(weights).build()


class _Graph:
    """Collects nodes and constants while walking through the layers."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[bytes] = []
        self._constants: dict[str, bytes] = {}

    def build(self) -> bytes:
        top = self._convolution(INPUT_NAME, "_conv_stem", "_bn0", stride=2, clipped=True)
        previous_channels, stage = -1, -1
        for index in range(self._block_count()):
            prefix = f"_blocks.{index}."
            channels = len(self._weights[f"{prefix}_project_conv.weight"])
            first = channels != previous_channels
            stage += first
            top = self._block(top, prefix, _STAGE_STRIDES[stage] if first else 1, residual=not first)
            previous_channels = channels
        top = self._convolution(top, "_conv_head", "_bn1", clipped=True)
        top = self._add("GlobalAveragePool", [top], "pooled")
        top = self._add("Flatten", [top], "features", axis=1)
        inputs = [top, self._constant("_fc.weight"), self._constant("_fc.bias")]
        self._add("Gemm", inputs, OUTPUT_NAME, transB=1)
        return model(
            "efficientnet-lite0",
            self._nodes,
            list(self._constants.values()),
            value_info(INPUT_NAME, ["batch", 3, INPUT_SIZE, INPUT_SIZE]),
            value_info(OUTPUT_NAME, ["batch", 1000]),
        )

    def _block_count(self) -> int:
        return sum(name.startswith("_blocks.") and name.endswith("._project_conv.weight") for name in self._weights)

    def _block(self, bottom: str, prefix: str, stride: int, *, residual: bool) -> str:
        top = bottom
        if f"{prefix}_expand_conv.weight" in self._weights:
            top = self._convolution(top, f"{prefix}_expand_conv", f"{prefix}_bn0", clipped=True)
        top = self._convolution(top, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride, clipped=True)
        top = self._convolution(top, f"{prefix}_project_conv", f"{prefix}_bn2", clipped=False)
        return self._add("Add", [bottom, top], f"{prefix}sum") if residual else top

    def _convolution(self, bottom: str, name: str, norm: str, *, stride: int = 1, clipped: bool) -> str:
        kernel = self._weights[f"{name}.weight"].astype(np.float64)
        variance = self._weights[f"{norm}.running_var"].astype(np.float64)
        scale = self._weights[f"{norm}.weight"].astype(np.float64) / np.sqrt(variance + _BATCH_NORM_EPSILON)
        mean = self._weights[f"{norm}.running_mean"].astype(np.float64)
        bias = self._weights[f"{norm}.bias"].astype(np.float64) - mean * scale
        inputs = [
            bottom,
            self._constant(f"{name}.weight", (kernel * scale[:, None, None, None]).astype(np.float32)),
            self._constant(f"{name}.bias", bias.astype(np.float32)),
        ]
        top = self._add(
            "Conv",
            inputs,
            name,
            auto_pad="SAME_UPPER",
            kernel_shape=list(kernel.shape[2:]),
            strides=[stride, stride],
            group=len(kernel) if "_depthwise" in name else 1,
        )
        return self._add("Clip", [top, *self._limits()], f"{name}.clipped") if clipped else top

    def _limits(self) -> list[str]:
        for name, value in (("zero", 0.0), ("six", 6.0)):
            if name not in self._constants:
                self._constant(name, np.array(value, np.float32))
        return ["zero", "six"]

    def _constant(self, name: str, value: NDArray[np.float32] | None = None) -> str:
        array = self._weights[name].astype(np.float32) if value is None else value
        self._constants[name] = tensor(name, array)
        return name

    def _add(self, operator: str, inputs: list[str], output: str, **attributes: Attribute) -> str:
        self._nodes.append(node(operator, inputs, output, **attributes))
        return output


_SEAL_LENGTH = hashlib.sha256().digest_size


def read_sealed(path: Path) -> bytes | None:
    """Return the payload of a sealed file, or None if it is missing, unreadable, truncated or altered."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    seal, payload = content[:_SEAL_LENGTH], content[_SEAL_LENGTH:]
    return payload if hashlib.sha256(payload).digest() == seal else None


def write_sealed(path: Path, payload: bytes) -> bool:
    """Write SHA-256 (32 bytes) and payload in one step; return False, leaving nothing behind, if that fails.

    Two processes may write the same path: the last one stays.
    """
    try:
        make_folder(path.parent)
        write_whole(path, hashlib.sha256(payload).digest() + payload)
    except OSError:
        return False
    return True


Probabilities = NDArray[np.float32]
"""One number for each class: shape (1000,), sum 1."""

# Up to this ratio of its sides the ends of a picture are nearly the whole of it.
_SQUARE = 1.1
# Squashed into a square beyond this, nothing keeps its shape.
_LONG = 2.0
# The mean and deviation of ImageNet's RGB values in 0..1, as torchvision's models expect them.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def classify(pixels: Pixels, cache_dir: Path) -> Probabilities:
    """Return the mean of the probabilities of the picture squashed to a square, and of the squares at both its ends.

    One that is nearly square is seen once, and of a long one the ends alone. Raises AnalyzerError if the model is
    missing or fails.
    """
    image = Image.fromarray(pixels)
    width, height = image.size
    side = min(width, height)
    whole = (0, 0, width, height)
    ends = ((0, 0, side, side), (width - side, height - side, width, height))
    ratio = max(width, height) / side
    boxes = (whole,) if ratio < _SQUARE else ends if ratio > _LONG else (whole, *ends)
    views = [_view(image, box) for box in boxes]
    session = _session(cache_dir)
    with runtime_errors("ONNX Runtime could not look at a picture"):
        logits = session.run([OUTPUT_NAME], {INPUT_NAME: np.stack(views)})[0]
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    mean: Probabilities = (exponents / exponents.sum(axis=1, keepdims=True)).mean(axis=0)
    return mean


def _view(image: Image.Image, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    square = image.resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BICUBIC, box=box)
    values = (np.asarray(square, np.float32) / 255.0 - _MEAN) / _DEVIATION
    return values.transpose(2, 0, 1)


@cache
def _session(cache_dir: Path) -> onnxruntime.InferenceSession:
    return open_session(load_network(cache_dir))


Attribute = int | str | Sequence[int]

# The oldest format versions with all the operators used, so that older onnxruntime releases can read the file.
_OPSET, _IR_VERSION = 13, 8

# TensorProto.DataType and AttributeProto.AttributeType.
_FLOAT = 1
_INT, _STRING, _INTS = 2, 3, 7


def tensor(name: str, value: NDArray[np.float32]) -> bytes:
    """A TensorProto: a constant of the graph, any shape, as little-endian float32."""
    dimensions = b"".join(_number(1, size) for size in value.shape)
    raw = np.ascontiguousarray(value, "<f4").tobytes()
    return dimensions + _number(2, _FLOAT) + _text(8, name) + _bytes(9, raw)


def node(operator: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> bytes:
    """A NodeProto: one operator with one output, which also names it."""
    return b"".join((
        *(_text(1, name) for name in inputs),
        _text(2, output),
        _text(3, output),
        _text(4, operator),
        *(_bytes(5, _attribute(name, value)) for name, value in attributes.items()),
    ))  # fmt: skip


def value_info(name: str, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto: an input or output of float32. A size that is a text stands for any number."""
    sizes = b"".join(
        _bytes(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in shape
    )  # fmt: skip
    tensor_type = _number(1, _FLOAT) + _bytes(2, sizes)
    return _text(1, name) + _bytes(2, _bytes(1, tensor_type))


def model(name: str, nodes: Sequence[bytes], constants: Sequence[bytes], inputs: bytes, outputs: bytes) -> bytes:
    """A ModelProto of one graph with one input and one output, ready to be given to ONNX Runtime."""
    graph = b"".join((
        *(_bytes(1, each) for each in nodes),
        _text(2, name),
        *(_bytes(5, each) for each in constants),
        _bytes(11, inputs),
        _bytes(12, outputs),
    ))  # fmt: skip
    opset = _text(1, "") + _number(2, _OPSET)
    return _number(1, _IR_VERSION) + _text(2, "vuemantics-tui") + _bytes(7, graph) + _bytes(8, opset)


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        content = _number(3, value) + _number(20, _INT)
    elif isinstance(value, str):
        content = _text(4, value) + _number(20, _STRING)
    else:
        content = b"".join(_number(8, each) for each in value) + _number(20, _INTS)
    return _text(1, name) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; the eighth says that more follow. Negative numbers are not used here."""
    if value < 0:
        raise ValueError("only numbers from 0 on can be written")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
