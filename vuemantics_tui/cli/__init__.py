"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

import vuemantics_tui
from vuemantics_tui.cli.options import (
    EXIT_CODES,
    INTERRUPTED,
    WRONG_USAGE,
    analyzer_option,
    cluster_option,
    graphics_option,
    library_option,
)
from vuemantics_tui.cli.output import ReaderGoneError, note
from vuemantics_tui.cli.session import Interrupted
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

APP_COMMAND = "app"
# Where each command is: its module, and its name in there.
_PLACES = {
    "add": "add:add",
    "analyzer": "analyzers:analyzer",
    APP_COMMAND: "app:app",
    "backup": "backup:backup",
    "check": "backup:check",
    "cluster": "cluster:cluster",
    "completion": "config:completion",
    "config": "config:config",
    "delete": "trash:delete",
    "demo": "app:demo",
    "describe": "descriptions:describe",
    "doctor": "backup:doctor",
    "duplicates": "duplicates:duplicates",
    "edit": "descriptions:edit",
    "export": "export:export",
    "failures": "queue:failures",
    "import": "imports:import_from",
    "list": "uploads:list_uploads",
    "open": "uploads:open_original",
    "process": "queue:process",
    "pull": "analyzers:pull",
    "rate": "uploads:rate",
    "redo": "trash:redo",
    "reembed": "descriptions:reembed",
    "restore": "backup:restore",
    "retry": "queue:retry",
    "saved": "search:saved",
    "search": "search:search",
    "show": "uploads:show",
    "source": "sources:source",
    "model": "models:model",
    "stack": "stacks:stack",
    "stats": "statistics:stats",
    "tag": "uploads:tag",
    "trash": "trash:trash",
    "undo": "trash:undo",
    "worker": "cluster:worker",
}


class Commands(MutableMapping[str, click.Command]):
    """The commands by name. The module of each is imported when it is asked for: the app needs none of the others."""

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}
        self._places = dict(_PLACES)

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module, attribute = self._places[name].split(":")
            self._loaded[name] = getattr(import_module(f"vuemantics_tui.cli.{module}"), attribute)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places or name in self._loaded

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._places, *self._loaded}))

    def __len__(self) -> int:
        return len({*self._places, *self._loaded})


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

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, and the shell's own files: the first word may be a path."""
        from click.shell_completion import CompletionItem

        # First: bash begins its list again at an entry for files.
        return [CompletionItem(incomplete, type="file"), *super().shell_complete(ctx, incomplete)]

    def _unknown(self, word: str) -> str:
        import difflib

        shown = [name for name in self.commands if name != APP_COMMAND]
        nearest = difflib.get_close_matches(word, shown, 1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Commands: {', '.join(sorted(shown))}."
        return f"There is no command and no file named {word!r}. {hint}"


@click.group(
    cls=PathOrCommandGroup,
    commands=Commands(),
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    invoke_without_command=False,
    subcommand_metavar="[PATH... | COMMAND [ARGS]...]",
    epilog=EXIT_CODES,
)
@click.version_option(vuemantics_tui.__version__, prog_name="vuemantics-tui")
@analyzer_option
@cluster_option
@graphics_option
@library_option
def cli() -> None:
    """A photo and video library for the terminal.

    Without a command, the app opens and adds the paths you give.
    """


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    # Searches multiply two matrices side by side, each in a thread. Where other programs want the processors too, the
    # threads that OpenBLAS would add wait for each other: at 100,000 uploads that took up to six times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(_run())


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except VuemanticsError as error:
        note(f"Error: {visible(error.message)}")
        if error.hint:
            note(f"Hint: {visible(error.hint)}")
        return error.exit_code
    except click.UsageError as error:
        error.show()
        return WRONG_USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Interrupted as interrupted:
        note(interrupted.message or "Interrupted.")
        return INTERRUPTED
    except (KeyboardInterrupt, click.Abort):
        note("Interrupted.")
        return INTERRUPTED
    except ReaderGoneError:
        return 0
