"""What commands share: the flags, the exit codes, and the settings of a call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vuemantics_tui.cli.output import warn_of
from vuemantics_tui.config import Settings, choices, own_choices
from vuemantics_tui.domain.errors import UsageError

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130
EXIT_CODES = "Exit codes: 0 success, 1 something failed, 2 wrong usage, 130 interrupted."

# How long commands wait for a server that is offline.
PATIENCE_SECONDS = 60.0
_FLAGS = ("library", "analyzer", "graphics", "cluster")

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


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


library_option: Decorator = click.option(
    "--library",
    type=click.Path(path_type=Path, file_okay=False),
    expose_value=False,
    callback=_remember,
    help="Folder of the library. [env: VUEMANTICS_LIBRARY]",
)
"""`--library DIR`, for the group and for every command alike."""

analyzer_option: Decorator = click.option(
    "--analyzer",
    type=AnalyzerName("analyzer"),
    expose_value=False,
    callback=_remember,
    help="Analyzer for this command only. [env: VUEMANTICS_ANALYZER]",
)
"""`--analyzer NAME`, for the group and for every command that describes or embeds."""

graphics_option: Decorator = click.option(
    "--graphics",
    type=click.Choice(own_choices("graphics")),
    expose_value=False,
    callback=_remember,
    help="How the app shows pictures. [env: VUEMANTICS_GRAPHICS]",
)
"""`--graphics NAME`, for the group and for the commands that open the app."""

cluster_option: Decorator = click.option(
    "--cluster",
    metavar="ADDRESS",
    expose_value=False,
    callback=_remember,
    help="Dask scheduler whose workers do the heavy work: tcp://scheduler:8786. [env: VUEMANTICS_CLUSTER]",
)
"""`--cluster ADDRESS`, for the group and for every command that processes uploads."""

patience_option: Decorator = click.option(
    "--patience",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help=f"Give up when a server is offline for this long. [default: {PATIENCE_SECONDS:.0f}]",
)
"""`--patience SECONDS`, for every command that waits for uploads; None where it is not given."""

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
"""`--json`, for every command that prints uploads."""

hidden_option: Decorator = click.option("--hidden", is_flag=True, help="Include hidden uploads.")
alone_option: Decorator = click.option(
    "--alone", is_flag=True, help="Only the uploads you name, not the rest of their stacks."
)
members_option: Decorator = click.option("--members", is_flag=True, help="Also list what is inside stacks.")
yes_option: Decorator = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
no_wait_option: Decorator = click.option("--no-wait", is_flag=True, help="Queue the work and return at once.")


def patience_of(given: float | None) -> float:
    """Return how many seconds to wait for a server that is offline."""
    return PATIENCE_SECONDS if given is None else given


def lists(context: click.Context, as_json: bool) -> bool:
    """Return whether a group was called without a subcommand, which lists. Raises UsageError."""
    if as_json and context.invoked_subcommand is not None:
        raise UsageError(
            f"--json goes with the list, not with {context.invoked_subcommand}",
            f"See: {context.command_path} {context.invoked_subcommand} --help",
        )
    return context.invoked_subcommand is None


def ask(question: str, refusal: str) -> None:
    """Ask on the terminal. Raises UsageError with the refusal where there is no terminal, and Abort for a no."""
    if not sys.stdin.isatty():
        raise UsageError(refusal, "To go ahead without a question, add --yes.")
    # The prompt may block the event loop: nothing else runs in it.
    click.confirm(question, abort=True, err=True)


def current_settings(*, warn: bool = True) -> Settings:
    """Return the settings of this call: flags override the environment, which overrides the file. Raises UsageError.

    What is wrong in the file is printed on stderr, unless the command shows it in a way of its own (`warn` False).
    """
    given = click.get_current_context().find_root().meta
    settings = Settings.load({name: given.get(_key(name)) for name in _FLAGS})
    if warn:
        warn_of(settings.problems)
    return settings
