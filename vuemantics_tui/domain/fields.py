"""The fields of an upload in one table: column, names in JSON and CSV, label, and how each is shown.

A new field is an attribute of `Upload`, a column with its migration, and one row here: the store reads it by this
table, and the commands, the exports and the page of facts show it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MOST_STARS, REJECTED
from vuemantics_tui.domain.moment import SOURCE_WORDS, DateSource, offset_minutes, offset_words
from vuemantics_tui.domain.sources import Placement, real_path
from vuemantics_tui.domain.stacks import ROLE_WORDS, StackRole
from vuemantics_tui.domain.text import date_words, seconds_words, size_words, storable
from vuemantics_tui.domain.upload import ProcessingStage, ProcessingStatus, StackMember, Upload, UploadRow

GUESS = "guess: "
"""The sign of a description that no language model wrote."""
Absolute = Callable[[str | None], Path | None]
"""Where a file of the library is, from its path in the store."""
Fact = tuple[str, str]
"""A label and a value."""


class Section(StrEnum):
    """A section of the page of facts."""

    FILE = "File"
    DESCRIPTION = "Description"
    METADATA = "Metadata"
    STATE = "State"


class Source(StrEnum):
    """The table a column belongs to. OWN_TAGS, KEYWORDS and STACK are put together from several rows."""

    SOURCES = "sources"
    UPLOADS = "uploads"
    DESCRIPTIONS = "descriptions"
    PLACES = "places"
    OWN_TAGS = "tags"
    STACK = "stack"
    KEYWORDS = "keywords"


def _same(value: Any) -> Any:
    return value


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class UploadField:
    """One attribute of `Upload`.

    `column` of `source` holds it, and `load` makes the attribute of what stands there. `json` is its name in the JSON
    of commands and `exported` in exports; `label` and `section` say where it is shown, `shown` how, by default as it
    is; `heading` is its name over a column of the table, where it may be one. A path is stored relative to the library,
    or to the source of an upload in place, and shown as an absolute one. What has no name or label is left out there.
    """

    name: str
    section: Section | None = None
    label: str = ""
    heading: str = ""
    shown: Callable[[Upload], str] | None = None
    json: str = ""
    exported: str = ""
    column: str = ""
    source: Source = Source.UPLOADS
    load: Callable[[Any], Any] = _same
    plain: Callable[[Any], Any] = _plain
    is_path: bool = False
    in_csv: bool = True

    @property
    def stored_in(self) -> str:
        """Return the name of its column."""
        return self.column or self.name

    def value(self, upload: Upload, absolute: Absolute) -> Any:
        """Return the value as JSON has it."""
        value = getattr(upload, self.name)
        if self.is_path:
            path = upload.in_place if self.name == "file_path" and upload.in_place else absolute(value)
            return None if path is None else str(path)
        return self.plain(value)

    def words(self, upload: Upload, absolute: Absolute) -> str:
        """Return the value in words, or an empty string if there is none."""
        if self.shown is not None:
            return self.shown(upload)
        value = self.value(upload, absolute)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return "" if value in (None, "") else storable(str(value))


def _or_none(kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: kind(value) if value else None


def _path(value: str | None) -> str | None:
    return None if value is None else real_path(value)


def _model_of(basis: str | None) -> str | None:
    """Return the name of the joint model in what tags are based on: its key, then the list and the calibration."""
    return basis.partition(" ")[0].partition("@")[0] if basis else None


def _texts(value: str | None) -> tuple[str, ...]:
    return tuple(json.loads(value or "[]"))


def dimension_words(upload: UploadRow) -> str:
    """Return the size of the picture in pixels: 4000 × 3000; empty where it is not known."""
    return f"{upload.width} × {upload.height}" if upload.width and upload.height else ""


def _place(upload: Upload) -> str:
    words = upload.place_words
    return f"{words}, set by hand" if words and upload.place_edited else words


def _text(upload: Upload) -> str:
    """Return the description, with a sign where it is a guess."""
    return f"{GUESS}{upload.description}" if upload.guessed and upload.description else upload.description or ""


def _quality(upload: Upload) -> str:
    score = upload.description_audit_score
    if score is None:
        return "none: the description is a guess" if upload.guessed else ""
    return "; ".join((str(score), *upload.description_audit_findings))


def rating_words(rating: int | None) -> str:
    """Return a rating in stars, or the word for a rejected one."""
    if rating is None:
        return ""
    return "rejected" if rating == REJECTED else "★" * rating + "☆" * (MOST_STARS - rating)


def _rating(upload: Upload) -> str:
    return "; ".join(
        part for part in (rating_words(upload.rating), "set by you" if upload.rated_by_hand else "") if part
    )


def _took(upload: Upload) -> str:
    return "" if upload.description_seconds is None else seconds_words(upload.description_seconds)


def _members(value: str | None) -> tuple[StackMember, ...]:
    members = json.loads(value or "[]")
    return tuple(StackMember(**member) for member in members) if len(members) > 1 else ()


def _plain_members(members: tuple[StackMember, ...]) -> list[dict[str, Any]]:
    return [{"id": member.id, "filename": member.filename, "role": member.role or None} for member in members]


def _stack(upload: Upload) -> str:
    return ", ".join(member_words(member) for member in upload.stack_members)


def member_words(member: StackMember) -> str:
    """Return one upload of a stack in words: IMG_0102.MOV (clip)."""
    word = ROLE_WORDS[StackRole(member.role)] if member.role else ""
    return f"{member.filename} ({word})" if word else member.filename


def _type(upload: Upload) -> str:
    kind = "photo" if upload.file_type is FileType.IMAGE else "video"
    return f"{upload.mime_type}, {kind}"


def taken_words(upload: Upload) -> str:
    """Return the date of an upload by the local clock, its offset, and where it comes from."""
    if not upload.taken_at:
        return ""
    minutes = offset_minutes(upload.taken_at)
    words = date_words(upload.taken_at, seconds=True, own_clock=True)
    words += "" if minutes is None else f" UTC{offset_words(minutes)}"
    return f"{words}, {SOURCE_WORDS[upload.taken_from]}" if upload.taken_from else words


def _moment(name: str) -> Callable[[Upload], str]:
    return lambda upload: date_words(getattr(upload, name))


def _next_attempt(upload: Upload) -> str:
    return date_words(_iso(upload.retry_at))


def _iso(seconds: float | None) -> str | None:
    """Return seconds since the epoch in ISO 8601, UTC, as all other moments are stored."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _file(name: str, label: str = "", **more: Any) -> UploadField:
    return UploadField(name, Section.FILE, label, **{"json": name, "exported": name, **more})


