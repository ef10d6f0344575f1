"""The settings file: what is right in it counts, what is wrong is named with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vuemantics_tui.config.knobs import Knob, shown

KEYS = "keys"

_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*[=.]""")


class SettingsFile:
    """What a settings file says: good values, where each stands, and what is wrong with the others.

    `defaults` are told where a value is wrong.
    """

    def __init__(self, file: Path, knobs: Mapping[str, Knob], defaults: object) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.problems: list[str] = []
        self._file = file
        self._knobs = knobs
        self._defaults = defaults
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
        if name not in self._knobs:
            self._object(name, f"there is no setting {name}; {_nearest(name, self._knobs)}")
            return
        if name == KEYS:
            self._take_keys(value)
            return
        try:
            self.values[name] = self._knobs[name].typed(value)
        except ValueError as error:
            default = shown(getattr(self._defaults, name))
            self._object(name, f"{name} is {shown(value)}, but must be {error}; {default} is used")
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
                self._object(path, f'{path} is {shown(keys)}, but must be a key as "D", or several as ["D", "x"]')
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


def _nearest(name: str, known: Mapping[str, Knob]) -> str:
    found = get_close_matches(name, known, 1, cutoff=0.5)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(known)}"
