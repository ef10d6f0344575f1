"""Completing a path that is being typed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Completion:
    """What a typed path may be continued to: the text with what all have in common, and the names that there are."""

    text: str
    names: tuple[str, ...] = ()


def complete(text: str, base: Path) -> Completion:
    """The longest text that all names have in common which begin as this one does; folders end with a slash.

    Names that begin exactly so go before those that differ in capitals. Hidden ones count only where a dot is typed.
    A path that is not absolute begins at `base`. Reads a folder, so call it in a thread.
    """
    head, tail = os.path.split(text)
    head = text[: len(text) - len(tail)]
    folder = base / Path(os.path.expanduser(head)) if head else base  # noqa: PTH111 - an unknown ~name stays as it is
    if text == "~":
        return Completion("~/", ("~/",))
    try:
        with os.scandir(folder) as found:
            names = [each.name + "/" if each.is_dir() else each.name for each in found]
    except (OSError, ValueError):
        return Completion(text)
    names = [name for name in names if tail.startswith(".") or not name.startswith(".")]
    exact = [name for name in names if name.startswith(tail)]
    matching = exact or [name for name in names if name.casefold().startswith(tail.casefold())]
    if not matching:
        return Completion(text)
    matching.sort(key=lambda name: (not name.endswith("/"), name.casefold()))
    common = _common_start(matching)
    # Names that differ in their capitals may have less in common than is typed already.
    return Completion(head + common if len(common) >= len(tail) else text, tuple(matching))


def _common_start(names: list[str]) -> str:
    first, last = min(names), max(names)
    length = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:length]
