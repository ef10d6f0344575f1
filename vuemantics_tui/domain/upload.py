"""An upload, its statuses and stages, and the words for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.moment import DateSource
from vuemantics_tui.domain.sources import Placement
from vuemantics_tui.domain.stacks import StackRole


class ProcessingStatus(StrEnum):
    """The status of an upload."""

    PENDING = "pending"
    ANALYZING = "analyzing"
    EMBEDDING = "embedding"
    COMPLETED = "completed"
    FAILED = "failed"


class ProcessingStage(StrEnum):
    """The current stage of processing."""

    QUEUED = "queued"
    THUMBNAIL = "thumbnail"
    EXTRACTING_FRAMES = "extracting_frames"
    VISION_ANALYSIS = "vision_analysis"
    DESCRIPTION_AUDIT = "description_audit"
    EMBEDDING_GENERATION = "embedding_generation"
    INDEXING = "indexing"
    COMPLETED = "completed"
    FAILED = "failed"


RUNNING = (ProcessingStatus.ANALYZING, ProcessingStatus.EMBEDDING)
TERMINAL = (ProcessingStatus.COMPLETED, ProcessingStatus.FAILED)

LEGAL_MOVES: dict[ProcessingStatus, frozenset[ProcessingStatus]] = {
    # An upload that has its description goes straight to the embedding.
    ProcessingStatus.PENDING: frozenset(
        {ProcessingStatus.ANALYZING, ProcessingStatus.EMBEDDING, ProcessingStatus.FAILED}
    ),
    ProcessingStatus.ANALYZING: frozenset(
        {
            ProcessingStatus.PENDING,
            ProcessingStatus.ANALYZING,
            ProcessingStatus.EMBEDDING,
            ProcessingStatus.FAILED,
        }
    ),
    ProcessingStatus.EMBEDDING: frozenset(
        {
            ProcessingStatus.PENDING,
            ProcessingStatus.EMBEDDING,
            ProcessingStatus.COMPLETED,
            ProcessingStatus.FAILED,
        }
    ),
    ProcessingStatus.COMPLETED: frozenset({ProcessingStatus.PENDING}),
    ProcessingStatus.FAILED: frozenset({ProcessingStatus.PENDING}),
}

STAGE_STATUS: dict[ProcessingStage, ProcessingStatus] = {
    ProcessingStage.QUEUED: ProcessingStatus.PENDING,
    ProcessingStage.THUMBNAIL: ProcessingStatus.ANALYZING,
    ProcessingStage.EXTRACTING_FRAMES: ProcessingStatus.ANALYZING,
    ProcessingStage.VISION_ANALYSIS: ProcessingStatus.ANALYZING,
    ProcessingStage.DESCRIPTION_AUDIT: ProcessingStatus.ANALYZING,
    ProcessingStage.EMBEDDING_GENERATION: ProcessingStatus.EMBEDDING,
    ProcessingStage.INDEXING: ProcessingStatus.EMBEDDING,
    ProcessingStage.COMPLETED: ProcessingStatus.COMPLETED,
    ProcessingStage.FAILED: ProcessingStatus.FAILED,
}

# A failed upload keeps the percentage that it had reached, so FAILED has none.
STAGE_PERCENT: dict[ProcessingStage, int] = {
    ProcessingStage.QUEUED: 0,
    ProcessingStage.THUMBNAIL: 5,
    ProcessingStage.EXTRACTING_FRAMES: 10,
    ProcessingStage.VISION_ANALYSIS: 20,
    ProcessingStage.DESCRIPTION_AUDIT: 50,
    ProcessingStage.EMBEDDING_GENERATION: 60,
    ProcessingStage.INDEXING: 90,
    ProcessingStage.COMPLETED: 100,
}

_STAGE_WORDS: dict[ProcessingStage, str] = {
    ProcessingStage.QUEUED: "waiting",
    ProcessingStage.THUMBNAIL: "thumbnail",
    ProcessingStage.EXTRACTING_FRAMES: "frames",
    ProcessingStage.VISION_ANALYSIS: "describing",
    ProcessingStage.DESCRIPTION_AUDIT: "checking",
    ProcessingStage.EMBEDDING_GENERATION: "embedding",
    ProcessingStage.INDEXING: "indexing",
    ProcessingStage.COMPLETED: "completed",
    ProcessingStage.FAILED: "failed",
}


STACK_SIGN, MOTION_SIGN, MISSING_SIGN = "❐", "▷", "⊘"
STATUS_WORDS: dict[ProcessingStatus, str] = {
    ProcessingStatus.PENDING: "waiting",
    ProcessingStatus.ANALYZING: "describing",
    ProcessingStatus.EMBEDDING: "embedding",
    ProcessingStatus.COMPLETED: "completed",
    ProcessingStatus.FAILED: "failed",
}
"""What a screen or command calls a status where it does not know the stage."""


def status_word(
    stage: ProcessingStage, *, error_kind: ErrorKind | None = None, frame: tuple[int, int] | None = None
) -> str:
    """Return the words that every screen and command uses for a stage.

    `frame` is (number, count), counted from 1, while the frames of a video are described.
    """
    if stage is ProcessingStage.FAILED and error_kind is ErrorKind.CANCELLED:
        return "cancelled"
    if frame and stage in (ProcessingStage.EXTRACTING_FRAMES, ProcessingStage.VISION_ANALYSIS):
        return f"frame {frame[0]} of {frame[1]}"
    return _STAGE_WORDS[stage]


@dataclass(frozen=True, slots=True)
class StackMember:
    """One upload of a stack, as the others know it. `role` is a word for what it is there, or empty."""

    id: str
    filename: str
    role: str
    file_size: int


SHORT_ID = 8
"""How many characters of an ID are shown; the beginning is enough to name an upload."""


@dataclass(frozen=True, slots=True)
class UploadRow:
    """What a list shows of an upload. Sizes in bytes, `duration` in seconds, `created_at` in ISO 8601 UTC.

    `number` is the row's integer key, in the order of adding; `id` is the public UUID. `stack` is the number of the
    upload that stands for its stack, None outside of stacks; `stack_count` how many it stands for itself, 0 if for no
    other, and `stack_members` all of that stack, the cover first; `motion_bytes` the size of the clip inside a motion
    photo. `taken_at` is a moment by the local clock of where it was taken (see `domain.moment`); `place`, `region` and
    `country` name that place; `edited` is whether a person wrote the description, and `guessed` whether no
    language model did; `own_tags` are your own tags, which
    stay when the upload is described again. `missing_since` is when the file of an upload in place was found to be
    gone, in ISO 8601 UTC, None while it is there.
    """

    number: int
    id: str
    filename: str
    file_type: FileType
    file_size: int
    status: ProcessingStatus
    stage: ProcessingStage
    progress_percent: int
    error_message: str | None
    error_kind: ErrorKind | None
    warning: str | None
    created_at: str
    hidden: bool = False
    stack: int | None = None
    stack_count: int = 0
    motion_bytes: int | None = None
    missing_since: str | None = None
    mime_type: str = ""
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    taken_at: str | None = None
    place: str | None = None
    region: str | None = None
    country: str | None = None
    description: str | None = None
    read_text: str | None = None
    tags: tuple[str, ...] = ()
    own_tags: tuple[str, ...] = ()
    rating: int | None = None
    description_audit_score: int | None = None
    edited: bool = False
    guessed: bool = False
    stack_members: tuple[StackMember, ...] = ()

    @property
    def is_inside(self) -> bool:
        """Whether it is listed inside its stack, for which another upload stands."""
        return self.stack is not None and self.stack != self.number

    @property
    def place_words(self) -> str:
        """Return place, region and country on one line, without a region that is called like its place."""
        return ", ".join(dict.fromkeys(filter(None, (self.place, self.region, self.country))))

    @property
    def word(self) -> str:
        """Return the word for its status."""
        return status_word(self.stage, error_kind=self.error_kind)

    def row(self) -> UploadRow:
        """Return only the table columns."""
        return UploadRow(**{each.name: getattr(self, each.name) for each in fields(UploadRow)})


@dataclass(frozen=True, slots=True)
class Upload(UploadRow):
    """Everything stored about an upload except its history.

    `file_path` and `thumbnail_path` are relative to the library's folder, that of an original in place to the folder
    `source`; `taken_from` is where `taken_at` comes from;
    `modified_at`, when the added file was last changed, in ISO 8601 UTC; `country_code` as in ISO 3166, and
    `place_edited` says that a person set the place; `retry_at`, the time of the next attempt, in seconds since the
    epoch. `tagged_by` is the joint model whose words are among the tags of the description, and in a guess.
    `title`, `caption`, `creator`, `label`, `rating` and `keywords` are what the file or its side-car says, as in
    `FileWords`; with `rated_by_hand` the rating, or that there is none, is yours. `stack_cover` is the ID of the upload
    that stands for its stack.
    """

    user_id: str = ""
    file_path: str = ""
    extension: str = ""
    sha256: str = ""
    taken_from: DateSource | None = None
    modified_at: str | None = None
    video_codec: str | None = None
    country_code: str | None = None
    place_edited: bool = False
    thumbnail_path: str | None = None
    source_path: str | None = None
    placement: Placement = Placement.COPIED
    source: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    error_stage: ProcessingStage | None = None
    hint: str | None = None
    attempts: int = 0
    priority: int = 0
    regeneration_count: int = 0
    last_regenerated_at: str | None = None
    completed_at: str | None = None
    updated_at: str = ""
    revision: int = 0
    keywords: tuple[str, ...] = ()
    keyword_paths: tuple[str, ...] = ()
    title: str | None = None
    caption: str | None = None
    creator: str | None = None
    label: str | None = None
    rated_by_hand: bool = False
    tagged_by: str | None = None
    description_audit_findings: tuple[str, ...] = ()
    analyzer: str | None = None
    model: str | None = None
    description_seconds: float | None = None
    retry_at: float | None = None
    missing_model: str = ""
    stack_cover: str | None = None
    stack_role: StackRole | None = None

    @property
    def in_place(self) -> Path | None:
        """The original of an upload in place, missing or not; None for a copied one, and for a path that leads out."""
        relative = PurePosixPath(self.file_path)
        if self.source is None or relative.is_absolute() or ".." in relative.parts:
            return None
        return Path(self.source, relative)

    @property
    def motion_start(self) -> int:
        """Where in its file the clip of a motion photo begins, in bytes."""
        return int(self.metadata.get("motion_photo_offset", 0))

    @property
    def has_clip(self) -> bool:
        """Whether there is a clip to play: it is one, holds one, or has one in its stack."""
        return (
            self.file_type is FileType.VIDEO
            or bool(self.motion_bytes)
            or any(member.role == StackRole.CLIP for member in self.stack_members)
        )


def stack_sign(row: UploadRow) -> str:
    """Return the signs of an upload: ❐ 3 for a stack, ▷ for a clip inside it, ⊘ and a word for a missing file."""
    signs = (
        f"{MISSING_SIGN} missing" if row.missing_since else "",
        f"{STACK_SIGN} {row.stack_count:,}" if row.stack_count > 1 else "",
        MOTION_SIGN if row.motion_bytes else "",
    )
    return " ".join(sign for sign in signs if sign)


@dataclass(frozen=True, slots=True)
class FailedUpload:
    """One of the uploads that failed, and its message."""

    number: int
    id: str
    filename: str
    message: str


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Uploads that failed for the same cause. `message`, `hint`, `kind` and `missing_model` come from the newest.

    `numbers` are those of all of them, `uploads` the newest of them, both newest first.
    """

    cause: str
    message: str
    hint: str
    kind: ErrorKind
    missing_model: str
    numbers: tuple[int, ...]
    uploads: tuple[FailedUpload, ...]

    @property
    def count(self) -> int:
        """Return how many uploads there are."""
        return len(self.numbers)

    @property
    def words(self) -> str:
        """Return the cause as a sentence: in full where all of them failed with the same words."""
        same = all(each.message == self.message for each in self.uploads)
        return without_prefix(self.message) if same else self.cause


