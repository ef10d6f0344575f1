"""What an analyzer finds in a picture or clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Description:
    """Words for one upload.

    `text` is prose, `read_text` what is written in the picture, `tags` short and lower case, best first.
    `labels` maps the analyzer's own classes to probabilities in 0..1, for embedders that can use them.
    """

    text: str
    analyzer: str
    model: str
    tags: tuple[str, ...] = ()
    read_text: str = ""
    labels: Mapping[str, float] = field(default_factory=dict)

    @property
    def full_text(self) -> str:
        """What is to be embedded: the prose and the text that was read. The audit is of `text` alone."""
        return full_text(self.text, self.read_text)


def full_text(text: str, read_text: str) -> str:
    """The prose of a description and the text that was read in the picture, as one text to embed."""
    if not read_text:
        return text
    return f"{text} Text in the picture: {' '.join(read_text.split())}"
