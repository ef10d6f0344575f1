"""The parts of the extra `vision`, found without loading them: text in pictures, and faces.

All of it is optional: a missing or broken part only leaves out its findings, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.media import LookSize
from vuemantics_tui.media.faults import raised_in

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.builtin.eyes import FaceFinder, Reader

INSTALL_COMMAND = "pip install 'vuemantics-tui[vision]'"
"""Gets the extra for an installed program."""
INSTALL_COMMAND_IN_CLONE = ".venv/bin/pip install '.[vision]'"
"""Gets the extra in a clone of the repository, whose environment is `.venv`."""

COARSE = LookSize(320)
"""What all models look at, but for the two of the extra `vision`."""
DETAILED = LookSize(320, 1024)
"""What text is read in: larger takes longer and finds little more."""

READING = "text in pictures"
FACES = "faces"

_READING_PACKAGE = "rapidocr"
_FACES_PACKAGE = "opencv-python-headless"
# All of these bring the module cv2.
_OPENCV_PACKAGES = (_FACES_PACKAGE, "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
# What rapidocr 3.10.0 uses where nothing else is asked for; each is in its wheel.
_READING_MODELS = (
    "models/PP-OCRv6_det_small.onnx",
    "models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "models/PP-OCRv6_rec_small.onnx",
)
# Where the extra's own exceptions come from (OpenCV's compiled code leaves no frame of its own), and what a package
# that is torn or misses another raises.
_PACKAGES = ("rapidocr", "cv2", "onnxruntime", "omegaconf", "shapely", "pyclipper", "numpy")
_NOT_OURS = (ImportError, OSError, MemoryError)
_CASCADE = "data/haarcascade_frontalface_alt2.xml"


class VisionError(VuemanticsError):
    """A part of the extra cannot be loaded, or failed on a picture."""


def vision_reason(error: Exception) -> str:
    """Return why a part of the extra failed, in a few words, from what its packages or our calls of them raised.

    Its packages raise what they like, so every exception ends here, and no picture fails for it. One that was not
    raised inside them is our own mistake, and says so.
    """
    text = " ".join(str(error).split())
    reason = f"{type(error).__name__}: {text[-200:]}" if text else type(error).__name__
    ours = isinstance(error, TypeError) or not raised_in(error, _PACKAGES)
    if ours and not isinstance(error, _NOT_OURS) and type(error).__module__ != "cv2":
        return f"this is a bug in vuemantics-tui: {reason}"
    return reason


@dataclass(frozen=True, slots=True)
class VisionPart:
    """One part of the extra: whether it is installed, and if not, why.

    `version` is that of `package`, empty if it is not installed.
    """

    name: str
    package: str
    installed: bool
    version: str = ""
    reason: str = ""

    @property
    def broken(self) -> bool:
        """Whether its package is installed but does not work."""
        return bool(self.version) and not self.installed


def vision_parts() -> list[VisionPart]:
    """Return both parts judging by their files, loading nothing: a fraction of a millisecond."""
    return [_reading_part(), _faces_part()]


def tried_vision_parts() -> list[VisionPart]:
    """Both parts, each really loaded (about a second): a broken one has its reason. For a process of the pool."""
    tried = []
    for part, loaded in zip(vision_parts(), (reader(), face_finder()), strict=True):
        tried.append(loaded if isinstance(loaded, VisionPart) else part)
    return tried


def install_command() -> str:
    """The command that gets the extra, for the way in which this program was installed."""
    try:
        origin = metadata.distribution("vuemantics-tui").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return INSTALL_COMMAND_IN_CLONE
    # Only what was installed from a folder says so: PEP 610.
    return INSTALL_COMMAND_IN_CLONE if "dir_info" in (origin or "") else INSTALL_COMMAND


@cache
def reader() -> Reader | VisionPart:
    """The one reader of this process, loaded now and kept; or the part that says why there is none."""
    part = _reading_part()
    if not part.installed:
        return part
    from vuemantics_tui.analyzers.builtin.eyes import Reader

    folder = _folder("rapidocr")
    try:
        return Reader(*(folder / path for path in _READING_MODELS))
    except VisionError as error:
        return replace(part, installed=False, reason=error.message)


@cache
def face_finder() -> FaceFinder | VisionPart:
    """The one face finder of this process, loaded now and kept; or the part that says why there is none."""
    part = _faces_part()
    if not part.installed:
        return part
    from vuemantics_tui.analyzers.builtin.eyes import FaceFinder

    try:
        return FaceFinder(_folder("cv2") / _CASCADE)
    except VisionError as error:
        return replace(part, installed=False, reason=error.message)


def _reading_part() -> VisionPart:
    if not _is_found("rapidocr"):
        return VisionPart(READING, _READING_PACKAGE, False, reason="not installed")
    version = _version((_READING_PACKAGE,)) or "unknown"
    missing = [path for path in _READING_MODELS if not (_folder("rapidocr") / path).is_file()]
    if missing:
        reason = f"its model {Path(missing[0]).name} is missing"
        return VisionPart(READING, _READING_PACKAGE, False, version, reason)
    return VisionPart(READING, _READING_PACKAGE, True, version)


def _faces_part() -> VisionPart:
    if not _is_found("cv2"):
        return VisionPart(FACES, _FACES_PACKAGE, False, reason="not installed")
    version = _version(_OPENCV_PACKAGES) or "unknown"
    if not (_folder("cv2") / _CASCADE).is_file():
        reason = f"it has no {Path(_CASCADE).name}: versions from 5 on have none"
        return VisionPart(FACES, _FACES_PACKAGE, False, version, reason)
    return VisionPart(FACES, _FACES_PACKAGE, True, version)


def _is_found(module: str) -> bool:
    # find_spec does not run the package's code.
    spec = find_spec(module)
    return spec is not None and bool(spec.submodule_search_locations)


def _folder(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None and spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def _version(packages: tuple[str, ...]) -> str:
    for package in packages:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return ""
