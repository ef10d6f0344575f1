"""The actions available at the moment, for the palette and the help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.app import App
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen

from vuemantics_tui.domain.text import ago_words
from vuemantics_tui.ui.actions import MOVE, PROGRAM, Action, action_of, actions_of, key_words, keys_of
from vuemantics_tui.ui.choices import SettingChosen
from vuemantics_tui.ui.keymap import types_a_character
from vuemantics_tui.ui.textual_private import bindings_of, is_enabled, keymap_of
from vuemantics_tui.ui.themes import THEMES

if TYPE_CHECKING:
    from vuemantics_tui.ui.app import VuemanticsApp

BACK_UP = "Back up the library"
_OUR_THEMES = [theme.name for theme in THEMES]


@dataclass(frozen=True, slots=True)
class Reachable:
    """An action that the screen offers: on which node it runs, and with which keys just now, if any."""

    action: Action
    node: DOMNode
    keys: tuple[str, ...]

    @property
    def key_words(self) -> str:
        """The keys as a person calls them."""
        return " ".join(key_words(key) for key in self.keys)


def reachable(screen: Screen[Any]) -> list[Reachable]:
    """Return what can be done on a screen, from the focused part outwards, in the order of its declarations."""
    app = screen.app
    keymap = keymap_of(app)

    def offered(node: DOMNode, action: Action) -> bool:
        return not screen.is_modal or node is not app or action.priority

    found: list[Reachable] = []
    taken: set[str] = set()
    in_field = False
    for node in _nodes(screen):
        keys: dict[Action, list[str]] = {action: [] for action in actions_of(type(node)) if offered(node, action)}
        bound = set()
        for key, binding in bindings_of(node):
            action = action_of(binding)
            for each in keymap.get(binding.id or "", key).split(","):
                bound.add(each)
                if (
                    action in keys
                    and (binding.priority or each not in taken)
                    and not (in_field and types_a_character(each))
                ):
                    keys[action].append(each)
        found += [
            Reachable(action, node, tuple(key for key in keys_of(action, app) if key in its_keys))
            for action, its_keys in keys.items()
            if is_enabled(app, action.action, node)
        ]
        taken |= bound
        in_field = in_field or node.check_consume_key("a", "a")
    return found


def most_wanted_first(offered: Iterable[Reachable]) -> list[Reachable]:
    """Put actions that start a task first, movement and app-wide actions last."""
    return sorted(
        offered,
        key=lambda entry: (
            (entry.action.help_group == PROGRAM) * 2 + (entry.action.help_group == MOVE),
            entry.action.help_group != PROGRAM and not entry.action.priority,
        ),
    )


def _nodes(screen: Screen[Any]) -> list[DOMNode]:
    return list((screen.focused or screen).ancestors_with_self)


class ActionsProvider(Provider):
    """Offers every action by name, with its description and its key, and every theme."""

    def _entries(self) -> Iterator[Reachable]:
        seen = {"command_palette"}
        for entry in most_wanted_first(reachable(self.screen)):
            if entry.action.action not in seen:
                seen.add(entry.action.action)
                yield entry

    async def discover(self) -> Hits:
        """Yield everything while nothing is typed."""
        for entry in self._entries():
            name = _name(entry)
            yield DiscoveryHit(_with_key(Content(name), entry), self._run(entry), name, entry.action.tooltip)
        yield DiscoveryHit(BACK_UP, self._back_up(), BACK_UP, await self._last_backup())
        yield DiscoveryHit("Theme", self.app.search_themes, "Theme", "Change the colours, with a live preview")

    async def search(self, query: str) -> Hits:
        """Yield what matches the typed words."""
        matcher = self.matcher(query)
        for entry in self._entries():
            name = _name(entry)
            score = max(matcher.match(name), matcher.match(entry.action.tooltip))
            if score > 0:
                shown = _with_key(matcher.highlight(name), entry)
                yield Hit(score, shown, self._run(entry), name, entry.action.tooltip)
        if (score := max(matcher.match(BACK_UP), matcher.match("backup"))) > 0:
            yield Hit(score, matcher.highlight(BACK_UP), self._back_up(), BACK_UP, await self._last_backup())
        for theme in _themes(self.app):
            name = f"Theme: {theme}"
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), ThemeChoice(self.app, theme), name, "Other colours")

    def _back_up(self) -> partial[Any]:
        return partial(self.app.run_action, "app.back_up")

    async def _last_backup(self) -> str:
        """Say when the library was backed up last."""
        copies = await cast("VuemanticsApp", self.app).library.backups.own()
        return f"Last backup: {ago_words(copies[0].moment, datetime.now(UTC))}" if copies else "No backup yet"

    def _run(self, entry: Reachable) -> partial[Any]:
        return partial(self.app.run_action, entry.action.action, entry.node)


def _name(entry: Reachable) -> str:
    return entry.action.description[0].upper() + entry.action.description[1:]


def _with_key(name: Content, entry: Reachable) -> Content:
    return Content.assemble(name, "  ", (entry.key_words, "not bold"))


@dataclass(frozen=True, slots=True)
class ThemeChoice:
    """Chooses a theme when it is called, also for the next start. The app previews it before."""

    app: App[Any]
    theme: str

    def __call__(self) -> None:
        """Choose the theme."""
        self.app.theme = self.theme
        self.app.post_message(SettingChosen("theme", self.theme))


class ThemesProvider(Provider):
    """Offers every theme: first the one that is chosen, then ours."""

    async def discover(self) -> Hits:
        """Yield all of them."""
        for theme in _themes(self.app):
            yield DiscoveryHit(theme, ThemeChoice(self.app, theme), theme)

    async def search(self, query: str) -> Hits:
        """Yield those that match the typed letters."""
        matcher = self.matcher(query)
        for theme in _themes(self.app):
            if (score := matcher.match(theme)) > 0:
                yield Hit(score, matcher.highlight(theme), ThemeChoice(self.app, theme), theme)


def _themes(app: App[Any]) -> list[str]:
    return sorted(app.available_themes, key=lambda theme: (theme != app.theme, theme not in _OUR_THEMES, theme))
