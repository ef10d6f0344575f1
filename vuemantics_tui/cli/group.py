"""The command group: a library option that may stand anywhere, and paths that open the app."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vuemantics_tui.cli.output import warn_of
from vuemantics_tui.config import Settings, choices, own_choices
from vuemantics_tui.domain.errors import UsageError

APP_COMMAND = "app"
# How long commands wait for a server that is away.
PATIENCE_SECONDS = 60.0
_FLAGS = ("library", "analyzer")


def _key(name: str | None) -> str:
    return f"vuemantics_tui.{name}"


def _remember(context: click.Context, parameter: click.Parameter, value: Path | str | None) -> None:
    if value is not None:
        context.find_root().meta[_key(parameter.name)] = value


class AnalyzerName(click.Choice[str]):
    """A value of the setting `analyzer` or `embedder`. Analyzers of other packages are looked for if it is not ours."""

    def __init__(self, setting: str, *, default: bool = True) -> None:
        self._setting = setting
        super().__init__(own_choices(setting) if default else own_choices(setting)[1:])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name. Fails with all that there are."""
        if value not in self.choices:
            self.choices = (*self.choices, *(name for name in choices(self._setting) if name not in self.choices))
        return super().convert(value, param, ctx)


library_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--library",
    type=click.Path(path_type=Path, file_okay=False),
    expose_value=False,
    callback=_remember,
    help="The folder of the library (also: VUEMANTICS_LIBRARY).",
)
"""`--library DIR`, for the group and for every command alike."""

analyzer_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--analyzer",
    type=AnalyzerName("analyzer"),
    expose_value=False,
    callback=_remember,
    help="The analyzer of this run (also: VUEMANTICS_ANALYZER).",
)
"""`--analyzer NAME`, for the group and for every command that describes or embeds."""

patience_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--patience",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help=f"How long to wait for a server that is away ({PATIENCE_SECONDS:.0f}).",
)
"""`--patience SECONDS`, for every command that waits for uploads; None where it is not given."""


def patience_of(given: float | None) -> float:
    """How many seconds to wait for a server that is away, where nothing else is said."""
    return PATIENCE_SECONDS if given is None else given


json_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line."
)
"""`--json`, for every command that prints uploads."""


def lists(context: click.Context, as_json: bool) -> bool:
    """Whether a group that lists by itself was called without a command of its own. Raises UsageError."""
    if as_json and context.invoked_subcommand is not None:
        raise UsageError(
            f"--json goes with the list, not with {context.invoked_subcommand}",
            f"See: {context.command_path} {context.invoked_subcommand} --help",
        )
    return context.invoked_subcommand is None


def current_settings(*, warn: bool = True) -> Settings:
    """The settings of this call: flags before environment before file. Raises UsageError.

    What is wrong in the file is told on stderr, unless the command tells it in a way of its own (`warn` False).
    """
    given = click.get_current_context().find_root().meta
    settings = Settings.load({name: given.get(_key(name)) for name in _FLAGS})
    if warn:
        warn_of(settings.problems)
    return settings


class PathOrCommandGroup(click.Group):
    """A group whose first word may be a path: then, or without any word, the app opens."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if not ctx.protected_args and not ctx.args and not ctx.resilient_parsing:
            ctx._protected_args = [APP_COMMAND]
        return rest

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word not in self.commands and not word.startswith("-"):
            if not os.path.lexists(word):
                raise click.UsageError(self._unknown(word), ctx)
            return super().resolve_command(ctx, [APP_COMMAND, *args])
        return super().resolve_command(ctx, args)

    def _unknown(self, word: str) -> str:
        shown = [name for name, command in self.commands.items() if not command.hidden]
        nearest = difflib.get_close_matches(word, shown, 1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Commands: {', '.join(sorted(shown))}."
        return f"There is no command and no file called {word!r}. {hint}"
