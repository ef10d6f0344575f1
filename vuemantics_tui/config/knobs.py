"""What one setting may be: its type, its choices and bounds, and how its value is read from text or TOML."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting. `smallest` and `largest` bound numbers; a text without `may_be_empty` needs a character."""

    name: str
    kind: type
    about: str
    choices: tuple[str, ...] = ()
    smallest: float = 1
    largest: float = math.inf
    may_be_empty: bool = False

    def typed(self, value: object, *, from_text: bool = False) -> Any:
        """The value as the setting has it. Raises ValueError that says what it must be."""
        result: object = None
        if self.kind is Path:
            result = Path(value).expanduser() if isinstance(value, str) and value else None
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
        """What a value of the right type must be, if it is not that; else nothing."""
        if self.choices and value not in self.choices:
            return ", ".join(self.choices[:-1]) + f" or {self.choices[-1]}"
        if self.kind not in (int, float) or not isinstance(value, int | float):
            return ""
        # Written so that NaN is outside.
        if self.smallest <= value <= self.largest and math.isfinite(value):
            return ""
        kind = "a whole number" if self.kind is int else "a number"
        end = "on" if math.isinf(self.largest) else f"to {self.largest:g}"
        return f"{kind} from {self.smallest:g} {end}"


def shown(value: object) -> str:
    """A value as a message shows it."""
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
