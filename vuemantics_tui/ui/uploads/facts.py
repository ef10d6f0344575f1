"""FactsPage: all that is known of one upload, with everything that happened to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from vuemantics_tui.domain.text import size_words, visible
from vuemantics_tui.domain.upload import Upload, UploadEvent
from vuemantics_tui.ui.wording import lines_of, local_moment, seconds_words

LABEL_CELLS = 16
MOMENT_CELLS = 21
WIDEST = 120

Fact = tuple[str, str]
Section = tuple[str, int, list[Fact]]
"""A heading, how many cells its labels take, and its facts."""


def facts_of(
    upload: Upload, history: Sequence[UploadEvent], absolute: Callable[[str | None], Path | None]
) -> list[Section]:
    """Everything, in sections. `absolute` says where a file of the library is."""
    return [
        ("File", LABEL_CELLS, _file_facts(upload, absolute)),
        ("Description", LABEL_CELLS, _description_facts(upload)),
        ("Metadata", LABEL_CELLS, _metadata_facts(upload.metadata)),
        ("State", LABEL_CELLS, _state_facts(upload)),
        ("History", MOMENT_CELLS, [(_moment(event.at), _event(event)) for event in history]),
    ]


def _file_facts(upload: Upload, absolute: Callable[[str | None], Path | None]) -> list[Fact]:
    shape = f"{upload.width} × {upload.height}" if upload.width and upload.height else ""
    return [
        ("name", upload.filename),
        ("type", f"{upload.mime_type}, {upload.file_type.value}"),
        ("size", f"{size_words(upload.file_size)} ({upload.file_size:,} bytes)"),
        ("dimensions", shape),
        ("duration", "" if upload.duration is None else f"{upload.duration:g} s"),
        ("codec", upload.video_codec or ""),
        ("taken", upload.taken_at or ""),
        ("added from", upload.source_path or ""),
        ("original", str(absolute(upload.file_path) or "")),
        ("thumbnail", str(absolute(upload.thumbnail_path) or "")),
        ("sha256", upload.sha256),
    ]


def _description_facts(upload: Upload) -> list[Fact]:
    score = upload.description_audit_score
    return [
        ("description", upload.description or ""),
        ("text in it", upload.read_text or ""),
        ("tags", ", ".join(upload.tags)),
        ("quality", "" if score is None else "; ".join((str(score), *upload.description_audit_findings))),
        ("analyzer", upload.analyzer or ""),
        ("model", upload.model or ""),
        ("took", "" if upload.description_seconds is None else seconds_words(upload.description_seconds)),
    ]


def _state_facts(upload: Upload) -> list[Fact]:
    return [
        ("status", f"{upload.word}, {upload.progress_percent} %"),
        ("message", upload.error_message or ""),
        ("failed in", upload.error_stage.value.replace("_", " ") if upload.error_stage else ""),
        ("kind", upload.error_kind.value if upload.error_kind else ""),
        ("hint", upload.hint or ""),
        ("warning", upload.warning or ""),
        ("hidden", "yes" if upload.hidden else ""),
        ("attempts", str(upload.attempts)),
        ("described anew", f"{upload.regeneration_count} ×" if upload.regeneration_count else ""),
        ("last anew", _moment(upload.last_regenerated_at)),
        ("priority", str(upload.priority) if upload.priority else ""),
        ("added", _moment(upload.created_at)),
        ("completed", _moment(upload.completed_at)),
        ("changed", _moment(upload.updated_at)),
        ("revision", str(upload.revision)),
        ("id", upload.id),
        ("number", str(upload.number)),
        ("owner", upload.user_id),
    ]


def _exposure(value: float) -> str:
    return f"1/{1 / value:.0f} s" if 0 < value < 0.3 else f"{value:g} s"


_MEASURES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "exposure_seconds": ("exposure", _exposure),
    "aperture": ("aperture", lambda value: f"f/{value:g}"),
    "focal_length_mm": ("focal length", lambda value: f"{value:g} mm"),
    "altitude_m": ("altitude", lambda value: f"{value:g} m"),
    "bit_rate": ("bit rate", lambda value: f"{value / 1000:,.0f} kbit/s"),
}


def _metadata_facts(metadata: Mapping[str, Any]) -> list[Fact]:
    facts = []
    for name, value in metadata.items():
        words, measure = _MEASURES.get(name, (name.replace("_", " "), str))
        try:
            facts.append((words, measure(value)))
        except (TypeError, ValueError, ArithmeticError):
            facts.append((words, str(value)))  # of another kind than this program writes
    return facts


def _moment(moment: str | None) -> str:
    found = local_moment(moment) if moment else None
    return found.strftime("%Y-%m-%d %H:%M:%S") if found else moment or ""


def _event(event: UploadEvent) -> str:
    took = "" if event.seconds is None else f"({seconds_words(event.seconds)})"
    return " ".join(part for part in (event.kind, event.message, took) if part)


class FactsText(Widget):
    """Labels and values in two columns, the values wrapped in theirs."""

    DEFAULT_CSS = """
    FactsText {
        width: 100%;
        max-width: 120;
        height: auto;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sections: list[Section] = []
        self._laid_out: tuple[int, list[Content]] | None = None

    def show(self, sections: list[Section]) -> None:
        """Show these."""
        if sections != self._sections:
            self._sections = sections
            self._laid_out = None
            self.refresh(layout=True)

    def _lines(self, width: int) -> list[Content]:
        if self._laid_out is None or self._laid_out[0] != width:
            self._laid_out = (width, fact_lines(self._sections, width))
        return self._laid_out[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """All the lines."""
        return max(1, len(self._lines(width)))

    def render(self) -> Content:
        """The lines."""
        return Content("\n").join(self._lines(self.content_size.width))


def fact_lines(sections: Sequence[Section], width: int) -> list[Content]:
    """The sections as lines of at most `width` cells; what has no value is left out."""
    lines: list[Content] = []
    for heading, label_cells, facts in sections:
        told = [(label, lines_of(value)) for label, value in facts if value.strip()]
        if not told:
            continue
        lines += [Content("")] if lines else []
        lines.append(Content.styled(heading, "bold $accent"))
        for label, value in told:
            name = visible(label)
            for line in Content(value).wrap(max(8, width - label_cells)):
                lines.append(Content.assemble((name.ljust(label_cells), "$dim"), line))
                name = ""
    return lines


class FactsPage(VerticalScroll, can_focus=False):
    """A page of facts that scrolls."""

    DEFAULT_CSS = """
    FactsPage {
        background: $surface;
        padding: 0 0 0 1;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        scrollbar-background: $surface;
        scrollbar-background-hover: $surface;
        scrollbar-background-active: $surface;
    }
    """

    def compose(self) -> ComposeResult:
        """The facts."""
        yield FactsText()

    def show(self, sections: list[Section]) -> None:
        """Show these."""
        self.query_one(FactsText).show(sections)
