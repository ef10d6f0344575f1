"""The prompts for vision models, and their placeholders."""

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
    """The prompts for a picture, for a frame of a video, and for the summary of all frames.

    Placeholders: `{language}` in all of them; `{number}` and `{count}` in `frame`; `{count}` and `{frames}` in
    `summary`. Write a literal brace twice. A prompt without `{language}` gets a sentence that asks for the language,
    unless `language` is empty; a summary without `{frames}` gets them at its end. Raises UsageError for unknown
    placeholders and unmatched braces.
    """

    image: str = IMAGE_PROMPT
    frame: str = FRAME_PROMPT
    summary: str = SUMMARY_PROMPT
    language: str = "English"

    def __post_init__(self) -> None:
        for name in _KNOWN:
            _placeholders(name, getattr(self, name))

    def for_image(self) -> str:
        """Return the prompt for one picture."""
        return self._filled("image")

    def for_frame(self, number: int, count: int) -> str:
        """Return the prompt for frame `number` of `count`, counted from 1."""
        return self._filled("frame", number=str(number), count=str(count))

    def for_summary(self, descriptions: Sequence[str]) -> str:
        """Return the prompt that sums up the descriptions of a video's frames, in chronological order."""
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
    """Return the placeholders of a prompt. Raises UsageError for unknown ones."""
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
