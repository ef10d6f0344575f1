"""Every key of the program, in one place. The ids are what a keymap in the settings may rename."""

from __future__ import annotations

from textual.binding import Binding, BindingType

APP: list[BindingType] = [
    Binding("q", "quit", "quit", id="quit"),
    # Quitting must work from inside a field and on top of a question, too.
    Binding("ctrl+q,ctrl+c", "quit", "quit", show=False, priority=True, id="quit-anywhere"),
]

UPLOADS_SCREEN: list[BindingType] = [
    # What follows at once, as a dropped path does in some terminals, must find the field and never the hot keys: only a
    # key with priority acts before the next one is handed out.
    Binding("a", "add_paths", "add", priority=True, id="add-paths"),
    Binding("r", "retry_upload", "retry", id="retry-upload"),
    Binding("p", "toggle_pause", "pause", id="toggle-pause"),
    Binding("d,delete", "delete_upload", "delete", id="delete-upload"),
]

UPLOAD_TABLE: list[BindingType] = [
    Binding("up,k", "cursor_up", "up", show=False, id="cursor-up"),
    Binding("down,j", "cursor_down", "down", show=False, id="cursor-down"),
    Binding("pageup", "page_up", "page up", show=False, id="cursor-page-up"),
    Binding("pagedown", "page_down", "page down", show=False, id="cursor-page-down"),
    Binding("home", "cursor_first", "first", show=False, id="cursor-first"),
    Binding("end", "cursor_last", "last", show=False, id="cursor-last"),
]

PATH_FIELD: list[BindingType] = [
    Binding("enter", "submit", "add", key_display="Enter", id="submit-paths"),
    Binding("escape", "close_field", "close", key_display="Esc", id="close-field"),
]

CONFIRM_SCREEN: list[BindingType] = [
    Binding("y", "agree", "yes", id="agree"),
    Binding("enter,escape,n", "decline", "no", key_display="Enter", id="decline"),
    # A question hides the keys of the app; pressed once more, these mean it.
    Binding("ctrl+q,ctrl+c", "app.quit", "quit", show=False, id="quit-question"),
]
