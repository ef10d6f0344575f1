"""The base of analyzers that use a server: smaller pictures, growing answers, summaries of frames, valid vectors."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

from vuemantics_tui.analyzers import failures
from vuemantics_tui.analyzers.base import Compute, OnFrame, OnText, Picture, ServerState, Vector, ignore_text
from vuemantics_tui.analyzers.failures import NotANumberError, Request, TextTooLongError
from vuemantics_tui.analyzers.registry import AnalyzerSettings
from vuemantics_tui.analyzers.wire import TimeLimits
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, MediaError, UsageError
from vuemantics_tui.domain.media import LEAST_VISION_SIDE, LookSize
from vuemantics_tui.domain.prompts import Prompts
from vuemantics_tui.media import jobs

SMALLEST_PIECE = 250
"""Characters below which a text is not cut further: the smallest models take 512 tokens."""

# Someone is waiting for this check.
LOOK_SECONDS = 10.0


# What the sides of a picture must be multiples of: the patches of a model's eye, times how many of them it merges. By a
# part of the model's name, in letters and digits; from the processor's settings that each model is published with.
# Models that cut a picture into squares of their own, as LLaVA, Gemma 3 and Llama 3.2 do, take any size.
_MULTIPLES = {
    "qwen2vl": 28,
    "qwen25vl": 28,
    "qwen25omni": 28,
    "qwen3vl": 32,
    "mistralsmall3": 28,
    "pixtral": 16,
}


def multiple_of(model: str) -> int:
    """Return what the sides of pictures for a model must be multiples of, by its name."""
    name = "".join(letter for letter in model.lower() if letter.isalnum())
    return next((multiple for family, multiple in _MULTIPLES.items() if family in name), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOptions:
    """The options of all servers. The defaults are the web app's.

    `long_side` and `multiple` in pixels, the latter by default what the model's family needs; `num_predict`, and
    `summary_num_predict` for videos, limit answers in tokens; `max_text_characters` limits one embedded piece.
    Timeouts: `connect_seconds` until a server counts as down, `first_seconds` until an answer starts (Ollama gives a
    model 5 minutes to load), `piece_seconds` within an answer. `describe_limit` and `embed_limit` are how many requests
    all hosts take together, 0 for as many as suit each.
    """

    vision_model: str
    embedding_model: str
    temperature: float = 0.3
    num_predict: int = 512
    summary_num_predict: int = 2048
    long_side: int = 1568
    multiple: int = 0
    jpeg_quality: int = 88
    max_text_characters: int = 32_000
    connect_seconds: float = 5.0
    first_seconds: float = 300.0
    piece_seconds: float = 120.0
    describe_limit: int = 0
    embed_limit: int = 0
    prompts: Prompts = field(default_factory=Prompts)

    def __post_init__(self) -> None:
        if self.multiple == 0:
            object.__setattr__(self, "multiple", multiple_of(self.vision_model))
        for name in ("num_predict", "summary_num_predict", "multiple", "jpeg_quality", "max_text_characters"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", "It must be 1 or more.")
        least = max(self.multiple, LEAST_VISION_SIDE)
        if self.long_side < least:
            raise UsageError(f"long_side is {self.long_side}", f"It must be {least} or more.")
        if not 0 <= self.temperature <= 2:
            raise UsageError(f"temperature is {self.temperature}", "It must be from 0 to 2.")

    @property
    def time_limits(self) -> TimeLimits:
        """Return the timeouts of the connection."""
        return TimeLimits(self.connect_seconds, self.first_seconds, self.piece_seconds)


class SharedOptions(TypedDict):
    """The options that all servers take from the settings."""

    temperature: float
    num_predict: int
    summary_num_predict: int
    long_side: int
    multiple: int
    connect_seconds: float
    piece_seconds: float
    describe_limit: int
    embed_limit: int
    prompts: Prompts


def shared_options(settings: AnalyzerSettings) -> SharedOptions:
    """Return the options that all servers take from the settings. Raises UsageError for a wrong prompt."""
    return SharedOptions(
        temperature=settings.temperature,
        num_predict=settings.num_predict,
        summary_num_predict=settings.summary_num_predict,
        long_side=settings.image_long_side,
        multiple=settings.image_multiple,
        connect_seconds=settings.connect_seconds,
        piece_seconds=settings.answer_seconds,
        describe_limit=settings.describe_limit,
        embed_limit=settings.embed_limit,
        prompts=Prompts(settings.image_prompt, settings.frame_prompt, settings.summary_prompt, settings.language),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """A request to a model: a prompt, pictures as JPEG, and the token limit of the answer."""

    prompt: str
    pictures: tuple[bytes, ...]
    most_tokens: int


class RemoteAnalyzer(ABC):
    """An Analyzer whose models run on servers. Pictures are scaled down through `compute`."""

    name: str

    def __init__(self, options: RemoteOptions, compute: Compute, max_pixels: int) -> None:
        self._options = options
        self._compute = compute
        self._max_pixels = max_pixels

    @property
    def model(self) -> str:
        """Return the vision model."""
        return self._options.vision_model

    @property
    def embedding_model(self) -> str:
        """Return the embedding model."""
        return self._options.embedding_model

    @property
    def deterministic(self) -> bool:
        """Whether the temperature is 0."""
        return self._options.temperature == 0

    @property
    def look_size(self) -> LookSize:
        """Return the size of the pictures that the server is sent."""
        return LookSize(1, self._options.long_side, exact=True)

    @abstractmethod
    async def states(self) -> list[ServerState]:
        """Check the servers now."""

    @abstractmethod
    async def close(self) -> None:
        """Close all connections without waiting for running calls."""

    @abstractmethod
    async def _ask(self, question: Question, answer: GrowingAnswer) -> None:
        """Ask a question and collect the answer in `answer`. Raises AnalyzerError."""

    @abstractmethod
    async def _embedding(self, text: str, *, urgent: bool) -> tuple[Request, object]:
        """Return the request and a server's raw embedding of a text; someone waits for an `urgent` one.

        Raises AnalyzerError.
        """

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe one picture. Raises MediaError for the picture, AnalyzerError for the server."""
        prompts = self._options.prompts
        return await self._describe(prompts.for_image(), (picture,), self._options.num_predict, on_text)

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe each frame, then sum them up; a single frame is described like a picture.

        Raises MediaError, also without any frame, and AnalyzerError.
        """
        if not frames:
            raise MediaError("The video has no frame that can be read", "Check that other programs can play it.")
        if len(frames) == 1:
            on_frame(1, 1)
            return await self.describe_image(frames[0], on_text)
        prompts = self._options.prompts
        texts: list[str] = []
        for number, frame in enumerate(frames, 1):
            on_frame(number, len(frames))
            prompt = prompts.for_frame(number, len(frames))
            texts.append((await self._describe(prompt, (frame,), self._options.num_predict, on_text)).text)
        return await self._describe(prompts.for_summary(texts), (), self._options.summary_num_predict, on_text)

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """Return the vector of an upload's text, of length 1; `labels` are ignored. Raises AnalyzerError.

        A text longer than the setting, or than the model accepts, is embedded in pieces and averaged.
        """
        return await self._text_vector(text, urgent=False)

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a search text, of length 1. Raises AnalyzerError."""
        return await self._text_vector(text, urgent=True)

    async def _text_vector(self, text: str, *, urgent: bool) -> Vector:
        if not self.embedding_model:
            raise AnalyzerError("No embedding model is set", f"Set {self.name}_embedding_model.")
        text = text.strip()
        if not text:
            raise AnalyzerError("There is no text to embed", "Write a description by hand.")
        size = self._options.max_text_characters
        while True:
            pieces = [piece for piece in split_text(text, size) if piece.strip()]
            try:
                return mean_vector([await self._piece_vector(piece, urgent) for piece in pieces])
            except TextTooLongError:
                size = -(-max(map(len, pieces)) // 2)
                if size < SMALLEST_PIECE:
                    raise

    async def _describe(
        self, prompt: str, pictures: Sequence[Picture], most_tokens: int, on_text: OnText
    ) -> Description:
        if not self.model:
            raise AnalyzerError("No vision model is set", f"Set {self.name}_vision_model.")
        small = [
            await self._compute.run(
                jobs.vision_jpeg,
                picture,
                self._options.long_side,
                self._options.multiple,
                self._options.jpeg_quality,
                self._max_pixels,
            )
            for picture in pictures
        ]
        answer = GrowingAnswer(on_text)
        await self._ask(Question(prompt, tuple(small), most_tokens), answer)
        text, tags = description_and_tags(answer.whole)
        if not text:
            raise AnalyzerError(
                f"model {self.model} returned no description",
                "If the model thinks before it answers, raise num_predict, or choose another model.",
                ErrorKind.TRANSIENT,
            )
        return Description(text, self.name, self.model, tags)

    async def _piece_vector(self, text: str, urgent: bool) -> Vector:
        """Return the vector of a text, or of its first half if the model returns NaN for the whole."""
        try:
            return unit_vector(*await self._embedding(text, urgent=urgent))
        except NotANumberError:
            shorter = first_half(text)
            if not shorter or shorter == text:
                raise
        return unit_vector(*await self._embedding(shorter, urgent=urgent))


def unit_vector(request: Request, values: object) -> Vector:
    """Convert a server's numbers to a vector of length 1. Raises AnalyzerError, NotANumberError for NaN and zeros."""
    try:
        # llama.cpp writes null for NaN, which NumPy reads as NaN.
        vector = np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise failures.malformed(request, "its embedding is not a list of numbers") from error
    if vector.ndim != 1 or not vector.size:
        raise failures.malformed(request, "its embedding is not a list of numbers")
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise failures.not_a_number(request)
    return np.asarray(vector / length, np.float32)


def grow(answer: GrowingAnswer, piece: str, request: Request) -> None:
    """Add a piece to an answer. Raises AnalyzerError if the model does not stop."""
    try:
        answer.add(piece)
    except ValueError as error:
        raise AnalyzerError(f"{request.subject}: {error}", "Choose another model.", ErrorKind.TRANSIENT) from error


# Where one sentence ends and the next begins; CJK writing puts no space between them.
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]|\n+")
_WORD_END = re.compile(r"\s+")


