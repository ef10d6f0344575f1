"""The settings file and the rules for one setting. Valid lines count; invalid ones are reported with their line."""

from __future__ import annotations

import math
import re
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.files import WholeFile, make_folder

KEYS = "keys"

_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*[=.]""")

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting. `smallest` and `largest` bound numbers; a text without `may_be_empty` needs a character.

    A text with `several` is a list of `choices`, separated with commas.

    `more_choices` gives further choices; it is only called for a value that is not among `choices`.
    """

    name: str
    kind: type
    about: str
    choices: tuple[str, ...] = ()
    smallest: float = 1
    largest: float = math.inf
    may_be_empty: bool = False
    several: bool = False
    more_choices: Callable[[], tuple[str, ...]] = tuple

    def typed(self, value: object, *, from_text: bool = False) -> Any:
        """Convert a value to the setting's type. Raises ValueError that says what it must be."""
        result: object = None
        if self.kind is Path:
            result = Path(value).expanduser().absolute() if isinstance(value, str) and value else None
            wanted = "a path"
        elif self.kind is bool:
            word = value.lower() if from_text and isinstance(value, str) else ""
            result = value if isinstance(value, bool) else True if word in _TRUE else False if word in _FALSE else None
            wanted = "true or false"
        elif self.kind in (int, float):
            result = _number(self.kind, value)
            wanted = "a whole number" if self.kind is int else "a number"
        else:
            result = value if isinstance(value, str) and (value or self.may_be_empty) else None
            wanted = "a text"
        if result is None:
            raise ValueError(wanted)
        if wrong := self.wrong(result):
            raise ValueError(wrong)
        return result

    def wrong(self, value: object) -> str:
        """Return what a value of the right type must be if it is invalid, else an empty string."""
        if self.several:
            unknown = [part for part in listed(str(value)) if part not in self.choices]
            return f"a list of these, separated with commas: {', '.join(self.choices)}" if unknown else ""
        if self.choices and value not in self.choices:
            choices = (*self.choices, *self.more_choices())
            return "" if value in choices else ", ".join(choices[:-1]) + f" or {choices[-1]}"
        if self.kind not in (int, float) or not isinstance(value, int | float):
            return ""
        # Written so that NaN fails the test.
        if self.smallest <= value <= self.largest and math.isfinite(value):
            return ""
        kind = "a whole number" if self.kind is int else "a number"
        end = "on" if math.isinf(self.largest) else f"to {self.largest:g}"
        return f"{kind} from {self.smallest:g} {end}"


def listed(text: str) -> list[str]:
    """Return the parts of a text that are separated with commas."""
    return [part for part in (part.strip() for part in text.split(",")) if part]


def shown(value: object) -> str:
    """Return a value as messages show it."""
    return str(value).lower() if isinstance(value, bool) else repr(str(value) if isinstance(value, Path) else value)


def _number(kind: type, value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        if kind is float:
            return float(value)
        return None if isinstance(value, float) else int(value)
    except (ValueError, OverflowError):
        return None


class SettingsFile:
    """The content of a settings file: valid values, their lines, and the problems of the others.

    `defaults` are named where a value is invalid.
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
            self.problems.append(f"{file} cannot be read ({error}). Using the defaults.")
            return
        except tomllib.TOMLDecodeError as error:
            line = _line_of_error(error, text)
            self.problems.append(f"{file}, line {line}: not valid TOML ({error}). Using the defaults.")
            return
        self._lines = _lines_of_keys(text)
        for name, value in found.items():
            self._take(name, value)

    def _take(self, name: str, value: object) -> None:
        if name not in self._knobs:
            self._object(name, f"there is no setting {name}. {_nearest(name, self._knobs)}")
            return
        if name == KEYS:
            self._take_keys(value)
            return
        try:
            self.values[name] = self._knobs[name].typed(value)
        except ValueError as error:
            default = shown(getattr(self._defaults, name))
            self._object(name, f"{name} is {shown(value)}, but must be {error}. Using {default}.")
        else:
            self.sources[name] = self._place(name)

    def _take_keys(self, table: object) -> None:
        if not isinstance(table, dict):
            self._object(KEYS, f"{KEYS} must be a table: [{KEYS}], followed by one line per action")
            return
        chosen: dict[str, str] = {}
        for action, keys in table.items():
            path = f"{KEYS}.{action}"
            several = [keys] if isinstance(keys, str) else keys
            if isinstance(several, list) and several and all(isinstance(key, str) and key for key in several):
                chosen[action] = ",".join(several)
                self.sources[path] = self._place(path)
            else:
                self._object(
                    path, f'{path} is {shown(keys)}, but must be a key such as "D", or several such as ["D", "x"]'
                )
        self.values[KEYS] = chosen

    def _place(self, path: str) -> str:
        line = self._lines.get(path)
        return f"{self._file}, line {line}" if line else f"{self._file}"

    def _object(self, path: str, words: str) -> None:
        self.problems.append(f"{self._place(path)}: {words}")


def write_setting(file: Path, name: str, value: object) -> None:
    """Write one setting into a settings file, and keep its comments, its order and everything else in it.

    A file that is missing is made. `value` is text, a number, true or false, or a list of these. Raises
    VuemanticsError if the file is not valid TOML, or cannot be read or written; then it stays as it was.
    """
    # A link is kept: settings files are often links into a folder of dotfiles.
    file = file.resolve()
    try:
        # As bytes: the ends of the lines stay.
        text = file.read_bytes().decode() if file.exists() else ""
        changed = _with_setting(text, name, value)
        if changed == text:
            return
        make_folder(file.parent)
        with WholeFile(file, private=False) as whole:
            if file.exists():
                shutil.copymode(file, whole.part)
            whole.write(changed.encode())
    except UnicodeDecodeError as error:
        raise VuemanticsError(f"The settings file cannot be read: {file} ({error})", "Repair it.") from error
    except ValueError as error:
        raise VuemanticsError(
            f"The settings file cannot be changed: {file} is not valid TOML ({error})", "Repair it."
        ) from error
    except OSError as error:
        raise VuemanticsError(
            f"The settings file cannot be written: {file} ({(error.strerror or str(error)).lower()})",
            "Check the permissions of the file and of its folder.",
        ) from error


def _with_setting(text: str, name: str, value: object) -> str:
    """Return the text of a settings file with one setting changed. Raises ValueError for what is not TOML."""
    # It takes 30 ms to import, which a start without a change need not wait for.
    import tomlkit

    wanted = tomllib.loads(text) | {name: value}
    document = tomlkit.parse(text)
    if name not in document:
        # The file that `config edit` makes has every setting in a comment, which explains it.
        line = tomlkit.dumps({name: value}).strip()
        commented = re.compile(rf"^[ \t]*#[ \t]*{re.escape(name)}[ \t]*=.*?(\r?\n|$)", re.MULTILINE)
        placed = commented.sub(lambda found: f"{found[0].rstrip()}{found[1] or chr(10)}{line}{found[1]}", text, count=1)
        # A text of several lines may hold what looks like a comment.
        if placed != text and _is(placed, wanted):
            return placed
    document[name] = value
    written = tomlkit.dumps(document)
    # tomlkit ends added lines as on Unix.
    return written if re.search(r"(?<!\r)\n", text) else re.sub(r"(?<!\r)\n", "\r\n" if text else "\n", written)


def _is(text: str, wanted: Mapping[str, object]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _lines_of_keys(text: str) -> dict[str, int]:
    """Return the line of every key and table by its dotted path, which tomllib does not keep."""
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
    return f"Did you mean {found[0]}?" if found else f"The settings are: {', '.join(known)}"
