"""The settings: one documented field a knob; a flag goes before the environment, that before the file."""

from __future__ import annotations

import os
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.media import MediaLimits

ENVIRONMENT_PREFIX = "VUEMANTICS_"
MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default. Each may stand in the settings file or, in capitals, in the environment."""

    library: Path = field(default_factory=paths.default_library)
    """The folder of the library."""

    max_image_mib: int = 100
    """The largest image that is accepted, in MiB."""

    max_video_mib: int = 4096
    """The largest video that is accepted, in MiB."""

    max_megapixels: int = 200
    """The largest picture that is accepted, in millions of pixels, told from its header."""

    workers: int = field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))
    """How many processes make thumbnails and descriptions."""

    video_frames: int = 3
    """From how many frames a video is described."""

    keep_free_mib: int = 200
    """What must stay free on the library's disk after files were added, in MiB."""

    def __post_init__(self) -> None:
        for name in _names():
            value = getattr(self, name)
            if isinstance(value, int) and value < (0 if name == "keep_free_mib" else 1):
                raise UsageError(f"The setting {name} is {value}, which is too small", "Give a positive whole number.")

    @property
    def limits(self) -> MediaLimits:
        """What intake accepts."""
        return MediaLimits(self.max_image_mib * MIB, self.max_video_mib * MIB, self.max_megapixels * 1_000_000)

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] = os.environ,
        file: Path | None = None,
    ) -> Self:
        """Read the settings from all their sources. Raises UsageError that names the wrong one."""
        values = _from_file(paths.settings_file() if file is None else file)
        for name in _names():
            variable = ENVIRONMENT_PREFIX + name.upper()
            if environment.get(variable):
                values[name] = _typed(name, environment[variable], variable)
        values.update({name: value for name, value in (flags or {}).items() if value is not None})
        return cls(**values)


def _names() -> list[str]:
    return [item.name for item in fields(Settings)]


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The settings file cannot be read: {file} ({error})", "Mend it or move it away.") from error
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The settings file is not TOML: {file}: {error}", "Mend that line.") from error
    values = {}
    for name, value in found.items():
        if name not in _names():
            nearest = get_close_matches(name, _names(), 1)
            hint = f"Did you mean {nearest[0]}?" if nearest else f"There are: {', '.join(_names())}."
            raise UsageError(f"Unknown setting {name!r} in {file}", hint)
        values[name] = _typed(name, value, f"{name} in {file}")
    return values


def _typed(name: str, value: object, source: str) -> Any:
    kind = typing.get_type_hints(Settings)[name]
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    if kind is int and isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return int(value)
        except ValueError:
            pass
    wanted = "a whole number" if kind is int else "a path"
    raise UsageError(f"The setting {source} is {value!r}", f"It must be {wanted}.")
