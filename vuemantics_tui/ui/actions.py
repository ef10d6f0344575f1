"""Actions: what a key does, declared once on the class that does it.

A class lists its actions as its `BINDINGS`. Footer, help, palette, the settings' key map and the tables of keys in the
documentation are made of these declarations. Beside them a class may say:

- `HELP_TITLE`: what the help calls this part of the program;
- `HELP_SIGNS`: that the help explains the signs of the uploads' states, too;
- `PARTS`: on a screen, the classes of the widgets on it that have actions of their own;
- `AROUND`: on a screen, the classes of what stands around all of it, whose actions work in every part.
"""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.worker import Worker

from vuemantics_tui.ui.textual_private import keymap_of

ACT = "Uploads"
FIND = "Find"
VIEW = "View"
MARK = "Marks"
QUEUE = "Queue"
MOVE = "Move"
PROGRAM = "Program"
ANSWER = "Answers"
FOLDERS = "Folders"

_PACKAGE = "vuemantics_tui.ui"
# It stands on POSIX terminals alone, and has no keys.
_WITHOUT_KEYS = f"{_PACKAGE}.driver"
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
    "circumflex_accent": "^",
    "ampersand": "&",
    "percent_sign": "%",
    "minus": "-",
    "comma": "comma",
    "full_stop": ".",
    "exclamation_mark": "!",
    "greater_than_sign": ">",
    "equals_sign": "=",
    "at": "@",
    "vertical_line": "|",
    "tilde": "~",
    "number_sign": "#",
}


@dataclass(frozen=True)
class Action(Binding):
    """A binding that says where the help lists it. `description` is its word in the footer, `tooltip` a sentence."""

    help_group: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The default keys, as Textual calls them."""
        return tuple(normal_key(key) for key in self.key.split(","))


_declared: dict[str, Action] = {}


def action(
    id: str,
    keys: str,
    does: str,
    label: str,
    words: str,
    group: str,
    *,
    shown: bool = True,
    priority: bool = False,
    shown_as: str = "",
) -> Action:
    """Declare an action: `keys` by comma, `does` as Textual calls it, `label` a word or two, `words` a line.

    Those `shown` stand in the footer, with `shown_as` in place of the first key; those with `priority` act before the
    focused widget sees the key. The settings' key map knows the action by its `id`.
    """
    declared = Action(
        key=keys,
        action=does,
        description=label,
        show=shown,
        key_display=shown_as or None,
        priority=priority,
        tooltip=words,
        id=id,
        help_group=group,
    )
    if id in _declared:
        raise ValueError(f"two actions are called {id}")
    _declared[id] = declared
    return declared


def hidden(id: str, keys: str, does: str, label: str, words: str, group: str, *, priority: bool = False) -> Action:
    """Declare an action that the footer does not show."""
    return action(id, keys, does, label, words, group, shown=False, priority=priority)


SHOW_HELP = action("show-help", "?", "app.show_help", "help", "Explain the keys that work here", PROGRAM)
"""Of the app, and of every question and menu in which nothing is typed: those hide the app's own keys."""
QUIET_HELP = replace(SHOW_HELP, show=False)
"""The same where the line of keys has no room for it."""


def action_of(binding: Binding) -> Action | None:
    """Return the action that a binding was made of: Textual keeps no more of it than the fields of its own."""
    return _declared.get(binding.id or "")


def actions_of(owner: type[DOMNode]) -> tuple[Action, ...]:
    """Return the actions that a class declares or inherits, its own first."""
    found = [
        _declared[binding.id or ""]
        for base in owner.__mro__
        for binding in base.__dict__.get("BINDINGS", ())
        if isinstance(binding, Action)
    ]
    return tuple(dict.fromkeys(found))


Node = TypeVar("Node", bound=DOMNode)
Arguments = ParamSpec("Arguments")
Begun = Callable[Concatenate[Node, Arguments], Coroutine[Any, Any, None]]


def lasting(method: Begun[Node, Arguments]) -> Callable[Concatenate[Node, Arguments], Worker[None]]:
    """Make a method a worker of the app: what a key began is done, although its screen is left in the meantime.

    A worker of a screen is cancelled with it, and its transaction rolled back.
    """

    @functools.wraps(method)
    def begin(node: Node, /, *arguments: Arguments.args, **options: Arguments.kwargs) -> Worker[None]:
        run = functools.partial(method, node, *arguments, **options)
        return node.app.run_worker(run, name=method.__name__, group="acting", exit_on_error=False)

    return begin


