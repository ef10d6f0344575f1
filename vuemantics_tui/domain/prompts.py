"""What models are asked: the prompts of the settings, with placeholders that are filled in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import Formatter

from vuemantics_tui.domain.errors import UsageError

IMAGE_PROMPT = (
    "Describe this picture in 3 to 6 sentences of plain {language} prose. Say what the main subject is and what "
    "happens, what the place is, how the light and the colours are, and quote any text that can be read. Say only "
    "what can be seen, and do not guess who a person is. Write no introduction, no headings and no lists. "
    'Then end with one more line that begins with "Tags:" and holds 6 to 12 short {language} tags in lower case, '
    "separated by commas."
)
FRAME_PROMPT = (
    "This is frame {number} of {count} of a video, in the order of time. Describe it in 2 to 4 sentences of plain "
    "{language} prose: who or what is seen, what happens, the place, the light and the colours, and any text that "
    "can be read. Say only what can be seen, and do not guess who a person is. Write no introduction and no lists."
)
SUMMARY_PROMPT = (
    "Below are descriptions of {count} frames of one video, in the order of time. Sum the video up in 3 to 6 "
    "sentences of plain {language} prose: what it shows, what happens from its beginning to its end, the place, the "
    "light and the colours, and any text that can be read. Do not speak of frames or descriptions, add nothing that "
    "they do not say, and write no introduction and no lists. Then end with one more line that begins with "
    '"Tags:" and holds 6 to 12 short {language} tags in lower case, separated by commas.\n\n{frames}'
)

_KNOWN = {
    "image": ("language",),
    "frame": ("language", "number", "count"),
    "summary": ("language", "count", "frames"),
}


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts for a picture, for a frame of a clip, and for the summary of the frames' descriptions.

    Placeholders: `{language}` in all of them; `{number}` and `{count}` in `frame`; `{count}` and `{frames}` in
    `summary`. A literal brace is written twice. Where a prompt has no `{language}`, a sentence that asks for it is
    added, unless `language` is empty; where `summary` has no `{frames}`, they follow it. Raises UsageError for a
    placeholder that is not known, and for braces that make no sense.
    """

    image: str = IMAGE_PROMPT
    frame: str = FRAME_PROMPT
    summary: str = SUMMARY_PROMPT
    language: str = "English"

    def __post_init__(self) -> None:
        for name in _KNOWN:
            _placeholders(name, getattr(self, name))

    def for_image(self) -> str:
        """The prompt for one picture."""
        return self._filled("image")

    def for_frame(self, number: int, count: int) -> str:
        """The prompt for frame `number`, from 1, of `count`."""
        return self._filled("frame", number=str(number), count=str(count))

    def for_summary(self, descriptions: Sequence[str]) -> str:
        """The prompt that sums up the descriptions of a clip's frames, given in the order of time."""
        frames = "\n\n".join(f"Frame {number}: {text}" for number, text in enumerate(descriptions, 1))
        filled = self._filled("summary", count=str(len(descriptions)), frames=frames)
        return filled if "frames" in _placeholders("summary", self.summary) else f"{filled}\n\n{frames}"

    def _filled(self, name: str, **values: str) -> str:
        template: str = getattr(self, name)
        filled = template.format(language=self.language, **values)
        if self.language and "language" not in _placeholders(name, template):
            filled = f"{filled}\n\nWrite in {self.language}."
        return filled


def _placeholders(name: str, template: str) -> set[str]:
    """The placeholders of a prompt. Raises UsageError for one that is not known there."""
    known = _KNOWN[name]
    allowed = ", ".join(f"{{{placeholder}}}" for placeholder in known)
    hint = f"It may hold {allowed}. Write a literal brace twice: {{{{ or }}}}."
    try:
        fields = [(field, spec, conversion) for _, field, spec, conversion in Formatter().parse(template)]
    except ValueError as error:
        raise UsageError(f"The {name} prompt cannot be read: {error}", hint) from error
    found: set[str] = set()
    for field, spec, conversion in fields:
        if field is None:
            continue
        if field not in known or spec or conversion:
            raise UsageError(f"The {name} prompt has an unknown placeholder: {{{field}}}", hint)
        found.add(field)
    return found
