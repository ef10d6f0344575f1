"""Settings, and how they are loaded from their sources."""

from __future__ import annotations

import math
import os
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar

from vuemantics_tui import paths
from vuemantics_tui.analyzers import registry
from vuemantics_tui.analyzers.joint.providers import NAMES as PROVIDER_NAMES
from vuemantics_tui.config.file import KEYS, Knob, SettingsFile, shown, write_setting
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.fields import COLUMNS, USUAL_COLUMNS
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.domain.prompts import FRAME_PROMPT, IMAGE_PROMPT, SUMMARY_PROMPT

ENVIRONMENT_PREFIX = "VUEMANTICS_"
MIB = 1024**2
# A hundred years, which stays within the calendar.
MOST_TRASH_DAYS = 36_500

AUTO, SAME = "auto", "same"

# Variables that count too, after the one with our own prefix and before the file.
_OTHER_VARIABLES = {"ollama_host": "OLLAMA_HOST"}

Value = TypeVar("Value")


def _about(
    words: str,
    *choices: str,
    smallest: float = 1,
    largest: float = math.inf,
    may_be_empty: bool = False,
    several: bool = False,
    more_choices: Callable[[], tuple[str, ...]] = tuple,
) -> dict[str, Any]:
    return {
        "more_choices": more_choices,
        "about": words,
        "choices": choices,
        "smallest": smallest,
        "largest": largest,
        "may_be_empty": may_be_empty,
        "several": several,
    }


def _text(default: str, words: str, *choices: str) -> str:
    """A text that must not be empty."""
    chosen: str = field(default=default, metadata=_about(words, *choices))
    return chosen


