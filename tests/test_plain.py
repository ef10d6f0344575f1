"""What is packed comes back as it was; what is no value of the type that is expected is refused."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from typing_extensions import TypeAliasType

from vuemantics_tui import plain
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.duplicates import PictureTraits
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.media import MediaMetadata, SmallPicture
from vuemantics_tui.domain.moment import DateSource
from vuemantics_tui.plain import PlainDataError, pack, returned_by, unpack


@dataclass(frozen=True)
class Found:
    """Something of every kind."""

    name: str
    where: Path
    kind: ErrorKind
    shares: Mapping[str, float]
    frames: tuple[bytes, ...]
    vector: NDArray[np.float32] | None = None
    other: Sequence[MediaMetadata] = ()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, 3),
        (None, None),
        (float, 0.5),
        (str, "caf\u00e9 \ud800"),
        (bytes, b"\x00\xff" * 1000),
        (tuple[int, int], (3, 4)),
        (tuple[str, ...], ()),
        (list[bytes], [b"", b"a", b"bc"]),
        (int | None, None),
        (int | str, "a"),
        (dict[str, list[float]], {"a": [1.0, 2.5]}),
        (ErrorKind, ErrorKind.TRANSIENT),
        (Description, Description("text", "builtin", "model", ("a", "b"), "read", {"cat": 0.25})),
        (
            MediaMetadata,
            MediaMetadata(4, duration=1.5, taken_from=DateSource.XMP, extra={"iso": 100, "lens": "x", "aperture": 1.8}),
        ),
        (PictureTraits, PictureTraits(-(2**63), 12.5, {"red": 0.5})),
        (tuple[Description, tuple[str, ...]], (Description("t", "a", "m"), ("fault",))),
    ],
)
def test_values_come_back(kind: Any, value: object) -> None:
    found = unpack(kind, pack(value))
    assert found == value
    assert type(found) is type(value)


def test_what_is_in_pieces_arrives_as_bytes() -> None:
    inner = plain.pieces(SmallPicture(2, 1, b"abcdef"))
    assert b"".join(inner) == pack(SmallPicture(2, 1, b"abcdef"))
    for packed in (pack([b"before", inner, b"after"]), plain.pieces([b"before", inner, b"after"])):
        before, found, after = unpack(list[memoryview], packed)
        assert (bytes(before), bytes(after)) == (b"before", b"after")
        assert unpack(SmallPicture, found) == SmallPicture(2, 1, b"abcdef")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_picture_can_be_pickled(protocol: int) -> None:
    picture = SmallPicture(2, 1, b"abcdef")
    assert pickle.loads(pickle.dumps(picture, protocol)) == picture


@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 4), (1, 1, 5)])
def test_arrays_come_back(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    found = unpack(NDArray[np.float32], pack(array))
    assert np.array_equal(found, array)
    assert found.dtype == np.float32
    assert found.flags.writeable


def test_a_value_of_every_kind_comes_back() -> None:
    value = Found(
        *("a", Path("/x"), ErrorKind.PERMANENT, {"a": 1.0}, (b"1", b"22")),
        vector=np.ones(4, np.float32),
        other=[MediaMetadata(1, 2)],
    )
    found = unpack(Found, pack(value))
    assert np.array_equal(found.vector, np.ones(4))
    assert (found.name, found.where, found.kind, found.frames, found.other) == (
        *("a", Path("/x"), ErrorKind.PERMANENT, (b"1", b"22")),
        [MediaMetadata(1, 2)],
    )


def packed(value: object, *raw: bytes, sizes: object = None) -> bytes:
    """Data that says so."""
    text = json.dumps({"value": value, "raw": [len(part) for part in raw] if sizes is None else sizes}).encode()
    return struct.pack("<I", len(text)) + text + b"".join(raw)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (int, b""),
        (int, b"\xff\xff\xff\xff"),
        (int, packed(1)[:-1]),
        (int, packed(1) + b"more"),
        (int, packed("1")),
        (int, packed(True)),
        (int, packed(1.0)),
        (str, packed(None)),
        (bytes, packed(0)),
        (bytes, packed(-1, b"a")),
        (bytes, packed(True, b"a", b"b")),
        (bytes, packed(0, b"a", sizes=[2])),
        (bytes, packed(0, b"a", sizes=[-1, 2])),
        (bytes, packed(0, b"a", sizes="1")),
        (tuple[int, int], packed([1])),
        (tuple[int, int], packed({"0": 1})),
        (list[int], packed([1, "2"])),
        (ErrorKind, packed("friendly")),
        (ErrorKind, packed([])),
        (MediaMetadata, packed({"width": 1})),
        (MediaMetadata, packed([])),
        (Description, packed({})),
        (int | None, packed("a")),
        (int, struct.pack("<I", 200_000) + b"[" * 200_000),
        (int, struct.pack("<I", 4) + b"\xff\xfe\xfd\xfc"),
        (int, packed(1).replace(b'"value"', b'"values"')),
        (int, pickle.dumps(1)),
        (Path, packed(3)),
        (object, packed(3)),
        (Any, packed(3)),
    ],
)
def test_what_is_not_of_the_type_is_refused(kind: Any, data: bytes) -> None:
    with pytest.raises(PlainDataError):
        unpack(kind, data)


@pytest.mark.parametrize(
    "array",
    [
        {"dtype": "<f4", "shape": [2], "raw": 0},
        {"dtype": "<f4", "shape": [-1], "raw": 0},
        {"dtype": "<f4", "shape": [1.0], "raw": 0},
        {"dtype": "<f4", "shape": [10**30, 10**30], "raw": 0},
        {"dtype": "<f8", "shape": [0], "raw": 1},
        {"dtype": "O", "shape": [1], "raw": 0},
        {"dtype": "nonsense", "shape": [1], "raw": 0},
        {"dtype": "S4", "shape": [1], "raw": 0},
        {"dtype": "<i4", "shape": [1], "raw": 0},
        {"dtype": "<f4", "shape": [1], "raw": 7},
        {"dtype": "<f4", "shape": [1]},
        [1.0],
    ],
)
def test_an_array_that_is_none_is_refused(array: object) -> None:
    assert unpack(NDArray[np.float32], packed({"dtype": "<f4", "shape": [1], "raw": 0}, b"1234")).shape == (1,)
    with pytest.raises(PlainDataError):
        unpack(NDArray[np.float32], packed(array, b"1234", b""))


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_only_ever_raise_the_one_error(data: bytes) -> None:
    for kind in (Found, NDArray[np.float32], list[bytes]):
        for tried in (data, struct.pack("<I", len(data)) + data):
            with pytest.raises(PlainDataError):
                unpack(kind, tried)


def test_what_has_no_plain_form_is_refused() -> None:
    for value in (object(), {1: 2}, os, 1j):
        with pytest.raises(PlainDataError):
            pack(value)


def test_what_is_not_annotated_cannot_be_checked() -> None:
    with pytest.raises(TypeError, match="annotation"):
        returned_by(abs)
    assert returned_by(plain.pack) is bytes


def test_an_alias_is_checked_as_what_it_stands_for() -> None:
    scalar = TypeVar("scalar", bound=np.generic)
    vectors = TypeAliasType("vectors", np.ndarray[Any, np.dtype[scalar]], type_params=(scalar,))
    count = TypeAliasType("count", int)
    packed = pack(np.ones(3, np.float32))
    assert unpack(vectors[np.float32], packed).tolist() == [1, 1, 1]
    assert unpack(count, pack(7)) == 7
    with pytest.raises(PlainDataError):
        unpack(vectors[np.int64], packed)
    with pytest.raises(PlainDataError):
        unpack(count, pack("7"))
