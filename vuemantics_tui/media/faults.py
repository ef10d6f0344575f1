"""Whose fault an exception is: the file's, or this program's.

A decoder reports bad data in many ways, some of them the ways of an ordinary programming mistake: Pillow's parsers
raise IndexError or TypeError on a torn header. What tells the two apart is where it was raised. An error from inside a
decoder's own code is about the data; the same error from this program's code is a defect of this program.
"""

from __future__ import annotations

import struct
import zlib

# About the file or the machine, wherever they are raised: nothing else brings them about.
_ALWAYS: tuple[type[Exception], ...] = (OSError, EOFError, MemoryError, UnicodeError, struct.error, zlib.error)

# Parsers of bytes that raise on bad data whatever comes first. Those of ours work in the same way.
PICTURE_DECODERS = (
    *("PIL", "pi_heif", "rawpy", "pylibjxl"),
    *("vuemantics_tui.media.heif", "vuemantics_tui.media.raw", "vuemantics_tui.media.jxl"),
)
CLIP_DECODERS = ("av",)
# Calls with wrong arguments: PyAV's compiled functions check theirs inside the package, so where such an error was
# raised says nothing. Bad data never brings it about there.
_WRONG_CALLS: tuple[type[Exception], ...] = (TypeError, AttributeError, NameError)


def is_picture_fault(error: Exception) -> bool:
    """Tell whether a picture is to blame for what was raised while it was read."""
    return isinstance(error, _ALWAYS) or raised_in(error, PICTURE_DECODERS)


def is_clip_fault(error: Exception) -> bool:
    """Tell whether a video is to blame for what was raised while it was read."""
    if isinstance(error, _ALWAYS) or _is_ffmpeg(error):
        return True
    return not isinstance(error, _WRONG_CALLS) and raised_in(error, CLIP_DECODERS)


def raised_in(error: BaseException, packages: tuple[str, ...]) -> bool:
    """Tell whether the innermost frame of the error's traceback belongs to one of the packages or their modules."""
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    module = str(trace.tb_frame.f_globals.get("__name__", ""))
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _is_ffmpeg(error: Exception) -> bool:
    # By name, so that nothing loads FFmpeg only to learn that it was not the one.
    return any(base.__name__ == "FFmpegError" for base in type(error).__mro__)
