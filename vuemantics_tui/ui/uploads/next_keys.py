"""What the line of keys of the main screen begins with, by what is going on. The rest follows where there is room."""

from __future__ import annotations

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import RUNNING, ProcessingStatus
from vuemantics_tui.ui.uploads.upload_list import UploadList
from vuemantics_tui.ui.widgets.keys_line import FooterKey

_LOOK = (FooterKey("open-upload", "view"), FooterKey("toggle-mark", "mark"))
_KEEP = (FooterKey("edit-tags", "tag"), FooterKey("rate-0 rate-5", "rate"))
_NEXT_KEYS: dict[str, tuple[FooterKey, ...]] = {
    "empty": (FooterKey("add-paths", "add"), FooterKey("type-paths", "add by path")),
    "browse": (
        FooterKey("narrow"),
        FooterKey("open-entry", "open"),
        FooterKey("leave-browse", "to the list"),
        FooterKey("toggle-browse", "close"),
        FooterKey("save-search", "save"),
        FooterKey("open-search"),
    ),
    "stack": (
        *_LOOK,
        FooterKey("step-back", "close the stack"),
        FooterKey("choose-cover", "cover"),
        FooterKey("break-stack", "take out"),
        *_KEEP,
    ),
    "fruitless": (
        FooterKey("fruitless-to-words", "as words"),
        FooterKey("step-back", "back"),
        FooterKey("open-search"),
    ),
    "search": (
        *_LOOK,
        FooterKey("step-back", "back"),
        FooterKey("save-search", "save"),
        FooterKey("open-search"),
        *_KEEP,
    ),
    "failed": (
        FooterKey("retry-upload", "retry"),
        FooterKey("show-details", "details"),
        FooterKey("show-failures", "failures"),
        *_LOOK,
    ),
    "waiting": (
        FooterKey("run-next", "process next"),
        FooterKey("cancel-upload", "cancel"),
        *_LOOK,
        FooterKey("toggle-pause"),
        *_KEEP,
    ),
    "running": (FooterKey("cancel-upload", "cancel"), *_LOOK, FooterKey("toggle-pause"), *_KEEP),
    "video": (FooterKey("open-original", "play"), *_LOOK, FooterKey("add-paths"), FooterKey("open-search"), *_KEEP),
    "list": (
        *_LOOK,
        FooterKey("add-paths"),
        FooterKey("open-search"),
        FooterKey("toggle-browse"),
        *_KEEP,
        FooterKey("find-similar"),
    ),
}


def _keys_of_marked(count: int, escape: str) -> tuple[FooterKey, ...]:
    """Return what can be done to so many marked uploads; `escape` is what Escape does first."""
    return (
        FooterKey("toggle-mark", "mark"),
        FooterKey("edit-tags", f"tag {count:,}"),
        FooterKey("add-to-album", f"album {count:,}"),
        FooterKey("delete-upload", f"delete {count:,}"),
        FooterKey("step-back", escape),
        FooterKey("rate-0 rate-5", f"rate {count:,}"),
        FooterKey("toggle-hidden", f"hide {count:,}"),
        FooterKey("open-upload", "view"),
    )


def next_keys(uploads: UploadList, *, is_empty: bool, browses: bool, is_fruitless: bool) -> tuple[FooterKey, ...]:
    """Return the keys for what may be the next step.

    The library may be empty, the side list to narrow by have the keys, and a search find nothing because of a filter.
    """
    row, marked = uploads.cursor_row, len(uploads.marks)
    if is_empty:
        return _NEXT_KEYS["empty"]
    if browses:
        return _NEXT_KEYS["browse"]
    if marked:
        leads_back = uploads.opened or uploads.results is not None or uploads.view.is_filtered
        return _keys_of_marked(marked, "back" if leads_back else "clear marks")
    if uploads.opened:
        return _NEXT_KEYS["stack"]
    if row is not None and row.status is ProcessingStatus.FAILED:
        return _NEXT_KEYS["failed"]
    if uploads.results is not None:
        return _NEXT_KEYS["fruitless" if is_fruitless else "search"]
    if row is None:
        return _NEXT_KEYS["list"]
    if row.status in RUNNING:
        return _NEXT_KEYS["running"]
    if row.status is ProcessingStatus.PENDING:
        return _NEXT_KEYS["waiting"]
    return _NEXT_KEYS["video" if row.file_type is FileType.VIDEO else "list"]
