"""The keys chosen in the settings, checked: mistakes are named, and the rest works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from textual.app import App
from textual.keys import Keys, key_to_character
from textual.screen import ModalScreen, Screen

from vuemantics_tui.ui.actions import (
    Action,
    actions_of,
    actions_on,
    all_actions,
    is_field,
    key_words,
    normal_key,
    owners,
    parts_of,
)

MODIFIERS = frozenset({"ctrl", "shift", "alt", "meta", "super", "hyper"})
# Quitting must stay possible whatever the settings say.
ALWAYS = "quit-anywhere"

KeyNames = tuple[str, ...]


class _WrongKeyError(ValueError):
    """Says what is wrong with a key, as the end of a sentence."""


def checked_keymap(chosen: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the keymap as Textual takes it, by the actions' ids, and in words what is wrong with the rest.

    Imports every screen where anything was chosen.
    """
    if not chosen:
        return {}, []
    defaults = {declared.id or "": declared.keys for declared in all_actions()}
    in_fields = set(_ids_in_fields())
    problems: list[str] = []
    taken: dict[str, KeyNames] = {}
    for id, text in chosen.items():
        if id not in defaults:
            nearest = get_close_matches(id, defaults, 1, cutoff=0.4)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            problems.append(f"keys: there is no action {id}{hint}")
            continue
        try:
            keys = _parsed(text, in_field=id in in_fields)
        except _WrongKeyError as wrong:
            problems.append(f"keys: {id} = {text!r}: {wrong}; it keeps {_words(defaults[id])}")
        else:
            taken[id] = keys + tuple(key for key in defaults[id] if key not in keys) if id == ALWAYS else keys
    while (clash := _first_clash(defaults, taken)) is not None:
        id, other, key = clash
        del taken[id]
        problems.append(f"keys: {key_words(key)} is already the key of {other}; {id} keeps {_words(defaults[id])}")
    return {id: ",".join(keys) for id, keys in taken.items()}, problems


def together() -> Iterator[tuple[Action, ...]]:
    """Yield the actions that can be pressed at the same time, and so must not share a key.

    That is, for each screen and each part of it that may be focused: what the part does, the screen and the app. In a
    field only what acts in fields.
    """
    in_app = [each for owner in owners() if issubclass(owner, App) for each in actions_of(owner)]
    anywhere = [each for each in in_app if each.priority]
    yield tuple(in_app)
    # Report a clash for the screen with the most keys: people know that one best.
    for owner in sorted(owners(), key=lambda owner: -len(actions_on(owner))):
        if not issubclass(owner, Screen):
            continue
        outside = anywhere if issubclass(owner, ModalScreen) else in_app
        fields = [part for part in parts_of(owner) if is_field(part)]
        others = [part for part in parts_of(owner) if not is_field(part)]
        for field in fields:
            yield (*actions_of(field), *(() if others else actions_on(owner)), *anywhere)
        for part in others:
            yield (*actions_of(part), *actions_on(owner), *outside)
        if not parts_of(owner):
            yield (*actions_on(owner), *outside)


def types_a_character(key: str) -> bool:
    """Tell whether the key, pressed in a field, is text."""
    character = key_to_character(normal_key(key))
    return character is not None and character.isprintable()


def _ids_in_fields() -> Iterator[str]:
    """Yield the ids of the actions that must work while one types."""
    for owner in owners():
        alone = bool(parts_of(owner)) and all(is_field(part) for part in parts_of(owner))
        for each in actions_of(owner):
            if is_field(owner) or alone or (issubclass(owner, App) and each.priority):
                yield each.id or ""


def _first_clash(defaults: Mapping[str, KeyNames], taken: Mapping[str, KeyNames]) -> tuple[str, str, str] | None:
    """Return the first chosen key that two have: whose choice it was, who else has it, the key."""
    keys_of = {**defaults, **taken}
    for group in together():
        for one, other in _pairs(group):
            a, b = one.id or "", other.id or ""
            # Some keys mean the same in a narrower place by default, such as q in the log: only chosen keys can clash.
            if (a in taken or b in taken) and one.action != other.action:
                shared = (set(keys_of[a]) & set(keys_of[b])) - (set(defaults[a]) & set(defaults[b]))
                if shared:
                    chooser, owner = (b, a) if b in taken else (a, b)
                    return chooser, owner, min(shared)
    return None


def _pairs(group: Sequence[Action]) -> Iterator[tuple[Action, Action]]:
    for index, one in enumerate(group):
        for other in group[index + 1 :]:
            yield one, other


def _parsed(text: str, *, in_field: bool) -> KeyNames:
    keys = tuple(dict.fromkeys(_known(key.strip()) for key in text.split(",") if key.strip()))
    if not keys:
        raise _WrongKeyError("not a key; the comma is called comma")
    if in_field and (typed := [key for key in keys if types_a_character(key)]):
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
        return normal_key(last.upper())
    if len(last) > 1:
        last = last.lower()
        names = {str(name.value) for name in Keys}
        if last not in names and key_to_character(last) is None:
            nearest = get_close_matches(last, names, 1)
            raise _WrongKeyError(f"there is no key {last}" + (f"; did you mean {nearest[0]}?" if nearest else ""))
    return "+".join([*modifiers, normal_key(last)])


def _words(keys: KeyNames) -> str:
    return " ".join(key_words(key) for key in keys)