def _description(name: str, label: str = "", **more: Any) -> UploadField:
    return UploadField(
        name, Section.DESCRIPTION, label, **{"json": name, "exported": name, "source": Source.DESCRIPTIONS, **more}
    )


def _words(name: str, label: str = "", **more: Any) -> UploadField:
    """Return a field of what the file brings."""
    return _description(name, label, **{"source": Source.UPLOADS, **more})


def _state(name: str, label: str = "", **more: Any) -> UploadField:
    return UploadField(name, Section.STATE, label, **{"json": name, **more})


FIELDS: tuple[UploadField, ...] = (
    _file("filename", "name", heading="Name"),
    _file("mime_type", "type", heading="Type", shown=_type),
    _file("file_type", exported="type", load=FileType),
    _file(
        *("file_size", "size"),
        heading="Size",
        shown=lambda upload: f"{size_words(upload.file_size)} ({upload.file_size:,} bytes)",
    ),
    _file("width", "dimensions", heading="Dimensions", shown=dimension_words),
    _file("height"),
    _file(
        *("duration", "duration"),
        heading="Length",
        shown=lambda upload: "" if upload.duration is None else f"{upload.duration:g} s",
    ),
    _file("video_codec", "codec", exported=""),
    _file("taken_at", "taken", heading="Taken", shown=taken_words),
    _file("taken_from", load=_or_none(DateSource)),
    _file("place", "place", heading="Place", shown=_place, source=Source.PLACES, column="name", load=_or_none(str)),
    _file("region", source=Source.PLACES, load=_or_none(str)),
    _file("country", source=Source.PLACES, load=_or_none(str)),
    _file("country_code", source=Source.PLACES, load=_or_none(str)),
    _file("place_edited", load=bool),
    _file("modified_at", "file changed", shown=_moment("modified_at")),
    _file(
        *("source_path", "added from"),
        shown=lambda upload: "" if upload.source else storable(upload.source_path or ""),
        load=_path,
    ),
    _file("file_path", "original", exported="file", is_path=True, load=real_path),
    _file("placement", load=Placement),
    _file("source", "source", source=Source.SOURCES, column="path", load=_path),
    _file("missing_since", "missing since", shown=_moment("missing_since")),
    _file("thumbnail_path", "thumbnail", exported="", is_path=True),
    _file("sha256", "sha256"),
    UploadField("extension", Section.FILE),
    _file("stack_cover", json="stack", exported="stack", source=Source.STACK),
    _file("stack_role", exported="stack_role", load=_or_none(StackRole)),
    _file(
        *("stack_members", "stack"),
        shown=_stack,
        exported="",
        source=Source.STACK,
        load=_members,
        plain=_plain_members,
    ),
    _words("title", "title"),
    _words("caption", "caption"),
    _description("description", "description", heading="What it shows", shown=_text, column="text"),
    _description("read_text", "text in it"),
    _description("tags", "tags", heading="Tags", load=_texts),
    _description("own_tags", "own tags", exported="", source=Source.OWN_TAGS, load=_texts),
    _words("keywords", "keywords", source=Source.KEYWORDS, load=_texts),
    _words("keyword_paths", load=_texts, in_csv=False),
    _words("rating", "rating", heading="Rating", shown=_rating),
    _words("rated_by_hand", load=bool),
    _words("label", "label"),
    _words("creator", "creator"),
    _words(
        *("description_audit_score", "quality"),
        heading="Quality",
        shown=_quality,
        exported="quality",
        column="quality",
    ),
    _description("description_audit_findings", exported="", column="audit_findings", load=_texts),
    _description("analyzer", "analyzer"),
    _description("model", "model"),
    _description("edited", "written by", shown=lambda upload: "a person" if upload.edited else "", load=bool),
    _description("guessed", load=bool),
    _description("tagged_by", "tags from", json="", exported="", column="seen_by", load=_model_of),
    _description("description_seconds", "took", shown=_took, json="", exported="", column="seconds"),
    UploadField("metadata", json="metadata", exported="metadata", load=json.loads, in_csv=False),
    _state(
        *("status", "status"),
        shown=lambda upload: f"{upload.word}, {upload.progress_percent} %",
        exported="status",
        column="processing_status",
        load=ProcessingStatus,
    ),
    _state("stage", load=ProcessingStage),
    _state("progress_percent"),
    _state("error_message", "message"),
    _state(
        *("error_stage", "failed in"),
        shown=lambda upload: upload.error_stage.value.replace("_", " ") if upload.error_stage else "",
        load=_or_none(ProcessingStage),
    ),
    _state("error_kind", "kind", load=_or_none(ErrorKind)),
    _state("hint", "hint"),
    _state("missing_model", "missing model", load=lambda value: value or "", plain=lambda value: value or None),
    _state("warning", "warning"),
    _state("hidden", "hidden", shown=lambda upload: "yes" if upload.hidden else "", exported="hidden", load=bool),
    _state("attempts", "attempts"),
    _state("retry_at", "next attempt", shown=_next_attempt, plain=_iso),
    _state(
        *("regeneration_count", "described again"),
        shown=lambda upload: f"{upload.regeneration_count} ×" if upload.regeneration_count else "",
    ),
    _state("last_regenerated_at", "last again", shown=_moment("last_regenerated_at")),
    _state("priority", "priority", shown=lambda upload: str(upload.priority) if upload.priority else "", json=""),
    _state("created_at", "added", heading="Added", shown=_moment("created_at"), exported="added_at"),
    _state("completed_at", "completed", shown=_moment("completed_at")),
    _state("updated_at", "changed", shown=_moment("updated_at")),
    _state("revision", "revision", json=""),
    _state("id", "id", exported="id"),
    _state("number", "number", json=""),
    _state("stack", json=""),
    _state("stack_count", json="", load=lambda value: value or 0),
    _state("motion_bytes", json=""),
    _state("user_id", "owner", json=""),
)
COLUMNS: tuple[str, ...] = tuple(field.label for field in FIELDS if field.heading)
"""The labels of the fields that the table can show as columns."""
USUAL_COLUMNS = ("name", "taken", "description", "place", "size", "dimensions")
"""The columns shown until others are chosen."""

