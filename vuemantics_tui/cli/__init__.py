"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

import vuemantics_tui
from vuemantics_tui.cli.add import add
from vuemantics_tui.cli.analyzers import analyzer, pull
from vuemantics_tui.cli.app import APP_COMMAND, app, demo
from vuemantics_tui.cli.config import config
from vuemantics_tui.cli.descriptions import describe, edit, reembed
from vuemantics_tui.cli.doctor import doctor
from vuemantics_tui.cli.duplicates import duplicates
from vuemantics_tui.cli.export import export
from vuemantics_tui.cli.options import EXIT_CODES, INTERRUPTED, WRONG_USAGE, analyzer_option, library_option
from vuemantics_tui.cli.output import ReaderGoneError, note
from vuemantics_tui.cli.queue import failures, process, retry
from vuemantics_tui.cli.search import saved, search
from vuemantics_tui.cli.session import Interrupted
from vuemantics_tui.cli.statistics import stats
from vuemantics_tui.cli.tags import tag
from vuemantics_tui.cli.trash import delete, trash
from vuemantics_tui.cli.uploads import list_uploads, open_original, show
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import visible


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
        import difflib

        shown = [name for name, command in self.commands.items() if not command.hidden]
        nearest = difflib.get_close_matches(word, shown, 1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Commands: {', '.join(sorted(shown))}."
        return f"There is no command and no file named {word!r}. {hint}"


@click.group(
    cls=PathOrCommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    invoke_without_command=False,
    subcommand_metavar="[PATH... | COMMAND [ARGS]...]",
    epilog=EXIT_CODES,
)
@click.version_option(vuemantics_tui.__version__, prog_name="vuemantics-tui")
@analyzer_option
@library_option
def cli() -> None:
    """A photo and video library for the terminal.

    Without a command, the app opens and adds the paths you give.
    """


for command in (
    *(add, process, list_uploads, show, search, retry, delete, open_original),
    *(saved, tag, trash, duplicates, stats, export),
    *(describe, edit, failures, reembed, analyzer, pull, config, demo, doctor, app),
):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line and exit with its code."""
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
