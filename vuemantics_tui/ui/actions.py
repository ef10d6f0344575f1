"""Every action of the program, in one place: bindings, footer, palette, help and the README's table are made of these.

The ids are what the settings may give other keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ACT = "Uploads"
FIND = "Find"
VIEW = "The table"
MARK = "Marks"
QUEUE = "The queue"
MOVE = "Moving"
PROGRAM = "The program"
ANSWER = "Answers"
FOLDERS = "Folders"


@dataclass(frozen=True, slots=True)
class Action:
    """What a key does: `keys` by comma, `action` as Textual calls it, `label` a word or two, `description` a line.

    Those `shown` stand in the line of keys; those with `priority` act before the focused widget sees the key.
    """

    id: str
    keys: str
    action: str
    label: str
    description: str
    group: str
    shown: bool = True
    priority: bool = False
    # What the line of keys shows in place of the first key.
    shown_as: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the program with keys of its own."""

    title: str
    actions: tuple[Action, ...]


def _hidden(id: str, keys: str, action: str, label: str, description: str, group: str) -> Action:
    return Action(id, keys, action, label, description, group, shown=False)


def _reading(prefix: str) -> tuple[Action, ...]:
    return (
        Action(f"{prefix}-down", "down,j", "scroll_lines(1)", "scroll", "A line down", MOVE, shown_as="j k"),
        _hidden(f"{prefix}-up", "up,k", "scroll_lines(-1)", "up", "A line up", MOVE),
        _hidden(f"{prefix}-page-down", "pagedown,space", "scroll_pages(1)", "page down", "A screen down", MOVE),
        _hidden(f"{prefix}-page-up", "pageup", "scroll_pages(-1)", "page up", "A screen up", MOVE),
        _hidden(f"{prefix}-top", "home,g", "scroll_to_top", "top", "To the first line", MOVE),
        _hidden(f"{prefix}-bottom", "end,G", "scroll_to_bottom", "bottom", "To the last line", MOVE),
    )


def _cursor(prefix: str) -> tuple[Action, ...]:
    return (
        _hidden(f"{prefix}-up", "up,k", "cursor_up", "up", "One up", MOVE),
        _hidden(f"{prefix}-down", "down,j", "cursor_down", "down", "One down", MOVE),
        _hidden(f"{prefix}-page-up", "pageup", "page_up", "page up", "A screen up", MOVE),
        _hidden(f"{prefix}-page-down", "pagedown", "page_down", "page down", "A screen down", MOVE),
        _hidden(f"{prefix}-first", "home", "cursor_first", "first", "To the first", MOVE),
        _hidden(f"{prefix}-last", "end,G", "cursor_last", "last", "To the last", MOVE),
    )


