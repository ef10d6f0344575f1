"""ONNX Runtime sessions that keep to one thread and keep quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vuemantics_tui.domain.errors import AnalyzerError
from vuemantics_tui.media.faults import raised_in

if TYPE_CHECKING:
    import onnxruntime  # type: ignore[import-untyped, unused-ignore]

_ONLY_ERRORS = 3


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """A session of a serialised model on one processor thread; AnalyzerError where it cannot be opened.

    One thread, since work is spread over processes: two in one process made a picture slower.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise AnalyzerError(
            f"onnxruntime cannot be loaded: {error}",
            "Run: python -m pip install --force-reinstall onnxruntime",
        ) from error
    onnxruntime.set_default_logger_severity(_ONLY_ERRORS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # Its errors have no common base; what it does not raise itself is a mistake in this call.
        if isinstance(error, TypeError) or not raised_in(error, ("onnxruntime",)):
            raise
        raise AnalyzerError(f"ONNX Runtime refused a model: {error}") from error
