"""The keys that a person chose in the settings: checked, so that what is wrong is named and the rest works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from textual.binding import Binding
from textual.keys import Keys, key_to_character

from vuemantics_tui.ui import actions
from vuemantics_tui.ui.actions import Action, all_actions, key_words

MODIFIERS = frozenset({"ctrl", "shift", "alt", "meta", "super", "hyper"})
# Quitting must stay possible whatever the settings say.
ALWAYS = "quit-anywhere"
_ANYWHERE = tuple(action for action in actions.APP if action.priority)
# What can be pressed at the same time, and so must not share a key.
TOGETHER: tuple[tuple[Action, ...], ...] = (
    actions.UPLOADS_SCREEN + actions.UPLOAD_TABLE + actions.APP,
    actions.UPLOADS_SCREEN + actions.GALLERY + actions.APP,
    actions.DETAIL_SCREEN + actions.APP,
    actions.LOG_SCREEN + actions.APP,
    actions.HELP_SCREEN + _ANYWHERE,
    actions.PATH_FIELD + _ANYWHERE,
    actions.SEARCH_FIELD + _ANYWHERE,
    actions.FILTER_SCREEN + _ANYWHERE,
    actions.PICKER_SCREEN + actions.FILE_LIST + actions.APP,
    actions.FILTER_FIELD + _ANYWHERE,
    actions.GO_FIELD + _ANYWHERE,
    actions.PLACE_LIST + _ANYWHERE,
    actions.CONFIRM_SCREEN + _ANYWHERE,
    actions.OVERWRITE_SCREEN + _ANYWHERE,
    actions.EDIT_SCREEN + _ANYWHERE,
    actions.ASK_FIELD + _ANYWHERE,
    actions.TRASH_SCREEN + actions.TRASH_LIST + actions.APP,
    actions.SAVED_SCREEN + actions.SAVED_LIST + _ANYWHERE,
    actions.DUPLICATES_SCREEN + actions.APP,
    actions.STATS_SCREEN + actions.APP,
    actions.FAILURES_SCREEN + actions.FAILURE_LIST + actions.APP,
    actions.DESCRIPTIONS_SCREEN + actions.DESCRIPTION_LIST + actions.APP,
    actions.DOCTOR_SCREEN + actions.APP,
)
_IN_FIELDS = frozenset(
    action.id
    for action in (
        *actions.PATH_FIELD,
        *actions.SEARCH_FIELD,
        *actions.FILTER_FIELD,
        *actions.GO_FIELD,
        *actions.EDIT_SCREEN,
        *actions.ASK_FIELD,
        *_ANYWHERE,
    )
)

KeyNames = tuple[str, ...]


class _WrongKeyError(ValueError):
    """Says what is wrong with a key, as the end of a sentence."""


def checked_keymap(chosen: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The keymap as Textual takes it, by the actions' ids, and in words what of it cannot be had."""
    defaults = {action.id: tuple(_normal(key) for key in action.keys.split(",")) for action in all_actions()}
    problems: list[str] = []
    taken: dict[str, KeyNames] = {}
    for id, text in chosen.items():
        if id not in defaults:
            nearest = get_close_matches(id, defaults, 1, cutoff=0.4)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            problems.append(f"keys: there is no action {id}{hint}")
            continue
        try:
            keys = _parsed(id, text)
        except _WrongKeyError as wrong:
            problems.append(f"keys: {id} = {text!r}: {wrong}; {_words(defaults[id])} stays")
        else:
            taken[id] = keys + tuple(key for key in defaults[id] if key not in keys) if id == ALWAYS else keys
    while (clash := _first_clash(defaults, taken)) is not None:
        id, other, key = clash
        del taken[id]
        problems.append(f"keys: {key_words(key)} is the key of {other} already; {id} stays {_words(defaults[id])}")
    return {id: ",".join(keys) for id, keys in taken.items()}, problems


def keys_of(action: Action, keymap: Mapping[str, str]) -> list[str]:
    """The keys that an action has under this keymap, as Textual calls them."""
    return [_normal(key) for key in keymap.get(action.id, action.keys).split(",")]


def first_key(id: str, keymap: Mapping[str, str]) -> str:
    """The first key of the action with this ID, as a person calls it."""
    action = next(action for action in all_actions() if action.id == id)
    return key_words(keys_of(action, keymap)[0])


def types_a_character(key: str) -> bool:
    """Whether the key, pressed in a field, is text."""
    character = key_to_character(_normal(key))
    return character is not None and character.isprintable()


def _first_clash(defaults: Mapping[str, KeyNames], taken: Mapping[str, KeyNames]) -> tuple[str, str, str] | None:
    """The first chosen key that two have: whose choice it was, who else has it, the key."""
    for group in TOGETHER:
        for one, other in _pairs(group):
            # Some keys do the same in a narrower place by default, as q in the log: only what was chosen may clash.
            if (one.id in taken or other.id in taken) and one.action != other.action:
                shared = set(taken.get(one.id, defaults[one.id])) & set(taken.get(other.id, defaults[other.id]))
                shared -= set(defaults[one.id]) & set(defaults[other.id])
                if shared:
                    chooser, owner = (other, one) if other.id in taken else (one, other)
                    return chooser.id, owner.id, min(shared)
    return None


def _pairs(group: Sequence[Action]) -> Iterator[tuple[Action, Action]]:
    for index, one in enumerate(group):
        for other in group[index + 1 :]:
            yield one, other


def _parsed(id: str, text: str) -> KeyNames:
    keys = tuple(dict.fromkeys(_known(key.strip()) for key in text.split(",") if key.strip()))
    if not keys:
        raise _WrongKeyError("that is no key; the comma is called comma")
    if id in _IN_FIELDS and (typed := [key for key in keys if types_a_character(key)]):
        raise _WrongKeyError(f"in a field {key_words(typed[0])} is text")
    return keys


def _known(key: str) -> str:
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    for modifier in modifiers:
        if modifier.lower() not in MODIFIERS:
            raise _WrongKeyError(f"there is no key {modifier}+; it is one of {', '.join(sorted(MODIFIERS))}")
    modifiers = [modifier.lower() for modifier in modifiers]
    if len(last) == 1 and modifiers == ["shift"]:
        # No terminal sends it in this way.
        return _normal(last.upper())
    if len(last) > 1:
        last = last.lower()
        names = {str(name.value) for name in Keys}
        if last not in names and key_to_character(last) is None:
            nearest = get_close_matches(last, names, 1)
            raise _WrongKeyError(f"there is no key {last}" + (f"; did you mean {nearest[0]}?" if nearest else ""))
    return "+".join([*modifiers, _normal(last)])


def _normal(key: str) -> str:
    """The key as Textual calls it: question_mark for ?."""
    return next(iter(Binding.make_bindings([Binding(key, "")]))).key


def _words(keys: KeyNames) -> str:
    return " ".join(key_words(key) for key in keys)