UPLOADS_SCREEN = (
    # What follows at once, as a dropped path does in some terminals, must find the field and never the hot keys: only a
    # key with priority acts before the next one is handed out.
    Action("add-paths", "a", "add_paths", "add", "Pick files and folders to add", ACT, priority=True),
    Action(
        "type-paths", "A", "type_paths", "add by path", "Type or paste a path to add", ACT, shown=False, priority=True
    ),
    Action("open-search", "/", "open_search", "search", "Search by words or by meaning", FIND, priority=True),
    Action("find-similar", "s", "find_similar", "similar", "Find what is similar", FIND),
    _hidden("show-below", "m", "show_below", "more results", "Show what a search found below the cut-off, too", FIND),
    _hidden("save-search", "S", "save_search", "save search", "Keep the search by a name", FIND),
    _hidden("show-saved", "B", "show_saved", "saved searches", "Show the saved searches and the albums", FIND),
    _hidden("past-search", "n", "past_search", "past search", "Bring back the search before", FIND),
    _hidden("open-upload", "enter", "open_upload", "open", "Show it on the whole screen", ACT),
    _hidden("show-details", "i", "show_details", "details", "Show all that is known of it, and its history", ACT),
    Action("retry-upload", "r", "retry_upload", "retry", "Try again, or describe a completed one anew", ACT),
    Action("toggle-pause", "p", "toggle_pause", "pause", "Pause or resume, for all who share this library", QUEUE),
    Action("delete-upload", "d,delete", "delete_upload", "delete", "Move to the trash, after asking", ACT),
    _hidden("undo-delete", "u", "undo_delete", "undo delete", "Bring back what was deleted last", ACT),
    _hidden("show-trash", "T", "show_trash", "trash", "Show what was deleted, and bring it back", ACT),
    _hidden("show-duplicates", "W", "show_duplicates", "duplicates", "Show what looks the same, and keep one", ACT),
    _hidden("show-stats", "#", "show_stats", "statistics", "Show the library in numbers", PROGRAM),
    _hidden("edit-tags", "t", "edit_tags", "tags", "Give tags of your own, or take them away", ACT),
    _hidden("toggle-hidden", "h", "toggle_hidden", "hide", "Hide from lists and search, or show again", ACT),
    _hidden("open-original", "e", "open_original", "open original", "Open the original in the system's viewer", ACT),
    _hidden("copy-path", "y", "copy_path", "copy path", "Copy the path, also over SSH", ACT),
    _hidden("copy-description", "Y", "copy_description", "copy description", "Copy the description", ACT),
    _hidden("show-descriptions", "D", "show_descriptions", "descriptions", "Compare all descriptions it ever had", ACT),
    _hidden("edit-description", "E", "edit_description", "edit description", "Describe it in your own words", ACT),
    _hidden("cancel-upload", "x", "cancel_upload", "cancel", "Cancel what waits or runs", QUEUE),
    _hidden("run-next", "b", "run_next", "this next", "Bring it to the front of the queue", QUEUE),
    _hidden(
        "show-failures", "F", "show_failures", "failures", "Show what failed, by its reason, and what helps", QUEUE
    ),
    _hidden("look-now", "w", "look_now", "look now", "Look at once whether the server is back", QUEUE),
    _hidden("reembed", "R", "reembed", "re-embed", "Embed again what another model embedded, after asking", QUEUE),
    Action("sort-by", "o", "sort_by", "sort", "Sort by the next order: added, name, size, …", VIEW),
    _hidden("reverse-sort", "O", "reverse_sort", "reverse", "Sort the other way round", VIEW),
    Action("filter-by", "f", "filter_by", "filter", "Show only a status or a type, or hidden ones, too", VIEW),
    _hidden("clear-view", "c", "clear_view", "clear", "Clear search, filter, order and marks", VIEW),
    Action("toggle-gallery", "g", "toggle_gallery", "gallery", "Thumbnails instead of the table, or back", VIEW),
    _hidden("toggle-pane", "v", "toggle_pane", "pane", "Show or hide the pane beside the table", VIEW),
    _hidden("toggle-mark", "space", "toggle_mark", "mark", "Mark; actions then apply to all that are marked", MARK),
    _hidden("mark-range", "V", "mark_range", "range", "Begin a range of marks, or end it", MARK),
    _hidden("mark-all", "*", "mark_all", "mark all", "Mark all that the table lists", MARK),
    _hidden(
        "use-better-analyzer", "U", "use_better_analyzer", "use better analyzer", "Change to a better analyzer", PROGRAM
    ),
)

UPLOAD_TABLE = _cursor("cursor")

GALLERY = (
    _hidden("gallery-left", "left", "tile_left", "left", "One to the left", MOVE),
    _hidden("gallery-right", "right", "tile_right", "right", "One to the right", MOVE),
    _hidden("gallery-up", "up,k", "tile_rows(-1)", "up", "A row up", MOVE),
    _hidden("gallery-down", "down,j", "tile_rows(1)", "down", "A row down", MOVE),
    _hidden("gallery-page-up", "pageup", "tile_pages(-1)", "page up", "A screen up", MOVE),
    _hidden("gallery-page-down", "pagedown", "tile_pages(1)", "page down", "A screen down", MOVE),
    _hidden("gallery-first", "home", "tile_first", "first", "To the first", MOVE),
    _hidden("gallery-last", "end,G", "tile_last", "last", "To the last", MOVE),
)