def _analyzer(default: str, words: str) -> str:
    """The name of an analyzer, our own or from another package, or the default."""
    chosen: str = field(
        default=default, metadata=_about(words, default, *registry.OWN_NAMES, more_choices=registry.other_names)
    )
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
    """Every setting with its default. Set it in the settings file, or in capitals in the environment."""

    library: Path = field(default_factory=paths.default_library, metadata=_about("The folder of the library."))
    max_image_mib: int = _number(100, "Largest image to accept, in MiB.")
    max_video_mib: int = _number(4096, "Largest video to accept, in MiB.")
    max_megapixels: int = _number(200, "Largest picture to accept, in megapixels, as its header says.")
    workers: int = field(
        default_factory=lambda: max(1, min(4, os.cpu_count() or 1)),
        metadata=_about("Number of processes that make thumbnails and descriptions."),
    )
    worker_memory_mib: int = _number(4096, "Memory that each of these processes may use, in MiB; 0: no limit.", 0)
    cluster: str = _perhaps(
        "", "Dask scheduler whose workers do the heavy work, such as tcp://scheduler:8786; empty: this machine alone."
    )
    cluster_away: str = _text(
        "local", "While the cluster is offline: work on this machine (local), or wait for it.", "local", "wait"
    )
    cluster_send_mib: int = _number(
        16,
        "Largest file sent to the cluster whole, in MiB. Of larger pictures a preview is sent, and larger videos are"
        " read here. 0 on slow links.",
        0,
        1024,
    )
    cluster_shared: str = _perhaps(
        "",
        "Folders that every worker can read, whose files are not sent; separate with commas. /photos=/mnt/photos where"
        " workers have another path.",
    )
    cluster_ca_file: str = _perhaps("", "Certificate of the authority, in PEM, for a scheduler at tls://.")
    cluster_cert_file: str = _perhaps("", "Certificate of this machine, in PEM, for a scheduler at tls://.")
    cluster_key_file: str = _perhaps("", "Key of that certificate, readable only by you.")
    analyzer: str = _analyzer(
        AUTO,
        "What describes pictures: builtin, ollama, openai, an installed one, or auto, decided once per library.",
    )
    embedder: str = _analyzer(SAME, "What embeds text: same as the analyzer, or the name of another one.")
    ollama_host: str = _text(
        "127.0.0.1:11434",
        "Address of Ollama, or of several: gpu limit=2, nas:11434 weight=0.5. OLLAMA_HOST works too.",
    )
    ollama_vision_model: str = _text("qwen2.5vl:3b", "Ollama model that describes pictures.")
    ollama_embedding_model: str = _text("bge-m3", "Ollama model that embeds text.")
    openai_base_url: str = _perhaps(
        "", "Address of an OpenAI-compatible server, such as http://127.0.0.1:8080/v1, or of several."
    )
    openai_vision_model: str = _perhaps("", "Model on that server that describes pictures.")
    openai_embedding_model: str = _perhaps("", "Model on that server that embeds text.")
    openai_key_file: str = _perhaps("", "File with its API key, readable only by you. OPENAI_API_KEY overrides it.")
    immich_host: str = _perhaps("", "Address of Immich's machine-learning container, such as gpu:3003, or of several.")
    provider: str = field(
        default=AUTO,
        metadata=_about(
            "What a joint model runs on: auto (the first that onnxruntime has), cuda, coreml, openvino, directml, cpu.",
            *PROVIDER_NAMES,
        ),
    )
    keep_alive: str = _perhaps("", "How long Ollama keeps a model in memory: 5m, 300, -1; empty: Ollama's default.")
    temperature: float = _number(0.3, "Temperature of a server's model: 0 always gives the same description.", 0, 2)
    num_ctx: int = _number(8192, "Context length of Ollama's models, in tokens.")
    num_predict: int = _number(512, "Maximum length of a description, in tokens.")
    summary_num_predict: int = _number(2048, "Maximum length of a video's summary, in tokens.")
    image_long_side: int = _number(1568, "Long side of the pictures sent to a server, in pixels.", 64)
    image_multiple: int = _number(
        0, "Make both sides of these pictures a multiple of this many pixels; 0: what the model's family needs.", 0, 64
    )
    image_prompt: str = _text(IMAGE_PROMPT, "Prompt for a picture. Placeholder: {language}.")
    frame_prompt: str = _text(
        FRAME_PROMPT, "Prompt for a frame of a video. Placeholders: {language}, {number}, {count}."
    )
    summary_prompt: str = _text(
        SUMMARY_PROMPT, "Prompt that sums up a video's frames. Placeholders: {language}, {count}, {frames}."
    )
    language: str = _perhaps("English", "Language of a server's descriptions; empty: as the prompts say.")
    tag_words: str = _perhaps(
        "", "Words to look for in pictures beside those of the list, with a joint model; separate with commas."
    )
    tag_list: str = _perhaps("", "File with a list of words to look for instead of the program's own.")
    video_frames: int = _number(10, "Maximum number of frames used to describe a video.", 1, 100)
    thumbnail_limit: int = _number(0, "Thumbnails made at the same time; 0: one per worker.", 0)
    describe_limit: int = _number(
        0, "Uploads described at the same time; 0: one for each server, else one per worker.", 0
    )
    embed_limit: int = _number(
        0, "Uploads embedded at the same time; 0: three for each server, else one per worker.", 0
    )
    connect_seconds: float = _number(5.0, "Seconds to wait for a connection before a server counts as offline.", 0.1)
    answer_seconds: float = _number(120.0, "Seconds a server may pause while it answers.", 1)
    trash_days: int = _number(
        30, "Days that deleted uploads stay in the trash; 0: until you empty it.", 0, MOST_TRASH_DAYS
    )
    placement: str = _text(
        "copy",
        "What add does with files: copy them into the library, or use them where they are (in-place).",
        *("copy", "in-place"),
    )
    source_excludes: str = _perhaps(
        "", "Files and folders that sources leave out, such as *.gif or exports/*; separate with commas."
    )
    source_scan_minutes: float = _number(
        10.0, "Minutes between scans of watched sources that give no events, such as network disks.", 0.1
    )
    keep_free_mib: int = _number(200, "Space to keep free on the library's disk, in MiB.", 0)
    theme: str = _text("vuemantics", "Theme of the app.")
    true_colour: str = _text("auto", "True colour (16 million colours): auto, yes or no.", "auto", "yes", "no")
    graphics: str = _text(
        "auto",
        "How pictures are shown: auto (the best way the terminal has), kitty, iterm2, sixel or blocks.",
        *("auto", "kitty", "iterm2", "sixel", "blocks"),
    )
    blocks: str = _text(
        "auto",
        "Characters that pictures are drawn with where there are no pixels: auto, halves, quarters or sextants.",
        *("auto", "halves", "quarters", "sextants"),
    )
    play_command: str = _perhaps(
        "", "Command that plays a video, with {} for the file; empty: mpv if installed, else the system's player."
    )
    slide_seconds: float = _number(5.0, "Seconds that the slide show shows each picture.", 0.5)
    tile_size: int = _number(4, "Size of the tiles in the gallery, from 1 (small) to 8; + and - change it.", 1, 8)
    captions: bool = field(default=False, metadata=_about("Show names below the tiles of the gallery; z changes it."))
    gallery_pane: bool = field(default=False, metadata=_about("Show the pane beside the gallery; v changes it."))
    columns: str = field(
        default=",".join(USUAL_COLUMNS),
        metadata=_about("Columns of the table, in their order; what does not fit is left out.", *COLUMNS, several=True),
    )
    suggest_models: bool = field(
        default=True, metadata=_about("Say once, after a search that found little, what a model would add.")
    )
    notify: str = _text(
        "auto",
        "Tell the terminal when a run ends: after more than 30 seconds, always, or never. Progress shows on its tab.",
        "auto",
        "always",
        "never",
    )
    show_hidden: bool = field(default=False, metadata=_about("Show hidden uploads when the app starts."))
    remember_searches: bool = field(default=True, metadata=_about("Remember searches, so that you can repeat them."))
    keys: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_about('Keys for actions: the action\'s id and its keys, such as delete-upload = "Z".'),
    )
    # Found while loading. These are not settings, so comparing two Settings ignores them.
    problems: tuple[str, ...] = field(default=(), compare=False, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, knob in _knobs().items():
            value = getattr(self, name)
            if wrong := knob.wrong(value):
                raise UsageError(f"The setting {name} is {shown(value)}", f"It must be {wrong}.")

    @property
    def limits(self) -> MediaLimits:
        """Return the limits of intake."""
        return MediaLimits(self.max_image_mib * MIB, self.max_video_mib * MIB, self.max_megapixels * 1_000_000)

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] = os.environ,
        file: Path | None = None,
    ) -> Self:
        """Load the settings from all sources. Raises UsageError for an invalid flag or environment variable.

        An invalid line in the file only costs that setting its value: `problems` names file, line, key and what is
        valid. `sources` maps a setting's name (or `keys.<action>`) to where it comes from, unless it is the default.
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
                read.values[name] = value.expanduser().absolute() if isinstance(value, Path) else value
                read.sources[name] = f"flag, --{name.replace('_', '-')}"
        return cls(**read.values, problems=tuple(read.problems), sources=read.sources)


@cache
def _knobs() -> dict[str, Knob]:
    """Return every setting by name, in order."""
    kinds = typing.get_type_hints(Settings)
    return {item.name: Knob(item.name, kinds[item.name], **item.metadata) for item in fields(Settings) if item.metadata}


def names() -> list[str]:
    """Return the names of all settings, in order."""
    return list(_knobs())


def about(name: str) -> str:
    """Return what a setting does, in one line."""
    return _knobs()[name].about


def remember(name: str, value: object, file: Path | None = None) -> None:
    """Write one setting into the settings file, which is made if there is none, for the next start.

    Everything else in the file stays. A flag or an environment variable still overrides it. Raises UsageError for
    a value that the setting cannot have, and VuemanticsError if the file cannot be written.
    """
    try:
        _knobs()[name].typed(value)
    except ValueError as error:
        raise UsageError(f"The setting {name} is {shown(value)}", f"It must be {error}.") from None
    write_setting(paths.settings_file() if file is None else file, name, value)


def own_choices(name: str) -> tuple[str, ...]:
    """Return the values that a setting may have if they are few, without those from other packages."""
    return _knobs()[name].choices


def choices(name: str) -> tuple[str, ...]:
    """Return the values that a setting may have if they are few, including analyzers from other packages."""
    knob = _knobs()[name]
    return (*knob.choices, *knob.more_choices())