_FAILURE_PREFIXES = ("Processing failed: ", "AI processing failed: ")
# Details that differ between files that failed for the same cause, such as pixels or missing bytes.
_NUMBERS = re.compile(r"\d[\d.,]*")
BUG_PREFIX = "This is a bug: "


def without_prefix(message: str) -> str:
    """Return the message of a failure, without what its status says already."""
    for prefix in _FAILURE_PREFIXES:
        message = message.removeprefix(prefix)
    return message


def reason_of(row: UploadRow) -> str:
    """Return why an upload failed or what its warning is, without what its status says already."""
    failed = row.status is ProcessingStatus.FAILED
    return without_prefix(row.error_message or "") if failed else row.warning or ""


def glyph_of(row: UploadRow) -> str:
    """Return the one sign for an upload's state."""
    if row.status is ProcessingStatus.COMPLETED:
        return "!" if row.warning else "✓"
    if row.status in RUNNING:
        return "◐"
    return "✗" if row.stage is ProcessingStage.FAILED else "·"


def failure_cause(message: str) -> str:
    """Return what a failure has in common with others: its message without what differs from file to file.

    What a decoder adds after a colon is left out, and numbers become `…`. The answer of an analyzer and a bug are kept
    whole, since there the details are the cause.
    """
    reason = without_prefix(message)
    if not message.startswith(_FAILURE_PREFIXES[0]) or reason.startswith(BUG_PREFIX):
        return reason
    return _NUMBERS.sub("…", reason.partition(": ")[0])


@dataclass(frozen=True, slots=True)
class UploadEvent:
    """One event in the history of an upload. `at` in ISO 8601 UTC, `seconds` is how long it took, if known."""

    at: str
    kind: str
    message: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many uploads are in each state, including hidden ones; `paused` applies to everyone using the library."""

    running: int = 0
    waiting: int = 0
    failed: int = 0
    completed: int = 0
    paused: bool = False
    hidden: int = 0

    @property
    def total(self) -> int:
        """Return the number of all uploads, hidden or not."""
        return self.running + self.waiting + self.failed + self.completed
