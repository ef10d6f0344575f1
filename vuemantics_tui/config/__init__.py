"""The settings. Flags override the environment, which overrides the file."""

from __future__ import annotations

from vuemantics_tui.config.file import KEYS
from vuemantics_tui.config.settings import (
    AUTO,
    ENVIRONMENT_PREFIX,
    MIB,
    MOST_TRASH_DAYS,
    SAME,
    Settings,
    about,
    choices,
    names,
    own_choices,
    remember,
)

__all__ = [
    "AUTO",
    "ENVIRONMENT_PREFIX",
    "KEYS",
    "MIB",
    "MOST_TRASH_DAYS",
    "SAME",
    "Settings",
    "about",
    "choices",
    "names",
    "own_choices",
    "remember",
]