APP = (
    _hidden("show-log", "L", "show_log", "log", "Show what the program noted in this session", PROGRAM),
    _hidden("show-doctor", "!", "show_doctor", "doctor", "Examine analyzers, terminal and library", PROGRAM),
    _hidden("show-palette", "ctrl+p", "command_palette", "palette", "Find any action by its name; themes", PROGRAM),
    Action("show-help", "?", "show_help", "help", "Explain the part of the screen that is in use", PROGRAM),
    # These two must work from inside a field and on top of a question, too.
    Action("help-anywhere", "f1", "show_help", "help", "Explain it, also from within a field", PROGRAM, False, True),
    Action("quit", "q", "quit", "quit", "Quit; asks while work is running", PROGRAM),
    Action("quit-anywhere", "ctrl+q,ctrl+c", "quit", "quit", "Quit, also from within a field", PROGRAM, False, True),
)

DETAIL_SCREEN = (
    Action("toggle-metadata", "i", "toggle_metadata", "all facts", "Show all that is known of it, or less", VIEW),
    *_reading("detail"),
    Action("detail-back", "escape,q,enter", "go_back", "back", "Back to the table", MOVE),
)

PATH_FIELD = (
    Action("submit-paths", "enter", "submit", "add", "Add what stands in the field", ANSWER),
    Action("close-field", "escape", "close_field", "close", "Leave without adding", ANSWER),
)

SEARCH_FIELD = (
    Action("take-suggestion", "tab", "take_suggestion", "take it", "Go on with the first suggestion", FIND),
    Action("leave-search", "escape", "leave_search", "back", "Leave, and go back to where one was", FIND),
    _hidden("older-search", "up", "older_search", "older", "The search before this one", FIND),
    _hidden("newer-search", "down", "newer_search", "newer", "The search after this one", FIND),
)

PICKER_SCREEN = (
    # In this order they stand in the line of keys, and the end of it goes first where that is short.
    Action("picker-open", "enter", "open_entry", "open", "Enter the folder, or add the file", FOLDERS),
    Action("picker-mark", "space", "toggle_mark", "mark", "Mark it, and go on to the next", MARK),
    Action("picker-add", "A", "add_marked", "add", "Add what is marked, or what is under the cursor", MARK),
    Action("picker-leave", "escape,q", "leave", "leave", "Leave without adding", ANSWER),
    # What is typed at once after these must find the field and never the hot keys, as with add-paths.
    Action("picker-filter", "/", "open_filter", "filter", "Show only names with this in them", VIEW, priority=True),
    Action("picker-path", "g", "type_path", "path", "Type a path to go to, with completion", FOLDERS, priority=True),
    Action("picker-home", "~", "type_path('~/')", "home", "Type a path in the home folder", FOLDERS, False, True),
    Action("picker-places", "p", "show_places", "places", "Home, Pictures, last used, mounted drives", FOLDERS),
    Action("picker-sort", "o", "next_order", "sort", "Sort by the next order: name, date, size, type", VIEW),
    Action("picker-everything", "m", "toggle_everything", "all files", "Show all files, or media only", VIEW),
    Action("picker-hidden", ".", "toggle_hidden", "hidden", "Show hidden files and folders, too", VIEW),
    Action("picker-count", "c", "count_folder", "count", "Count what is in the folder", FOLDERS),
    _hidden("picker-range", "V", "mark_range", "range", "Begin a range of marks, or end it", MARK),
    _hidden("picker-mark-all", "*", "mark_all", "mark all", "Mark all that is shown, or none", MARK),
    _hidden("picker-enter", "right,l", "enter_folder", "enter", "Enter the folder", FOLDERS),
    _hidden("picker-up", "left,h,backspace", "leave_folder", "up", "To the folder above", FOLDERS),
    _hidden("picker-read-again", "r,f5", "read_again", "read again", "Read the folder again", FOLDERS),
)

FILE_LIST = _cursor("picker-cursor")

FILTER_FIELD = (
    Action("picker-filter-done", "enter", "submit", "to the list", "To the list of what is left", ANSWER),
    _hidden("picker-filter-up", "up", "move(-1)", "up", "One up in the list", MOVE),
    _hidden("picker-filter-down", "down", "move(1)", "down", "One down in the list", MOVE),
    Action("picker-filter-clear", "escape", "close_field", "show all", "Show all again", ANSWER),
)

GO_FIELD = (
    Action("picker-path-go", "enter", "submit", "go", "Go to this path", ANSWER),
    Action("picker-path-complete", "tab", "complete", "complete", "Complete the path", ANSWER),
    Action("picker-path-close", "escape", "close_field", "close", "Back to the list", ANSWER),
)

