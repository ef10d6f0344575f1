"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

import vuemantics_tui
from vuemantics_tui.cli.adding import add, process, retry
from vuemantics_tui.cli.analyzing import analyzer, pull
from vuemantics_tui.cli.configuring import config
from vuemantics_tui.cli.counting import stats
from vuemantics_tui.cli.describing import describe, edit, reembed
from vuemantics_tui.cli.duplicating import duplicates
from vuemantics_tui.cli.examining import doctor
from vuemantics_tui.cli.exporting import export
from vuemantics_tui.cli.failing import failures
from vuemantics_tui.cli.group import PathOrCommandGroup, analyzer_option, library_option
from vuemantics_tui.cli.opening import app, demo
from vuemantics_tui.cli.output import ReaderGoneError, note
from vuemantics_tui.cli.reading import list_uploads, open_original, show
from vuemantics_tui.cli.searching import saved, search
from vuemantics_tui.cli.session import INTERRUPTED, Interrupted
from vuemantics_tui.cli.tagging import tag
from vuemantics_tui.cli.trashing import delete, trash
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import visible

WRONG_USAGE = 2


@click.group(
    cls=PathOrCommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    invoke_without_command=False,
    subcommand_metavar="[PATH... | COMMAND [ARGS]...]",
    epilog="Exit codes: 0 fine, 1 something failed, 2 wrong usage, 130 interrupted.",
)
@click.version_option(vuemantics_tui.__version__, prog_name="vuemantics-tui")
@analyzer_option
@library_option
def cli() -> None:
    """A photo and video library that lives in a terminal.

    Without a command it opens the app; paths given are added.
    """


for command in (
    *(add, process, list_uploads, show, search, retry, delete, open_original),
    *(saved, tag, trash, duplicates, stats, export),
    *(describe, edit, failures, reembed, analyzer, pull, config, demo, doctor, app),
):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line and exit with its code: 0 fine, 1 failed, 2 wrong usage, 130 interrupted."""
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
