"""Calls as plain data: which functions may run on another machine, and how their arguments get there.

Only functions of the table below travel, by name, and a worker runs no other. A file travels as its bytes, or as its
path where every machine has that folder. A worker uses its own folders of caches and models.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from vuemantics_tui import paths, plain
from vuemantics_tui.domain.errors import VuemanticsError

BUILTIN = "builtin"
"""What a function needs that describes or embeds with the models that are part of the program."""


@dataclass(frozen=True, slots=True)
class Route:
    """How a function travels: by the places of its arguments.

    `file` is a picture or a clip, `cache` the folder of caches, `model` the folder of a joint model. With `preview`, a
    small picture may stand for a file that is too large to send. `needs` is what the worker must have, `wants` the tag
    of the workers that are best at it. `pixels` is the format in which those of a picture travel: JPEG, or PNG where
    each of them counts; with `as_file`, bytes are a file there, which clips need. `counts` where a call stands for a
    picture. `there` names the function that a worker runs in its place, whose result is smaller.
    """

    file: int | None = None
    cache: int | None = None
    model: int | None = None
    preview: bool = False
    pixels: str = ""
    as_file: bool = False
    needs: str = ""
    wants: str = ""
    counts: bool = False
    there: str = ""


GPU = "GPU"

ROUTES: Mapping[str, Route] = {
    "vuemantics_tui.media.jobs:first_look": Route(
        file=0, there="vuemantics_tui.media.jobs:sent_first_look", counts=True
    ),
    "vuemantics_tui.analyzers.builtin.analyzer:describe_picture": Route(
        file=0, cache=1, preview=True, pixels="JPEG", needs=BUILTIN
    ),
    "vuemantics_tui.analyzers.builtin.analyzer:look_at_frame": Route(
        file=0, cache=1, preview=True, pixels="JPEG", needs=BUILTIN
    ),
    "vuemantics_tui.analyzers.builtin.analyzer:embed_described": Route(needs=BUILTIN),
    "vuemantics_tui.analyzers.joint.towers:see": Route(
        file=1, model=0, pixels="PNG", as_file=True, wants=GPU, counts=True
    ),
    "vuemantics_tui.media.jobs:extract_frames": Route(file=0, as_file=True),
    "vuemantics_tui.media.jobs:vision_jpeg": Route(file=0),
}
_THERE = {route.there or name: route for name, route in ROUTES.items()}
"""What a worker runs, by name."""


class Form(StrEnum):
    """The form in which an argument travels."""

    VALUE = "value"
    BYTES = "bytes"
    FILE = "file"
    PATH = "path"
    CACHE = "cache"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Packed:
    """One argument: `data` is a packed value, the bytes of a file, or in UTF-8 a path or a model's name.

    Bytes in the form of a FILE are one in the worker's memory during the call.
    """

    form: Form
    data: bytes


@dataclass(frozen=True, slots=True)
class Parcel:
    """A call that travels: a name of ROUTES, and the arguments in order."""

    function: str
    arguments: list[Packed]


class ParcelError(VuemanticsError):
    """A worker cannot run a call that another one might: a path it cannot read, a model it lacks, an unknown name."""


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function in ROUTES, or what it would be."""
    return f"{function.__module__}:{function.__qualname__}"


def is_picture(function: Callable[..., Any]) -> bool:
    """Return whether a call that a worker runs stands for a picture or a clip."""
    return _THERE[name_of(function)].counts


def packed(function: Callable[..., Any], arguments: Sequence[object], file: Packed | None, model: str) -> bytes:
    """Return a call as bytes. `file` stands for the argument that is a file, `model` for the folder of a model."""
    route = ROUTES[name_of(function)]
    parts = []
    for place, argument in enumerate(arguments):
        if place == route.file and file is not None:
            parts.append(file)
        elif place == route.cache:
            parts.append(Packed(Form.CACHE, b""))
        elif place == route.model:
            parts.append(Packed(Form.MODEL, model.encode()))
        else:
            parts.append(Packed(Form.VALUE, plain.pack(argument)))
    return plain.pack(Parcel(route.there or name_of(function), parts))


@contextmanager
def unpacked(
    data: bytes, model_folder: Callable[[str], Path | None], spool: Path
) -> Iterator[tuple[Callable[..., Any], list[object]]]:
    """Yield the function and the arguments of a call, for as long as its files are there.

    What is to be a file is one in `spool`. Raises ParcelError, PlainDataError.
    """
    parcel: Parcel = plain.unpack(Parcel, data)
    if parcel.function not in _THERE:
        raise ParcelError(f"This worker has no function {parcel.function}", "Install the same version everywhere.")
    function = _function(parcel.function)
    kinds = list(_kinds(parcel.function).values())
    if len(parcel.arguments) > len(kinds):
        raise ParcelError(f"{parcel.function} takes fewer arguments", "Install the same version everywhere.")
    with ExitStack() as files:
        yield (
            function,
            [
                _argument(part, kind, model_folder, spool, files)
                for part, kind in zip(parcel.arguments, kinds, strict=False)
            ],
        )


def _argument(
    part: Packed, kind: Any, model_folder: Callable[[str], Path | None], spool: Path, files: ExitStack
) -> object:
    if part.form is Form.VALUE:
        return plain.unpack(kind, part.data)
    if part.form is Form.CACHE:
        return paths.cache_dir()
    if part.form is Form.MODEL:
        folder = model_folder(part.data.decode())
        if folder is None:
            raise ParcelError(f"This worker does not have the model {part.data.decode()}", "Fetch it there.")
        return folder
    if part.form is Form.PATH:
        path = Path(part.data.decode())
        if not os.access(path, os.R_OK):
            raise ParcelError(f"This worker cannot read {path}", "Mount the folder there, or set cluster_shared again.")
        return path
    if part.form is Form.BYTES:
        return part.data
    path = spool / uuid.uuid4().hex
    files.callback(path.unlink, missing_ok=True)
    path.write_bytes(part.data)
    return path


@cache
def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    return function


@cache
def _kinds(name: str) -> dict[str, Any]:
    """Return the types of a function's arguments, in order."""
    return {argument: kind for argument, kind in plain.hints(_function(name)).items() if argument != "return"}
