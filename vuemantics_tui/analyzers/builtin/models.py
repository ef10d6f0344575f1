"""What runs in a process of the pool: plain functions whose arguments and results pickle.

The models are loaded at a process's first call and kept for its life. The imports stand in the functions, so
that the program itself, which only names them, loads neither Pillow nor ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui.analyzers.base import Picture, Vector
from vuemantics_tui.domain.description import Description

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vuemantics_tui.analyzers.builtin.sight import Sight
    from vuemantics_tui.analyzers.builtin.vision import VisionPart


Faults = tuple[str, ...]
"""What is wrong with parts of the extra `vision`, as sentences for the log."""


def describe_picture(picture: Picture, cache_dir: Path) -> tuple[Description, Faults]:
    """Describe one picture. Raises MediaError for the picture, AnalyzerError for the models."""
    from vuemantics_tui.analyzers.builtin.sight import look
    from vuemantics_tui.analyzers.builtin.words import Medium, describe_sight

    sight = look(picture, cache_dir)
    return describe_sight(sight, Medium.PHOTO), sight.faults


def look_at_frame(picture: Picture, cache_dir: Path) -> Sight:
    """See one frame of a clip, without words yet. Raises MediaError and AnalyzerError."""
    from vuemantics_tui.analyzers.builtin.sight import look

    return look(picture, cache_dir)


def describe_clip(sights: Sequence[Sight]) -> tuple[Description, Faults]:
    """Describe a clip from what its frames (at least one) showed."""
    from vuemantics_tui.analyzers.builtin.sight import blend_sights
    from vuemantics_tui.analyzers.builtin.words import Medium, describe_sight

    sight = blend_sights(sights)
    return describe_sight(sight, Medium.CLIP), sight.faults


def embed_texts(texts: Sequence[str]) -> NDArray[np.float32]:
    """One vector of length 1 a text: shape (texts, 384). Raises AnalyzerError."""
    from vuemantics_tui.analyzers.builtin import text

    return text.embed_texts(texts)


def embed_document(text: str, labels: Mapping[str, float]) -> Vector:
    """The vector of an upload's text and labels: shape (384,), length 1. Raises AnalyzerError."""
    from vuemantics_tui.analyzers.builtin.vectors import document_vector

    return document_vector(text, labels)


def try_vision() -> list[VisionPart]:
    """Load what the extra `vision` adds, and say of each part whether it works, or why not."""
    from vuemantics_tui.analyzers.builtin.vision import tried_vision_parts

    return tried_vision_parts()
