"""The actions of each place as Textual's bindings. Their ids are what a keymap in the settings may rename."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from vuemantics_tui.ui import actions
from vuemantics_tui.ui.actions import Action


def bindings_of(place: Iterable[Action]) -> list[BindingType]:
    """The actions as bindings."""
    return [
        Binding(
            action.keys,
            action.action,
            action.label,
            show=action.shown,
            key_display=action.shown_as or None,
            priority=action.priority,
            tooltip=action.description,
            id=action.id,
        )
        for action in place
    ]


APP = bindings_of(actions.APP)
UPLOADS_SCREEN = bindings_of(actions.UPLOADS_SCREEN)
UPLOAD_TABLE = bindings_of(actions.UPLOAD_TABLE)
GALLERY = bindings_of(actions.GALLERY)
DETAIL_SCREEN = bindings_of(actions.DETAIL_SCREEN)
PATH_FIELD = bindings_of(actions.PATH_FIELD)
SEARCH_FIELD = bindings_of(actions.SEARCH_FIELD)
FILTER_SCREEN = bindings_of(actions.FILTER_SCREEN)
CONFIRM_SCREEN = bindings_of(actions.CONFIRM_SCREEN)
LOG_SCREEN = bindings_of(actions.LOG_SCREEN)
HELP_SCREEN = bindings_of(actions.HELP_SCREEN)
PICKER_SCREEN = bindings_of(actions.PICKER_SCREEN)
FILE_LIST = bindings_of(actions.FILE_LIST)
FILTER_FIELD = bindings_of(actions.FILTER_FIELD)
GO_FIELD = bindings_of(actions.GO_FIELD)
PLACE_LIST = bindings_of(actions.PLACE_LIST)
OVERWRITE_SCREEN = bindings_of(actions.OVERWRITE_SCREEN)
EDIT_SCREEN = bindings_of(actions.EDIT_SCREEN)
FAILURES_SCREEN = bindings_of(actions.FAILURES_SCREEN)
FAILURE_LIST = bindings_of(actions.FAILURE_LIST)
DESCRIPTIONS_SCREEN = bindings_of(actions.DESCRIPTIONS_SCREEN)
DESCRIPTION_LIST = bindings_of(actions.DESCRIPTION_LIST)
DOCTOR_SCREEN = bindings_of(actions.DOCTOR_SCREEN)
ASK_FIELD = bindings_of(actions.ASK_FIELD)
TRASH_SCREEN = bindings_of(actions.TRASH_SCREEN)
TRASH_LIST = bindings_of(actions.TRASH_LIST)
SAVED_SCREEN = bindings_of(actions.SAVED_SCREEN)
SAVED_LIST = bindings_of(actions.SAVED_LIST)
DUPLICATES_SCREEN = bindings_of(actions.DUPLICATES_SCREEN)
STATS_SCREEN = bindings_of(actions.STATS_SCREEN)
