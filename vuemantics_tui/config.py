"""The settings: one documented field a knob; a flag goes before the environment, that before the file."""

from __future__ import annotations

import os
import re
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
KEYS = "keys"

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*[=.]""")


def _about(words: str, *choices: str) -> dict[str, Any]:
    return {"about": words, "choices": choices}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default. Each may stand in the settings file or, in capitals, in the environment."""

    library: Path = field(default_factory=paths.default_library, metadata=_about("The folder of the library."))
    max_image_mib: int = field(default=100, metadata=_about("The largest image that is accepted, in MiB."))
    max_video_mib: int = field(default=4096, metadata=_about("The largest video that is accepted, in MiB."))
    max_megapixels: int = field(
        default=200,
        metadata=_about("The largest picture that is accepted, in millions of pixels, told from its header."),
    )
    workers: int = field(
        default_factory=lambda: max(1, min(4, os.cpu_count() or 1)),
        metadata=_about("How many processes make thumbnails and descriptions."),
    )
    video_frames: int = field(default=3, metadata=_about("From how many frames a video is described."))
    keep_free_mib: int = field(
        default=200, metadata=_about("What must stay free on the library's disk after files were added, in MiB.")
    )
    theme: str = field(default="vuemantics", metadata=_about("The colours of the app."))
    true_colour: str = field(
        default="auto",
        metadata=_about("Whether the terminal shows 16 million colours: auto, yes or no.", "auto", "yes", "no"),
    )
    quadrants: str = field(
        default="auto",
        metadata=_about(
            "Whether pictures are drawn with quarter blocks, sharper where the font has them: auto, yes or no.",
            *("auto", "yes", "no"),
        ),
    )
    show_hidden: bool = field(default=False, metadata=_about("Whether the app begins with hidden uploads shown."))
    remember_searches: bool = field(
        default=True, metadata=_about("Whether the library keeps what was searched for, to bring it back.")
    )
    keys: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_about('Other keys for actions: an action\'s id and its keys, as delete-upload = "D".'),
    )
    # What loading found out. No settings, and so no part of what two Settings are compared by.
    problems: tuple[str, ...] = field(default=(), compare=False, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in names():
            value = getattr(self, name)
            if wrong := _wrong_value(name, value):
                raise UsageError(f"The setting {name} is {_shown(value)}", f"It must be {wrong}.")

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
        """Read the settings from all their sources. Raises UsageError for a wrong flag or environment variable.

        What is wrong in the file only costs the setting its value: `problems` names file, line and key, and what is
        right. `sources` says by the setting's name (or `keys.<action>`) where it comes from, unless it is the default.
        """
        read = _SettingsFile(paths.settings_file() if file is None else file)
        for name in names():
            variable = ENVIRONMENT_PREFIX + name.upper()
            if name != KEYS and environment.get(variable):
                try:
                    read.values[name] = _typed(name, environment[variable], from_text=True)
                except ValueError as error:
                    raise UsageError(
                        f"The setting {variable} is {environment[variable]!r}", f"It must be {error}."
                    ) from None
                read.sources[name] = f"environment, {variable}"
        for name, value in (flags or {}).items():
            if value is not None:
                read.values[name] = value
                read.sources[name] = f"flag, --{name.replace('_', '-')}"
        return cls(**read.values, problems=tuple(read.problems), sources=read.sources)


def names() -> list[str]:
    """The names of all settings, in their order."""
    return [item.name for item in fields(Settings) if item.metadata]


def about(name: str) -> str:
    """What a setting does, in one line."""
    return str(next(item.metadata["about"] for item in fields(Settings) if item.name == name))


class _SettingsFile:
    """What a settings file says: good values, where each stands, and what is wrong with the others."""

    def __init__(self, file: Path) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.problems: list[str] = []
        self._file = file
        try:
            text = file.read_text("utf-8")
            found = tomllib.loads(text)
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{file}: it cannot be read ({error}); the defaults are used")
            return
        except tomllib.TOMLDecodeError as error:
            line = _line_of_error(error, text)
            self.problems.append(f"{file}, line {line}: this is not TOML ({error}); the defaults are used")
            return
        self._lines = _lines_of_keys(text)
        for name, value in found.items():
            self._take(name, value)

    def _take(self, name: str, value: object) -> None:
        if name not in names():
            self._object(name, f"there is no setting {name}; {_nearest(name)}")
            return
        if name == KEYS:
            self._take_keys(value)
            return
        try:
            self.values[name] = _typed(name, value)
        except ValueError as error:
            default = _shown(getattr(Settings(), name))
            self._object(name, f"{name} is {_shown(value)}, but must be {error}; {default} is used")
        else:
            self.sources[name] = self._place(name)

    def _take_keys(self, table: object) -> None:
        if not isinstance(table, dict):
            self._object(KEYS, f"{KEYS} must be a table of its own: [{KEYS}], and below it a line an action")
            return
        chosen: dict[str, str] = {}
        for action, keys in table.items():
            path = f"{KEYS}.{action}"
            several = [keys] if isinstance(keys, str) else keys
            if isinstance(several, list) and several and all(isinstance(key, str) and key for key in several):
                chosen[action] = ",".join(several)
                self.sources[path] = self._place(path)
            else:
                self._object(path, f'{path} is {_shown(keys)}, but must be a key as "D", or several as ["D", "x"]')
        self.values[KEYS] = chosen

    def _place(self, path: str) -> str:
        line = self._lines.get(path)
        return f"{self._file}, line {line}" if line else f"{self._file}"

    def _object(self, path: str, words: str) -> None:
        self.problems.append(f"{self._place(path)}: {words}")


def _lines_of_keys(text: str) -> dict[str, int]:
    """The line of every key and table, by its path with dots: tomllib does not tell them."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = header[1].strip("\"'")
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            name = assignment[1].strip("\"'")
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


def _line_of_error(error: tomllib.TOMLDecodeError, text: str) -> int:
    told = re.search(r"line (\d+)", str(error))
    return int(told[1]) if told else max(1, len(text.splitlines()))


def _nearest(name: str) -> str:
    found = get_close_matches(name, names(), 1, cutoff=0.5)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(names())}"


def _wrong_value(name: str, value: object) -> str:
    """What a value of the right type must be, if it is not that."""
    choices = next(item.metadata["choices"] for item in fields(Settings) if item.name == name)
    if choices and value not in choices:
        return ", ".join(choices[:-1]) + f" or {choices[-1]}"
    smallest = 0 if name == "keep_free_mib" else 1
    if isinstance(value, int) and not isinstance(value, bool) and value < smallest:
        return f"a whole number from {smallest} on"
    return ""


def _typed(name: str, value: object, *, from_text: bool = False) -> Any:
    """The value as its setting has it. Raises ValueError that says what it must be."""
    kind = typing.get_type_hints(Settings)[name]
    result: object = None
    if kind is Path:
        result = Path(value).expanduser() if isinstance(value, str) and value else None
        wanted = "a path"
    elif kind is bool:
        word = value.lower() if from_text and isinstance(value, str) else ""
        result = value if isinstance(value, bool) else True if word in _TRUE else False if word in _FALSE else None
        wanted = "true or false"
    elif kind is int:
        result = _whole(value)
        wanted = "a whole number"
    else:
        result = value if isinstance(value, str) and value else None
        wanted = "a text"
    if result is None:
        raise ValueError(wanted)
    if wrong := _wrong_value(name, result):
        raise ValueError(wrong)
    return result


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(str(value) if isinstance(value, Path) else value)
