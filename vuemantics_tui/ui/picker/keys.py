"""Every key of the picker. The ids are what a keymap in the settings may rename."""

from __future__ import annotations

from textual.binding import Binding, BindingType

# In this order they stand in the last line, and the end of it goes first where that is short.
PICKER_SCREEN: list[BindingType] = [
    Binding("enter", "open_entry", "open", key_display="Enter", id="picker-open"),
    Binding("space", "toggle_mark", "mark", key_display="Space", id="picker-mark"),
    Binding("A", "add_marked", "add", id="picker-add"),
    Binding("escape,q", "leave", "leave", key_display="Esc", id="picker-leave"),
    # What is typed at once after these must find the field and never the hot keys: only a key with priority acts
    # before the next one is handed out.
    Binding("slash", "open_filter", "filter", priority=True, id="picker-filter"),
    Binding("g", "type_path", "path", priority=True, id="picker-path"),
    Binding("tilde", "type_path('~/')", "home", show=False, priority=True, id="picker-path-home"),
    Binding("p", "show_places", "places", id="picker-places"),
    Binding("o", "next_order", "sort", id="picker-sort"),
    Binding("m", "toggle_everything", "all files", id="picker-everything"),
    Binding("full_stop", "toggle_hidden", "hidden", id="picker-hidden"),
    Binding("c", "count_folder", "count", id="picker-count"),
    Binding("V", "mark_range", "range", show=False, id="picker-range"),
    Binding("asterisk", "mark_all", "all", show=False, id="picker-mark-all"),
    Binding("right,l", "enter_folder", "enter", show=False, id="picker-enter"),
    Binding("left,h,backspace", "leave_folder", "up", show=False, id="picker-up"),
    Binding("r,f5", "read_again", "read again", show=False, id="picker-read-again"),
]

FILE_LIST: list[BindingType] = [
    Binding("up,k", "cursor_up", "up", show=False, id="picker-cursor-up"),
    Binding("down,j", "cursor_down", "down", show=False, id="picker-cursor-down"),
    Binding("pageup", "page_up", "page up", show=False, id="picker-page-up"),
    Binding("pagedown", "page_down", "page down", show=False, id="picker-page-down"),
    Binding("home", "cursor_first", "first", show=False, id="picker-first"),
    Binding("end,G", "cursor_last", "last", show=False, id="picker-last"),
]

FILTER_FIELD: list[BindingType] = [
    Binding("enter", "submit", "to the list", key_display="Enter", id="picker-filter-done"),
    Binding("up", "move(-1)", "up", show=False, id="picker-filter-cursor-up"),
    Binding("down", "move(1)", "down", show=False, id="picker-filter-cursor-down"),
    Binding("escape", "close_field", "show all", key_display="Esc", id="picker-filter-clear"),
]

PATH_FIELD: list[BindingType] = [
    Binding("enter", "submit", "go", key_display="Enter", id="picker-path-go"),
    Binding("tab", "complete", "complete", key_display="Tab", id="picker-path-complete"),
    Binding("escape", "close_field", "close", key_display="Esc", id="picker-path-close"),
]

PLACE_LIST: list[BindingType] = [
    Binding("enter,right,l", "select", "go", key_display="Enter", id="picker-place-go"),
    Binding("down,j", "cursor_down", "down", show=False, id="picker-place-down"),
    Binding("up,k", "cursor_up", "up", show=False, id="picker-place-up"),
    Binding("escape,left,h,p,q", "back", "back", key_display="Esc", id="picker-place-back"),
]
