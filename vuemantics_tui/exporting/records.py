"""One upload as it is exported, and as a line of JSON or of CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vuemantics_tui.domain.upload import Upload

COLUMNS = (
    *("id", "filename", "type", "mime_type", "file_size", "sha256", "width", "height", "duration", "taken_at"),
    *("added_at", "status", "description", "read_text", "tags", "quality", "analyzer", "model", "edited", "hidden"),
    *("source_path", "file"),
)
"""The columns of a CSV file. JSON has `metadata` beside them."""

# What makes a cell a formula in one spreadsheet or another (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class ExportedUpload:
    """An upload with all its tags, those of a person too, and where its file is."""

    upload: Upload
    tags: tuple[str, ...]
    file: Path

    def fields(self) -> dict[str, Any]:
        """Everything, as plain JSON data."""
        upload = self.upload
        return {
            "id": upload.id,
            "filename": upload.filename,
            "type": upload.file_type.value,
            "mime_type": upload.mime_type,
            "file_size": upload.file_size,
            "sha256": upload.sha256,
            "width": upload.width,
            "height": upload.height,
            "duration": upload.duration,
            "taken_at": upload.taken_at,
            "added_at": upload.created_at,
            "status": upload.status.value,
            "description": upload.description,
            "read_text": upload.read_text,
            "tags": list(self.tags),
            "quality": upload.description_audit_score,
            "analyzer": upload.analyzer,
            "model": upload.model,
            "edited": upload.edited,
            "hidden": upload.hidden,
            "source_path": upload.source_path,
            "file": str(self.file),
            "metadata": upload.metadata,
        }


def json_line(record: ExportedUpload) -> str:
    """One object on one line, with its line break."""
    # Whatever line breaks Unicode knows are escaped, so that no reader takes one line for two.
    text = json.dumps(record.fields(), ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085") + "\n"


def csv_header() -> str:
    """The first line, with the mark that has spreadsheets read UTF-8."""
    return "\ufeff" + _csv(list(COLUMNS))


def csv_line(record: ExportedUpload) -> str:
    """One upload as RFC 4180 has it; tags are joined by "; ". What a spreadsheet would run as a formula is quoted."""
    fields = record.fields() | {"tags": "; ".join(record.tags)}
    return _csv([_cell(fields[name]) for name in COLUMNS])


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return "" if value is None else value
    text = value.replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _csv(cells: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