PLACE_LIST = (
    Action("picker-place-go", "enter,right,l", "select", "go", "Go to this place", ANSWER),
    _hidden("picker-place-down", "down,j", "cursor_down", "down", "One down", MOVE),
    _hidden("picker-place-up", "up,k", "cursor_up", "up", "One up", MOVE),
    Action("picker-place-back", "escape,left,h,p,q", "back", "back", "Back to the list", ANSWER),
)

FILTER_SCREEN = (Action("leave-filter", "escape", "decline", "back", "Leave everything as it is", ANSWER),)

CONFIRM_SCREEN = (
    Action("agree", "y", "agree", "yes", "Yes, do it", ANSWER),
    Action("decline", "enter,escape,n", "decline", "no", "No, leave it", ANSWER),
    # A question hides the keys of the app; pressed once more, these mean it.
    _hidden("quit-question", "ctrl+q,ctrl+c", "app.quit", "quit", "Quit all the same", ANSWER),
)

OVERWRITE_SCREEN = (
    Action("overwrite-all", "y", "overwrite_all", "all", "Describe all anew", ANSWER),
    Action("overwrite-others", "o", "overwrite_others", "only the others", "Leave what was edited by hand", ANSWER),
    Action("overwrite-none", "enter,escape,n", "overwrite_none", "none", "Leave them all", ANSWER),
)

EDIT_SCREEN = (
    # In a plain terminal Ctrl+S stops the output; where something on the way keeps it, there is F2.
    Action("save-description", "f2,ctrl+s", "save_description", "save", "Save, and have it embedded", ANSWER),
    Action("edit-in-editor", "f4", "edit_in_editor", "editor", "Go on in $VISUAL or $EDITOR", ANSWER),
    Action("leave-edit", "escape", "leave_edit", "leave", "Leave; asks where something was changed", ANSWER),
)

ASK_FIELD = (
    Action("ask-done", "enter", "submit", "do it", "Do it", ANSWER),
    Action("complete-ask", "tab", "complete_ask", "complete", "Take the first completion", ANSWER),
    Action("leave-ask", "escape", "leave_ask", "leave", "Leave everything as it is", ANSWER),
)

TRASH_SCREEN = (
    Action("delete-forever", "x", "delete_forever", "delete for ever", "Delete it for ever, after asking", ACT),
    Action("empty-trash", "X", "empty_trash", "empty", "Delete all of it for ever, after asking", ACT),
    Action("trash-back", "escape,q,T", "go_back", "back", "Back to the table", MOVE),
)

TRASH_LIST = (
    Action("restore-upload", "enter,r", "select", "bring back", "Bring it back as it was", ACT),
    *_cursor("trash"),
)

SAVED_SCREEN = (
    Action("forget-search", "x", "forget_search", "forget", "Forget it, or end the album; what is in it stays", FIND),
    Action("leave-saved", "escape,q,B", "leave_saved", "back", "Back to the table", MOVE),
)

SAVED_LIST = (
    Action("run-saved", "enter", "select", "search", "Search for it", FIND),
    *_cursor("saved"),
)

DUPLICATES_SCREEN = (
    Action("keep-chosen", "enter", "keep_chosen", "keep it", "Keep it, and move the others to the trash", ACT),
    Action("next-choice", "right,l,down,j", "move_choice(1)", "choose", "Keep the next one instead", MOVE),
    _hidden("previous-choice", "left,h,up,k", "move_choice(-1)", "choose", "Keep the one before instead", MOVE),
    Action("next-group", "n", "move_group(1)", "next group", "The next group", MOVE),
    Action("previous-group", "p", "move_group(-1)", "group before", "The group before", MOVE),
    Action("duplicates-back", "escape,q,W", "go_back", "back", "Back to the table", MOVE),
)

STATS_SCREEN = (
    Action("count-again", "r", "count_again", "count again", "Count everything again", VIEW),
    *_reading("stats"),
    Action("stats-back", "escape,q,#", "go_back", "back", "Back to the table", MOVE),
)

FAILURES_SCREEN = (
    Action("failures-back", "escape,q,F", "go_back", "back", "Cancel the pull; back to the table", MOVE),
)

FAILURE_LIST = (
    Action("retry-failures", "enter,r", "select", "retry", "Retry all of the group, after pulling its model", ACT),
    *_cursor("failures"),
)