def split_text(text: str, size: int) -> list[str]:
    """Split a text into pieces of at most `size` characters (1 or more); joined, they are the text.

    The pieces are about equally long, because each has the same weight in the mean. They end with a sentence, else with
    a word, else anywhere.
    """
    if size < 1:
        raise ValueError("a piece has at least one character")
    pieces: list[str] = []
    rest = text
    while len(rest) > size:
        cut = _border(rest, size)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    if rest:
        pieces.append(rest)
    return pieces


def first_half(text: str) -> str:
    """Return the first half of a text, up to the end of a word; half of the letters of a single word."""
    text = text.strip()
    middle = (len(text) + 1) // 2
    return text[: _nearest(_WORD_END, text, 1, middle, middle) or middle].rstrip()


def mean_vector(vectors: Sequence[Vector]) -> Vector:
    """Return the mean of unit vectors (at least one) as a unit vector, or the first if they cancel out."""
    if len(vectors) == 1:
        return vectors[0]
    mean = np.mean(np.stack(vectors), axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length, np.float32) if length > 1e-6 else vectors[0]


def _border(text: str, size: int) -> int:
    """Return where to cut a text longer than `size`: near the end of the first of equal shares."""
    count = -(-len(text) // size)
    share = -(-len(text) // count)
    first, last = max(1, share // 2), min(size, share + share // 4)
    for pattern in (_SENTENCE_END, _WORD_END):
        if found := _nearest(pattern, text, first, last, share):
            return found
    return share


def _nearest(pattern: re.Pattern[str], text: str, first: int, last: int, wanted: int) -> int:
    """Return the end of the match between `first` and `last` that is nearest to `wanted`, or 0."""
    ends = (match.end() for match in pattern.finditer(text, first, last) if match.end() <= last)
    return min(ends, key=lambda end: abs(end - wanted), default=0)


MOST_CHARACTERS = 200_000
MOST_TAGS = 12
_MOST_CHARACTERS_A_TAG = 40

_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_THOUGHT_END = "</think>"
_HALF_TAG = re.compile(r"<(?:/?|/?t|/?th|/?thi|/?thin|/?think)\Z")
# On a line of its own, or, as small models do it, after the last sentence.
_TAGS_LABEL = re.compile(r"(?:^[\s*_#>-]*|(?<=[.!?…\"”)])[ \t]+[*_]*)tags[\s*_]*:", re.IGNORECASE | re.MULTILINE)
_MOST_CHARACTERS_OF_TAGS = 800
_BETWEEN_TAGS = re.compile(r"[,;\n]")
_AROUND_A_TAG = " \t\r\n.*_#-\"'`[]()•"
# A last line that may yet become "Tags:".
_HALF_TAGS_LINE = re.compile(r"^[\s*_#>-]*(?:t|ta|tag|tags)?[\s*_]*\Z", re.IGNORECASE)


class GrowingAnswer:
    """Collects the pieces of an answer and reports the description so far each time it grows."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._whole = ""
        self._told = ""

    @property
    def whole(self) -> str:
        """Return everything the model wrote."""
        return self._whole

    def add(self, piece: str) -> None:
        """Add the next piece. Raises ValueError if the model does not stop."""
        if not piece:
            return
        self._whole += piece
        if len(self._whole) > MOST_CHARACTERS:
            raise ValueError("the model does not stop writing")
        so_far = description_so_far(self._whole)
        if so_far and so_far != self._told:
            self._told = so_far
            self._on_text(so_far)


def description_so_far(answer: str) -> str:
    """Return what to show of an unfinished answer: no thoughts, no tags, and nothing that may start them."""
    text, _ = _before_and_after_label(_HALF_TAG.sub("", without_thoughts(answer)))
    before, line_break, last = text.rpartition("\n")
    if line_break and _HALF_TAGS_LINE.match(last):
        text = before
    return text.strip()


def without_thoughts(answer: str) -> str:
    """Return the answer without `<think>...</think>`; a lone end tag ends a thought from the start."""
    text = _THOUGHT.sub("", answer)
    return text.rpartition(_THOUGHT_END)[2]


def description_and_tags(answer: str) -> tuple[str, tuple[str, ...]]:
    """Split a finished answer into description and tags: at most 12, lower case, each once."""
    text, line = _before_and_after_label(without_thoughts(answer))
    tags: dict[str, None] = {}
    for part in _BETWEEN_TAGS.split(line.partition("<|")[0]):
        tag = " ".join(part.strip(_AROUND_A_TAG).lower().split())
        if tag and len(tag) <= _MOST_CHARACTERS_A_TAG:
            tags[tag] = None
    return text.strip(), tuple(tags)[:MOST_TAGS]


def _before_and_after_label(text: str) -> tuple[str, str]:
    """Return the text before the last "Tags:" and after it; a long text after it is no list of tags."""
    labels = list(_TAGS_LABEL.finditer(text))
    if not labels or len(text) - labels[-1].end() > _MOST_CHARACTERS_OF_TAGS:
        return text, ""
    return text[: labels[-1].start()], text[labels[-1].end() :]