# Keys that join several outputs come first in each.
_DOCUMENT = tuple(sorted(FIELDS, key=lambda field: field.name != "id"))

CSV_COLUMNS: tuple[str, ...] = tuple(field.exported for field in _DOCUMENT if field.exported and field.in_csv)
"""The columns of a CSV export, in their order."""


def document(upload: Upload, absolute: Absolute) -> dict[str, Any]:
    """Return an upload as the JSON object that commands print."""
    return {field.json: field.value(upload, absolute) for field in _DOCUMENT if field.json}


def exported(upload: Upload, absolute: Absolute) -> dict[str, Any]:
    """Return an upload as the JSON object of an export."""
    return {field.exported: field.value(upload, absolute) for field in _DOCUMENT if field.exported}


def facts(upload: Upload, absolute: Absolute, copies: Iterable[Path] = ()) -> list[tuple[str, list[Fact]]]:
    """Return everything known about an upload, in sections; facts without a value are empty.

    `copies` are the other files in its sources that have the same bytes.
    """
    sections: dict[Section, list[Fact]] = {section: [] for section in Section}
    for field in FIELDS:
        if field.label and field.section is not None:
            sections[field.section].append((field.label, field.words(upload, absolute)))
    sections[Section.FILE].append(("copies", "\n".join(storable(str(path)) for path in copies)))
    sections[Section.METADATA] = _metadata_facts(upload.metadata)
    return [(section.value, found) for section, found in sections.items()]


def _exposure(value: float) -> str:
    return f"1/{1 / value:.0f} s" if 0 < value < 0.3 else f"{value:g} s"


_MEASURES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "exposure_seconds": ("exposure", _exposure),
    "aperture": ("aperture", lambda value: f"f/{value:g}"),
    "focal_length_mm": ("focal length", lambda value: f"{value:g} mm"),
    "altitude_m": ("altitude", lambda value: f"{value:g} m"),
    "motion_photo_bytes": ("clip inside", size_words),
    "motion_photo_seconds": ("clip length", lambda value: f"{value:g} s"),
    "motion_photo_offset": ("clip begins at", lambda value: f"{value:,} bytes"),
    "bit_rate": ("bit rate", lambda value: f"{value / 1000:,.0f} kbit/s"),
}


def _metadata_facts(metadata: Mapping[str, Any]) -> list[Fact]:
    found = []
    for name, value in metadata.items():
        words, measure = _MEASURES.get(name, (name.replace("_", " "), str))
        try:
            found.append((words, measure(value)))
        except (TypeError, ValueError, ArithmeticError):
            found.append((words, str(value)))  # of another kind than this program writes
    return found