DESCRIPTIONS_SCREEN = (
    _hidden("descriptions-read-on", "space,right,l", "scroll_texts(1)", "read on", "The texts a screen down", MOVE),
    _hidden("descriptions-read-back", "left,h", "scroll_texts(-1)", "read back", "The texts a screen up", MOVE),
    Action("descriptions-back", "escape,q,D", "go_back", "back", "Back to the table", MOVE),
)

DESCRIPTION_LIST = (
    Action("choose-description", "enter", "select", "make current", "Have it in the place of the current one", ACT),
    *_cursor("descriptions"),
)

DOCTOR_SCREEN = (
    Action("doctor-copy", "y", "copy_lines", "copy lines", "Copy the lines that are to be added to a file", ACT),
    Action("doctor-again", "r", "look_again", "look again", "Examine everything again", ACT),
    *_reading("doctor"),
    Action("doctor-back", "escape,q,!", "go_back", "back", "Back to the screen before", MOVE),
)

LOG_SCREEN = (
    Action("only-errors", "e", "toggle_errors", "only errors", "Show only errors, or everything again", VIEW),
    *_reading("log"),
    Action("log-back", "escape,q,L", "go_back", "back", "Back to the screen before", MOVE),
)

HELP_SCREEN = (
    *_reading("help"),
    Action("help-back", "escape,q,?,enter", "go_back", "back", "Back to the screen before", MOVE),
)

PLACES = (
    Place("The list of uploads", UPLOADS_SCREEN + UPLOAD_TABLE),
    Place("The gallery", GALLERY),
    Place("Everywhere", APP),
    Place("One upload on the whole screen", DETAIL_SCREEN),
    Place("The field for paths", PATH_FIELD),
    Place("The search line", SEARCH_FIELD),
    Place("The choice of a filter", FILTER_SCREEN),
    Place("The picker", PICKER_SCREEN + FILE_LIST),
    Place("The picker's filter", FILTER_FIELD),
    Place("The picker's path", GO_FIELD),
    Place("The picker's places", PLACE_LIST),
    Place("A question", CONFIRM_SCREEN),
    Place("The question about descriptions edited by hand", OVERWRITE_SCREEN),
    Place("The descriptions of an upload", DESCRIPTIONS_SCREEN + DESCRIPTION_LIST),
    Place("Editing a description", EDIT_SCREEN),
    Place("A line to type", ASK_FIELD),
    Place("The trash", TRASH_SCREEN + TRASH_LIST),
    Place("The saved searches and albums", SAVED_SCREEN + SAVED_LIST),
    Place("The duplicates", DUPLICATES_SCREEN),
    Place("The statistics", STATS_SCREEN),
    Place("The failures", FAILURES_SCREEN + FAILURE_LIST),
    Place("The doctor", DOCTOR_SCREEN),
    Place("The log", LOG_SCREEN),
    Place("The help", HELP_SCREEN),
)

_KEY_NAMES = {
    "pageup": "Page Up",
    "pagedown": "Page Down",
    "escape": "Esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "slash": "/",
    "question_mark": "?",
    "asterisk": "*",
    "plus": "+",
    "minus": "-",
    "comma": "comma",
    "full_stop": ".",
    "exclamation_mark": "!",
    "tilde": "~",
    "number_sign": "#",
}


def all_actions() -> Iterator[Action]:
    """Every action, each id once."""
    for place in PLACES:
        yield from place.actions


def key_words(key: str) -> str:
    """A key as a person calls it: Ctrl+P, Page Up, d."""
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    name = _KEY_NAMES.get(last) or (last if len(last) == 1 else last.replace("_", " ").capitalize())
    if modifiers:
        name = name.upper() if len(name) == 1 else name
    return "+".join([*(modifier.capitalize() for modifier in modifiers), name])


def keys_table() -> str:
    """The keys of every place as tables in Markdown, for the README."""
    parts = []
    for place in PLACES:
        lines = [f"**{place.title}**", "", "| key | does | id |", "|---|---|---|"]
        for action in place.actions:
            keys = " ".join(f"`{key_words(key)}`" for key in action.keys.split(","))
            lines.append(f"| {keys} | {action.description} | `{action.id}` |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
