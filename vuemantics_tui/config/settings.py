"""Settings, and how they are read from all their sources."""

from __future__ import annotations

import math
import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar

from vuemantics_tui import paths
from vuemantics_tui.config.file import KEYS, Knob, SettingsFile, shown
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.domain.prompts import FRAME_PROMPT, IMAGE_PROMPT, SUMMARY_PROMPT

ENVIRONMENT_PREFIX = "VUEMANTICS_"
MIB = 1024**2
# A hundred years: far from the end of the calendar.
MOST_TRASH_DAYS = 36_500

AUTO, SAME = "auto", "same"
ANALYZERS = ("builtin", "ollama", "openai")

# Variables that count too, after the one with our own prefix and before the file.
_OTHER_VARIABLES = {"ollama_host": "OLLAMA_HOST"}

Value = TypeVar("Value")


def _about(
    words: str,
    *choices: str,
    smallest: float = 1,
    largest: float = math.inf,
    may_be_empty: bool = False,
) -> dict[str, Any]:
    return {
        "about": words,
        "choices": choices,
        "smallest": smallest,
        "largest": largest,
        "may_be_empty": may_be_empty,
    }


def _text(default: str, words: str, *choices: str) -> str:
    """A text that needs a character."""
    chosen: str = field(default=default, metadata=_about(words, *choices))
    return chosen


def _perhaps(default: str, words: str) -> str:
    """A text that may be empty."""
    chosen: str = field(default=default, metadata=_about(words, may_be_empty=True))
    return chosen


def _number(default: Value, words: str, smallest: float = 1, largest: float = math.inf) -> Value:
    chosen: Value = field(default=default, metadata=_about(words, smallest=smallest, largest=largest))
    return chosen


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default. Each may stand in the settings file or, in capitals, in the environment."""

    library: Path = field(default_factory=paths.default_library, metadata=_about("The folder of the library."))
    max_image_mib: int = _number(100, "The largest image that is accepted, in MiB.")
    max_video_mib: int = _number(4096, "The largest video that is accepted, in MiB.")
    max_megapixels: int = _number(
        200, "The largest picture that is accepted, in millions of pixels, told from its header."
    )
    workers: int = field(
        default_factory=lambda: max(1, min(4, os.cpu_count() or 1)),
        metadata=_about("How many processes make thumbnails and descriptions."),
    )
    worker_memory_mib: int = _number(
        4096, "The most memory that each of these processes may use, in MiB; 0: no limit.", 0
    )
    analyzer: str = _text(
        AUTO, "What describes pictures: auto, builtin, ollama or openai; auto is decided once a library.",
        *(AUTO, *ANALYZERS),
    )  # fmt: skip
    embedder: str = _text(
        SAME, "What makes vectors of texts: the same, or builtin, ollama or openai.", *(SAME, *ANALYZERS)
    )
    ollama_host: str = _text("127.0.0.1:11434", "Where Ollama is; several with commas. OLLAMA_HOST counts too.")
    ollama_vision_model: str = _text("qwen2.5vl:3b", "The model of Ollama that describes pictures.")
    ollama_embedding_model: str = _text("bge-m3", "The model of Ollama that embeds texts.")
    openai_base_url: str = _perhaps("", "Where an OpenAI-compatible server is, as http://127.0.0.1:8080/v1.")
    openai_vision_model: str = _perhaps("", "The model of that server that describes pictures.")
    openai_embedding_model: str = _perhaps("", "The model of that server that embeds texts.")
    openai_key_file: str = _perhaps("", "A file, readable only by you, with its key; OPENAI_API_KEY goes before it.")
    keep_alive: str = _perhaps("", "How long Ollama keeps a model in memory: 5m, 300, -1; empty: as it likes.")
    temperature: float = _number(0.3, "How freely a server's model chooses its words, from 0 on.", 0, 2)
    num_ctx: int = _number(8192, "The context of Ollama's models, in tokens.")
    num_predict: int = _number(512, "The most tokens of a description.")
    summary_num_predict: int = _number(2048, "The most tokens of the summary of a video.")
    image_long_side: int = _number(1568, "How large pictures are sent to a server, in pixels.", 28)
    image_prompt: str = _text(IMAGE_PROMPT, "What is asked of a picture; {language} may stand in it.")
    frame_prompt: str = _text(FRAME_PROMPT, "What is asked of a video's frame; also {number} and {count}.")
    summary_prompt: str = _text(SUMMARY_PROMPT, "What sums up a video's frames; also {count} and {frames}.")
    language: str = _perhaps("English", "The language of descriptions by a server; empty: what the prompts say.")
    video_frames: int = _number(10, "From how many frames at most a video is described.", 1, 100)
    thumbnail_limit: int = _number(0, "How many thumbnails are made at a time; 0: one a worker.", 0)
    describe_limit: int = _number(0, "How many are described at a time; 0: one by a server, else one a worker.", 0)
    embed_limit: int = _number(0, "How many are embedded at a time; 0: three by a server, else one a worker.", 0)
    connect_seconds: float = _number(5.0, "After how many seconds without a connection a server is away.", 0.1)
    answer_seconds: float = _number(120.0, "How many seconds a server may be silent within an answer.", 1)
    trash_days: int = _number(
        30, "How many days what was deleted stays in the trash; 0: until it is emptied.", 0, MOST_TRASH_DAYS
    )
    keep_free_mib: int = _number(200, "What must stay free on the library's disk after files were added, in MiB.", 0)
    theme: str = _text("vuemantics", "The colours of the app.")
    true_colour: str = _text(
        "auto", "Whether the terminal shows 16 million colours: auto, yes or no.", "auto", "yes", "no"
    )
    quadrants: str = _text(
        "auto",
        "Whether pictures are drawn with quarter blocks, sharper where the font has them: auto, yes or no.",
        *("auto", "yes", "no"),
    )
    show_hidden: bool = field(default=False, metadata=_about("Whether the app begins with hidden uploads shown."))
    remember_searches: bool = field(
        default=True, metadata=_about("Whether the library keeps what was searched for, to bring it back.")
    )
    keys: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_about('Other keys for actions: an action\'s id and its keys, as delete-upload = "Z".'),
    )
    # What loading found out. No settings, and so no part of what two Settings are compared by.
    problems: tuple[str, ...] = field(default=(), compare=False, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, knob in _knobs().items():
            value = getattr(self, name)
            if wrong := knob.wrong(value):
                raise UsageError(f"The setting {name} is {shown(value)}", f"It must be {wrong}.")

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
        read = SettingsFile(paths.settings_file() if file is None else file, _knobs(), cls())
        for name, knob in _knobs().items():
            variables = (ENVIRONMENT_PREFIX + name.upper(), _OTHER_VARIABLES.get(name, ""))
            variable = next((each for each in variables if each and environment.get(each)), None)
            if name != KEYS and variable is not None:
                try:
                    read.values[name] = knob.typed(environment[variable], from_text=True)
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


@cache
def _knobs() -> dict[str, Knob]:
    """Every setting by its name, in their order."""
    kinds = typing.get_type_hints(Settings)
    return {item.name: Knob(item.name, kinds[item.name], **item.metadata) for item in fields(Settings) if item.metadata}


def names() -> list[str]:
    """The names of all settings, in their order."""
    return list(_knobs())


def about(name: str) -> str:
    """What a setting does, in one line."""
    return _knobs()[name].about