# All of the program


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the program with keys of its own, as the documentation lists them."""

    title: str
    actions: tuple[Action, ...]


def parts_of(screen: type[DOMNode]) -> tuple[type[DOMNode], ...]:
    """Return the classes of the widgets with keys of their own that a screen declares."""
    return tuple(getattr(screen, "PARTS", ()))


def around(screen: type[DOMNode]) -> tuple[type[DOMNode], ...]:
    """Return the classes of what stands around all the parts of a screen."""
    return tuple(getattr(screen, "AROUND", ()))


def actions_on(screen: type[DOMNode]) -> tuple[Action, ...]:
    """Return the actions that work in every part of a screen: its own, and those of what stands around its parts."""
    return tuple(each for owner in (screen, *around(screen)) for each in actions_of(owner))


def help_title(owner: type[DOMNode]) -> str:
    """Return what the help calls a part of the program, or an empty text."""
    return str(getattr(owner, "HELP_TITLE", ""))


def owners() -> list[type[DOMNode]]:
    """Return every class of the program that has actions, by module and name. Imports all of them."""
    package = import_module(_PACKAGE)
    for module in pkgutil.walk_packages(package.__path__, f"{_PACKAGE}."):
        if module.name != _WITHOUT_KEYS:
            import_module(module.name)
    found = (owner for owner in _subclasses(DOMNode) if owner.__module__.startswith(f"{_PACKAGE}."))
    with_keys = (owner for owner in found if actions_of(owner) or any(actions_of(part) for part in parts_of(owner)))
    return sorted(dict.fromkeys(with_keys), key=lambda owner: (owner.__module__, owner.__qualname__))


def all_actions() -> list[Action]:
    """Return every action of the program. Imports every screen."""
    return list(dict.fromkeys(found for owner in owners() for found in actions_of(owner)))


def places() -> list[Place]:
    """Return every part of the program with its actions: what has most keys first, each followed by its parts."""
    found: list[list[Place]] = []
    for owner in owners():
        if issubclass(owner, App | Screen) and help_title(owner):
            untitled = [part for part in parts_of(owner) if not help_title(part)]
            inside = [each for part in untitled for each in actions_of(part)]
            titled = [Place(help_title(part), actions_of(part)) for part in parts_of(owner) if help_title(part)]
            found.append([Place(help_title(owner), (*actions_on(owner), *inside)), *titled])
    found.sort(key=lambda places: -len(places[0].actions))
    return [place for places in found for place in places]


def is_field(owner: type[DOMNode]) -> bool:
    """Tell whether a widget of this class takes letters as text."""
    from textual.widgets import Input, TextArea

    return issubclass(owner, Input | TextArea)


def keys_table() -> str:
    """Return the keys of every part of the program as tables in Markdown."""
    parts = []
    for place in places():
        lines = [f"**{place.title}**", "", "| key | does | id |", "|---|---|---|"]
        for each in place.actions:
            keys = " ".join(f"`{key_words(key)}`" for key in each.key.split(","))
            lines.append(f"| {keys} | {each.tooltip} | `{each.id}` |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _subclasses(owner: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for each in owner.__subclasses__():
        yield each
        yield from _subclasses(each)


# Keys


def normal_key(key: str) -> str:
    """Return a key as Textual calls it: question_mark for ?."""
    return next(iter(Binding.make_bindings([Binding(key, "")]))).key


def key_words(key: str) -> str:
    """Return a key as a person calls it: Ctrl+P, Page Up, d."""
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    name = _KEY_NAMES.get(last) or (last if len(last) == 1 else last.replace("_", " ").capitalize())
    if modifiers:
        name = name.upper() if len(name) == 1 else name
    return "+".join([*(modifier.capitalize() for modifier in modifiers), name])


def keys_of(declared: Action, app: App[Any]) -> tuple[str, ...]:
    """Return the keys that an action has in this app, as Textual calls them."""
    chosen = keymap_of(app).get(declared.id or "")
    return declared.keys if chosen is None else tuple(normal_key(key) for key in chosen.split(","))


def key_of(pump: MessagePump, id: str) -> str:
    """Return the key to press for an action, as a person calls it, with the settings' key map. For messages.

    `pump` is the app, or a screen or widget of it.
    """
    if id not in _declared:
        # Declared on a screen that was not opened yet.
        owners()
    return key_words(keys_of(_declared[id], pump.app)[0])
