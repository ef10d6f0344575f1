"""ONNX files, written by hand: the few messages of the format that one small network needs.

The package `onnx` would do it too, with 33 MB on the disk and 0.1 s to load, for a file that is written once. Field
numbers and types: onnx.proto of ONNX 1.12 (IR version 8). Encoding: protocol buffers, "Encoding", wire types 0, 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Attribute = int | str | Sequence[int]

# The format versions that hold the operators that are used, so that an older onnxruntime reads the file.
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
