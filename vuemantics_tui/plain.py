"""Values as plain data, for what comes from a process that is not trusted: JSON and raw bytes, checked when read.

Unlike a pickle, nothing in the data can run. A packed value is `<I` the length of the JSON, the JSON, then raw bytes
one after the other. The JSON is `{"value": ..., "raw": [lengths]}`: bytes and arrays are
numbered by their place among the raw ones.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct("<I")
# Of what stands in the JSON; pixels, frames and vectors are raw.
_MOST_JSON_BYTES = 16 * 1024**2
_SIMPLE = frozenset({None, types.NoneType, bool, int, float, str, bytes, memoryview, Path})
_SEQUENCES: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    Sequence: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
}


class PlainDataError(ValueError):
    """The data is not what it should be."""


class Pieces(tuple[bytes, ...]):
    """Bytes in pieces, which are joined only where they arrive: each copy of a picture costs."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """Return how many bytes they are."""
        return sum(map(len, self))


def pack(value: object) -> bytes:
    """Return a value as plain data. Raises PlainDataError for what has no such form."""
    return b"".join(pieces(value))


def pieces(value: object) -> Pieces:
    """Return what `pack` does, without joining it. The value may hold pieces too: where they arrive they are bytes."""
    raw: list[Pieces] = []
    text = json.dumps({"value": _plain(value, raw), "raw": [part.size for part in raw]}).encode()
    if len(text) > _MOST_JSON_BYTES:
        raise PlainDataError(f"{len(text)} bytes of JSON are too many")
    return Pieces((_LENGTH.pack(len(text)) + text, *(piece for part in raw for piece in part)))


def unpack(kind: Any, data: bytes | memoryview | Pieces) -> Any:
    """Return the value of this type that the data holds. Raises PlainDataError if it does not hold one.

    `kind` is a type or an annotation: a dataclass, an enum, a container of such, an array of NumPy, a union. A
    `memoryview` is a part of the data itself.
    """
    data = memoryview(b"".join(data) if isinstance(data, Pieces) else data)
    try:
        (length,) = _LENGTH.unpack_from(data)
        if length > _MOST_JSON_BYTES or _LENGTH.size + length > len(data):
            raise PlainDataError("its length is wrong")
        start = _LENGTH.size + length
        whole = json.loads(str(data[_LENGTH.size : start], "utf-8"))
        if not isinstance(whole, dict) or whole.keys() != {"value", "raw"} or not isinstance(whole["raw"], list):
            raise PlainDataError("it is no packed value")
        raw = []
        for size in whole["raw"]:
            if not _is_count(size) or start + size > len(data):
                raise PlainDataError("its raw parts have wrong lengths")
            raw.append(data[start : start + size])
            start += size
        if start != len(data):
            raise PlainDataError("it is longer than it says")
        return _checked(kind, whole["value"], raw)
    except (struct.error, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise PlainDataError(str(error)) from error


@cache
def returned_by(function: Callable[..., Any]) -> Any:
    """Return the annotation of what a function returns, resolved. Raises TypeError if there is none."""
    kinds = hints(function)
    if "return" not in kinds:
        raise TypeError(f"what {function!r} returns has no annotation, so that it cannot be checked")
    return kinds["return"]


def hints(of: Any) -> dict[str, Any]:
    """Return the annotations of a function or a class by name, resolved."""
    try:
        return typing.get_type_hints(of)
    except NameError:
        # Whoever returns an array, names NumPy for type checkers alone, since it takes long to import.
        import numpy as np
        from numpy.typing import NDArray

        return typing.get_type_hints(of, localns={"np": np, "NDArray": NDArray})


@cache
def _fields(kind: Any) -> dict[str, Any]:
    kinds = hints(kind)
    return {field.name: kinds[field.name] for field in dataclasses.fields(kind)}


def _plain(value: object, raw: list[Pieces]) -> object:
    """Return a value as JSON has it, its bytes put among the raw ones."""
    if isinstance(value, Enum):
        return _plain(value.value, raw)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray | memoryview | Pieces):
        raw.append(value if isinstance(value, Pieces) else Pieces((bytes(value),)))
        return len(raw) - 1
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, raw) for item in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise PlainDataError("only texts can be keys")
        return {key: _plain(item, raw) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), raw) for field in dataclasses.fields(value)}
    return _plain_array(value, raw)


def _plain_array(value: Any, raw: list[Pieces]) -> object:
    """Return an array or a number of NumPy as JSON has it. It is recognized by its attributes: nothing loads NumPy."""
    if not hasattr(value, "dtype") or not hasattr(value, "tobytes"):
        raise PlainDataError(f"{type(value).__name__} has no plain form")
    if not value.shape:
        return _plain(value.item(), raw)
    raw.append(Pieces((value.tobytes(),)))
    return {"dtype": value.dtype.str, "shape": list(value.shape), "raw": len(raw) - 1}


def _checked(kind: Any, plain: Any, raw: list[memoryview]) -> Any:
    """Return what JSON holds as a value of this type. Raises PlainDataError if it holds no such one."""
    if kind in _SIMPLE:
        return _checked_simple(kind, plain, raw)
    kind, origin, arguments = _taken_apart(kind)
    if origin in (typing.Union, types.UnionType):
        return _checked_union(arguments, plain, raw)
    if kind in _SIMPLE:
        return _checked_simple(kind, plain, raw)
    if origin in _SEQUENCES and isinstance(plain, list):
        return _checked_sequence(origin, arguments, plain, raw)
    if origin in (dict, Mapping) and isinstance(plain, dict):
        return {_checked(arguments[0], key, raw): _checked(arguments[1], item, raw) for key, item in plain.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _checked_enum(kind, plain)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(plain, dict):
        fields = _fields(kind)
        if fields.keys() != plain.keys():
            raise PlainDataError(f"it is no {kind.__name__}")
        return kind(**{name: _checked(fields[name], plain[name], raw) for name in fields})
    if getattr(origin or kind, "__name__", "") == "ndarray" and isinstance(plain, dict):
        return _checked_array(arguments, plain, raw)
    raise PlainDataError(f"it is {type(plain).__name__}, but should be {kind}")


@cache
def _taken_apart(kind: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """Return a type without aliases, what it is a kind of, and its arguments."""
    kind = _expanded(kind)
    return kind, typing.get_origin(kind), typing.get_args(kind)


def _expanded(kind: Any) -> Any:
    """Return what an alias stands for (PEP 695), any other type unchanged. From NumPy 2.5 on, NDArray is one."""
    origin = typing.get_origin(kind)
    if hasattr(origin, "__value__"):
        return _expanded(origin.__value__[typing.get_args(kind)])
    if origin is None and hasattr(kind, "__value__"):
        return _expanded(kind.__value__)
    return kind


def _checked_simple(kind: Any, plain: Any, raw: list[memoryview]) -> Any:
    if kind in (None, types.NoneType) and plain is None:
        return None
    if kind in (bool, int, str) and type(plain) is kind:
        return plain
    if kind is float and type(plain) in (int, float):
        return float(plain)
    if kind is bytes:
        return bytes(_raw_part(plain, raw))
    if kind is memoryview:
        return _raw_part(plain, raw)
    if kind is Path and isinstance(plain, str):
        return Path(plain)
    raise PlainDataError(f"it is {type(plain).__name__}, but should be {kind}")


def _checked_enum(kind: type[Enum], plain: Any) -> Enum:
    try:
        return kind(plain)
    except (ValueError, TypeError) as error:
        raise PlainDataError(f"it is none of {[each.value for each in kind]}") from error


def _checked_union(kinds: tuple[Any, ...], plain: Any, raw: list[memoryview]) -> Any:
    # To be refused by another kind first takes long.
    if plain is None and types.NoneType in kinds:
        return None
    for kind in kinds:
        try:
            return _checked(kind, plain, raw)
        except PlainDataError:
            continue
    raise PlainDataError(f"it is {type(plain).__name__}, which is none of {kinds}")


def _checked_sequence(origin: Any, kinds: tuple[Any, ...], plain: list[Any], raw: list[memoryview]) -> Any:
    if origin is tuple and not (len(kinds) == 2 and kinds[1] is Ellipsis):
        if len(kinds) != len(plain):
            raise PlainDataError(f"it has {len(plain)} items, but should have {len(kinds)}")
        return tuple(_checked(kind, item, raw) for kind, item in zip(kinds, plain, strict=True))
    return _SEQUENCES[origin]([_checked(kinds[0], item, raw) for item in plain])


def _checked_array(arguments: tuple[Any, ...], plain: dict[str, Any], raw: list[memoryview]) -> Any:
    import numpy as np

    if plain.keys() != {"dtype", "shape", "raw"} or not isinstance(plain["shape"], list):
        raise PlainDataError("it is no array")
    data, shape = _raw_part(plain["raw"], raw), plain["shape"]
    # An array's annotation is ndarray[shape, dtype[kind]].
    wanted = typing.get_args(arguments[1])[0] if len(arguments) == 2 and typing.get_args(arguments[1]) else np.generic
    wanted = wanted if isinstance(wanted, type) else np.generic
    try:
        dtype = np.dtype(str(plain["dtype"]))
    except (TypeError, ValueError, SyntaxError) as error:
        raise PlainDataError(f"there are no arrays of {plain['dtype']!r}") from error
    if dtype.kind not in "biuf" or not issubclass(dtype.type, wanted):
        raise PlainDataError(f"it is an array of {dtype}, but should be one of {wanted.__name__}")
    if not all(_is_count(side) for side in shape):
        raise PlainDataError("its shape is none")
    size = dtype.itemsize
    for side in shape:
        size *= side
    if size != len(data):
        raise PlainDataError("its shape is not that of its data")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _raw_part(plain: Any, raw: list[memoryview]) -> memoryview:
    if not _is_count(plain) or plain >= len(raw):
        raise PlainDataError("it names raw bytes that are not there")
    part: memoryview = raw[plain]
    return part


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
