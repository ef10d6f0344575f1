"""What the pane says of an upload, and why it was found, as lines of words with their styles."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from vuemantics_tui.domain.colours import NAMED_COLOURS
from vuemantics_tui.domain.description import PASSING_SCORE
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.fields import GUESS, member_words, rating_words
from vuemantics_tui.domain.formats import BY_MIME_TYPE, FileType
from vuemantics_tui.domain.media import REJECTED
from vuemantics_tui.domain.moment import BY_CAMERA, SOURCE_WORDS
from vuemantics_tui.domain.stacks import kind_words
from vuemantics_tui.domain.text import (
    ago_words,
    clock_words,
    date_words,
    length_words,
    lines_of,
    seconds_words,
    size_words,
    time_words,
    visible,
)
from vuemantics_tui.domain.upload import (
    MOTION_SIGN,
    STACK_SIGN,
    ProcessingStage,
    ProcessingStatus,
    Upload,
    UploadEvent,
    reason_of,
    without_prefix,
)
from vuemantics_tui.ui.uploads.results import Why
from vuemantics_tui.ui.uploads.table import lit

if TYPE_CHECKING:
    from vuemantics_tui.library import SearchHit

GOOD_SCORE = 80
FACT_GAP = " · "
# A pane is no higher than this; the stack itself shows all.
MOST_MEMBERS = 8
_FAILED_DURING = {
    ProcessingStage.QUEUED: "before processing",
    ProcessingStage.THUMBNAIL: "while making the thumbnail",
    ProcessingStage.EXTRACTING_FRAMES: "while extracting frames",
    ProcessingStage.VISION_ANALYSIS: "while describing",
    ProcessingStage.DESCRIPTION_AUDIT: "while checking the description",
    ProcessingStage.EMBEDDING_GENERATION: "while embedding",
    ProcessingStage.INDEXING: "while indexing",
}
# Where a file is decoded; what the analyzer has to say about it begins otherwise.
_READING = (ProcessingStage.EXTRACTING_FRAMES, ProcessingStage.VISION_ANALYSIS)
DECODING_FAILED = "Processing failed: "
_FAILED_KINDS = {
    "transient": "failed, will be retried",
    "permanent": "failed, will not be retried",
    "cancelled": "cancelled",
}
_EVENT_WORDS = {
    "taken over": "taken over from a program that ended",
    "stopped": "stopped, back in the queue",
    "regenerate": "describing again",
    "retried": "retrying",
    "edited": "edited by hand",
}
# How the store ends the message of a failure in the history.
_FAILURE_END = re.compile(r" \((transient|permanent|cancelled), in (\w+)\)$", re.DOTALL)
MATCH = "underline $accent"
NEAREST = "on $panel"


def camera_words(upload: Upload) -> str:
    """Return the camera; its maker only where the model does not name it."""
    make, model = (str(upload.metadata.get(f"camera_{part}") or "") for part in ("make", "model"))
    words = model if make and make.split()[0].lower() in model.lower() else f"{make} {model}"
    return visible(words.strip())


def shot_words(upload: Upload) -> str:
    """Return when it was taken, by the local clock to the minute, and where that comes from if not from the camera."""
    if not upload.taken_at:
        return ""
    words = f"taken {visible(date_words(upload.taken_at, own_clock=True))}"
    source = upload.taken_from
    return words if source is None or source in BY_CAMERA else f"{words}, {SOURCE_WORDS[source]}"


def facts_words(upload: Upload, now: datetime) -> str:
    """Return three lines of facts: dimensions, size, format, age; when it was taken and by which camera; where."""
    shape = f"{upload.width} × {upload.height}" if upload.width and upload.height else ""
    length = length_words(upload.duration) if upload.duration else ""
    known = BY_MIME_TYPE.get(upload.mime_type)
    kind = known.name if known else visible(upload.extension).upper()
    frames = upload.metadata.get("frames")
    if isinstance(frames, int) and frames > 1:
        length = f"{frames:,} frames"
    first = [shape, size_words(upload.file_size), kind, length, f"added {ago_words(upload.created_at, now)}"]
    second = [shot_words(upload), camera_words(upload)]
    lines = (first, second, [visible(upload.place_words)])
    return "\n".join(FACT_GAP.join(part for part in line if part) for line in lines if any(line))


def stack_words(upload: Upload, hint: str = "") -> Content:
    """Return what is in its stack, one a line, this one marked, and the clip inside it; `hint` says how to play it."""
    lines: list[Content] = []
    members = upload.stack_members
    if members:
        kind = kind_words(member.role for member in members)
        lines.append(Content.styled(f"{STACK_SIGN} {len(members):,} · {kind}", "$accent"))
        for member in members[:MOST_MEMBERS]:
            sign = "▸" if member.id == upload.id else " "
            size = Content.styled(f" · {size_words(member.file_size)}", "$dim")
            lines.append(Content.assemble(f"{sign} {visible(member_words(member))}", size))
        if len(members) > MOST_MEMBERS:
            lines.append(Content.styled(f"  … and {len(members) - MOST_MEMBERS:,} more", "$dim"))
    if upload.motion_bytes:
        seconds = upload.metadata.get("motion_photo_seconds")
        length = f", {seconds:.1f} s" if isinstance(seconds, int | float) else ""
        size = Content.styled(f" · {size_words(upload.motion_bytes)}", "$dim")
        lines.append(Content.assemble((f"{MOTION_SIGN} motion photo{length}", "$accent"), size))
    if hint and upload.has_clip and lines:
        lines.append(Content.styled(hint, "$dim"))
    return Content("\n").join(lines)


def brought_words(upload: Upload, matched: Iterable[str] = ()) -> Content:
    """Return what the file brings: rating and label, title, caption and creator, with these words highlighted."""
    lines: list[Content] = []
    stars = Content.styled(rating_words(upload.rating), "$error" if upload.rating == REJECTED else "$warning")
    label = Content.assemble(("● ", _label_style(upload.label)), visible(upload.label or ""))
    signs = [part for part, known in ((stars, upload.rating), (label, upload.label)) if known]
    if signs:
        lines.append(Content("   ").join(signs))
    if upload.title:
        lines.append(lit_words(visible(upload.title), matched).stylize("bold"))
    if upload.caption:
        lines.append(lit_words(lines_of(upload.caption), matched))
    if upload.creator:
        lines.append(Content.assemble(("by ", "$dim"), lit_words(visible(upload.creator), matched)))
    return Content("\n").join(lines)


def _label_style(label: str | None) -> str:
    colour = NAMED_COLOURS.get(label or "")
    return "#{:02x}{:02x}{:02x}".format(*colour) if colour else "$dim"


def failure_words(upload: Upload) -> Content:
    """Return the headline of a failure and its message."""
    if upload.error_kind is ErrorKind.CANCELLED:
        return Content.styled("✗ Cancelled", "bold $error")
    if upload.error_stage in _READING and (upload.error_message or "").startswith(DECODING_FAILED):
        headline = f"✗ Could not read the {'picture' if upload.file_type is FileType.IMAGE else 'video'}"
    else:
        where = _FAILED_DURING.get(upload.error_stage) if upload.error_stage else None
        headline = f"✗ Failed {where}" if where else "✗ Failed"
    return Content.assemble((headline, "bold $error"), "\n", lines_of(reason_of(upload)))


def try_words(advice: str) -> Content:
    """Return what you can do now."""
    return Content.assemble(("Try", "bold $warning"), "  ", advice)


def state_words(upload: Upload, word: str, *, bar_cells: int, waits: str) -> Content:
    """Return the state of a waiting or running upload; `waits` says what it waits for."""
    if upload.status is ProcessingStatus.PENDING:
        return Content.assemble(("· waiting", "bold"), "\n", (waits.strip(), "$dim"))
    filled = round(bar_cells * upload.progress_percent / 100)
    return Content.assemble(
        (f"◐ {word}", "bold $running"),
        "\n",
        ("━" * filled, "$running"),
        ("━" * (bar_cells - filled), "$line"),
        (f" {upload.progress_percent} %", "$dim"),
    )


def retry_words(upload: Upload, now: datetime) -> Content:
    """Return when a waiting upload is retried, and what went wrong before."""
    seconds = max(0, math.ceil((upload.retry_at or 0.0) - now.timestamp()))
    when = f"retries in {seconds} s" if seconds else "retries now"
    return Content.assemble(
        (f"· waiting, {when}", "bold"), "\n", (lines_of(without_prefix(upload.error_message or "")), "$warning")
    )


def quality_words(upload: Upload) -> Content:
    """Return the score, who described it and how long that took, and what the audit found."""
    parts: list[tuple[str, str]] = []
    score = upload.description_audit_score
    if score is not None:
        colour = "$success" if score >= GOOD_SCORE else "$warning" if score >= PASSING_SCORE else "$error"
        parts += [("quality ", "$dim"), (str(score), f"bold {colour}")]
    if upload.edited:
        parts.append((f"{'   ' if parts else ''}edited by hand", "$dim"))
    elif upload.model or upload.analyzer:
        took = "" if upload.description_seconds is None else f" in {seconds_words(upload.description_seconds)}"
        gap = "   " if parts else ""
        verb = "guessed" if upload.guessed else "described"
        # What guesses is the analyzer as a whole, or the joint model whose words took the place of its own.
        who = (upload.tagged_by or upload.analyzer if upload.guessed else "") or upload.model or upload.analyzer or ""
        parts.append((f"{gap}{verb} by {visible(who)}{took if who != upload.tagged_by else ''}", "$dim"))
    for finding in upload.description_audit_findings:
        # The warning above may have said it already.
        if f": {finding}" not in (upload.warning or ""):
            parts.append((f"\n! {visible(finding)}", "$warning"))
    return Content.assemble(*parts)


def event_words(event: UploadEvent) -> str:
    """Return what happened, in a few words on one line."""
    told = visible(event.message)
    if event.kind == "added":
        words = "added"
    elif event.kind == "failed":
        match = _FAILURE_END.search(event.message)
        words = _FAILED_KINDS[match[1]] if match else "failed"
    elif event.kind == "thumbnail":
        words = told or "thumbnail"
    elif event.kind == "described":
        words = f"described, {told.rpartition(', ')[2]}"
    elif event.kind == "trying again":
        words = f"retries {told.partition(':')[0]}"
    elif event.kind == "checked":
        words = f"checked, {told.partition(':')[0]}; described again"
    elif event.kind in ("put back", "chosen"):
        words = f"{event.kind}: {told}" if told else event.kind
    else:
        words = _EVENT_WORDS.get(event.kind, visible(event.kind))
    return words if event.seconds is None else f"{words}, {seconds_words(event.seconds)}"


def history_words(history: Sequence[UploadEvent], now: datetime) -> Content:
    """Return what happened and when, by the local clock; the day is named unless it is today."""
    parts: list[tuple[str, str]] = [("History", "bold $dim")]
    day = now.astimezone().date()
    for event in history:
        moment = _local_moment(event.at)
        if moment is not None and moment.date() != day:
            day = moment.date()
            parts.append((f"\n{date_words(event.at, day_only=True)}", "$dim"))
        clock = time_words(moment) if moment else " " * 8
        parts += [(f"\n{clock}  ", "$dim"), (event_words(event), "$dim")]
    return Content.assemble(*parts)


def _local_moment(moment: str) -> datetime | None:
    """Return a moment of the store (ISO 8601) in the zone of this machine; None if it is none."""
    try:
        return datetime.fromisoformat(moment).astimezone()
    except ValueError:
        return None


# Why it was found


def lit_words(text: str, words: Iterable[str]) -> Content:
    """Return a text with these words highlighted."""
    return Content.assemble(*((piece, MATCH if style == "match" else "") for piece, style in lit(text, words, "name")))


def lit_lines(text: str, why: Why | None) -> Content | str:
    """Return a text of several lines with the words highlighted and the nearest sentence marked."""
    shown = lines_of(text)
    if why is None:
        return shown
    content = lit_words(shown, why.hit.matched)
    if place := _place_of(why.sentence, shown):
        content = content.stylize(NEAREST, *place)
    return content


def description_words(upload: Upload, why: Why | None) -> Content:
    """Return the description with the words highlighted and the nearest sentence marked; a guess with a sign, dim."""
    text = Content.assemble(lit_lines(upload.description or "", why))
    if not upload.guessed or not upload.description:
        return text
    return Content.assemble((GUESS, "italic $dim"), text.stylize_before("$dim"))


def why_words(hit: SearchHit) -> Content:
    """Return how much words, meaning and looks count in the score; empty where only filters found it."""
    parts = []
    if hit.words_share or hit.meaning_share:
        words, looks = round(100 * hit.words_share), round(100 * hit.looks_share)
        shares = {"words": words, "meaning": 100 - words - looks, "looks": looks}
        named = {name: share for name, share in shares.items() if share}
        # A share of all says nothing.
        parts = [" · ".join(f"{name} {share} %" if len(named) > 1 else name for name, share in named.items())]
    elif hit.looks_share:
        parts = ["looks"]
    if hit.second is not None:
        parts.append(f"at {clock_words(hit.second)}")
    return Content.styled(f"found by {', '.join(parts)}" if parts else "", "$dim")


def _place_of(sentence: str, shown: str) -> tuple[int, int] | None:
    """Return where the sentence is in the text, whatever blanks are between its words."""
    words = visible(sentence).split()
    found = re.search(r"\s+".join(re.escape(word) for word in words), shown) if words else None
    return found.span() if found else None
