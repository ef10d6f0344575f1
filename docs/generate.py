"""Writes the manual page, and the generated parts of KEYS.md, COMMANDS.md and SETTINGS.md, from the program itself.

Each part stands between two comments, such as `<!-- keys -->` and `<!-- /keys -->`. What is around it is written by
hand.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from vuemantics_tui.cli import cli
from vuemantics_tui.config import KEYS, Settings, about, names
from vuemantics_tui.ui.actions import keys_table

DOCS = Path(__file__).parent
PROGRAM = "vuemantics-tui"
# Every command has them: said once, above the list.
EVERYWHERE = {"--library", "--help", "--version"}
# Defaults that depend on the machine.
OF_THE_MACHINE = {"library": "in your data folder", "workers": "number of cores, at most 4"}
LONGEST_DEFAULT = 40


def commands_part() -> str:
    """Return a section for each command: its usage, what it does, and its options."""
    root = click.Context(cli, info_name=PROGRAM)
    shown = sorted(name for name, command in cli.commands.items() if not command.hidden)
    return "\n".join(line for name in shown for line in _section(cli.commands[name], root))


def _section(command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    yield f"### {context.command_path.removeprefix(PROGRAM).strip()}"
    yield ""
    yield f"    {context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    yield ""
    yield _paragraphs(command.help or "")
    if command.epilog:
        yield ""
        yield _paragraphs(command.epilog)
    options = [
        record
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and not EVERYWHERE.intersection(parameter.opts)
        and (record := parameter.get_help_record(context))
    ]  # fmt: skip
    if options:
        yield ""
        yield "| option | |"
        yield "|---|---|"
        for flags, words in options:
            yield f"| `{_cell(flags)}` | {_cell(words)} |"
    yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _section(command.commands[name], context)


def settings_part() -> str:
    """Return the table of all settings: default and meaning."""
    defaults = {field.name: field for field in dataclasses.fields(Settings)}
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for name in names():
        label = f"[{KEYS}]" if name == KEYS else name
        lines.append(f"| `{label}` | {_default(defaults[name])} | {_cell(about(name))} |")
    return "\n".join(lines)


def _default(field: dataclasses.Field[object]) -> str:
    if field.name in OF_THE_MACHINE:
        return OF_THE_MACHINE[field.name]
    value = field.default
    if value is dataclasses.MISSING or value == "":
        return ""
    text = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    return f"`{_cell(text)}`" if len(text) <= LONGEST_DEFAULT else "see `config show`"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", inspect.cleandoc(text)))


def _plain(text: str) -> str:
    # The bounds that click adds are plain from the metavar.
    return " ".join(re.sub(r"\[\d*(?:<=?)?x[<>]=?\d+\]", "", text).split())


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


MANUAL = f"{PROGRAM}.1"


def manual() -> str:
    """Return the manual page, in the macros of man(7)."""
    root = click.Context(cli, info_name=PROGRAM)
    lines = [
        f'.TH {PROGRAM.upper()} 1 "" "" "User Commands"',
        ".SH NAME",
        f"{_roff(PROGRAM)} \\- {_roff('a photo and video library that lives in a terminal')}",
        ".SH SYNOPSIS",
        f".B {_roff(PROGRAM)}",
        "[OPTIONS] [PATH...]",
        ".br",
        f".B {_roff(PROGRAM)}",
        "COMMAND [ARGS]...",
        ".SH DESCRIPTION",
        *_manual_paragraphs(cli.help or ""),
        ".SH OPTIONS",
        *_manual_options(cli, root, every=True),
        ".SH COMMANDS",
    ]
    for name in sorted(name for name, command in cli.commands.items() if not command.hidden):
        lines += _manual_command(cli.commands[name], root)
    lines += [".SH FILES", ".TP", ".I ~/.config/vuemantics-tui/settings.toml", "The settings."]
    lines += [".TP", ".I ~/.local/share/vuemantics-tui/library", "The library used when none is chosen."]
    return "\n".join(lines) + "\n"


def _manual_command(command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_roff(context.command_path.removeprefix(PROGRAM).strip())} {_roff(usage)}"
    yield from _manual_paragraphs(command.help or "")
    yield from _manual_options(command, context, every=False)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _manual_command(command.commands[name], context)


def _manual_options(command: click.Command, context: click.Context, *, every: bool) -> Iterator[str]:
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and (every or not EVERYWHERE.intersection(parameter.opts)):
            record = parameter.get_help_record(context)
            if record:
                yield from (".TP", f".B {_roff(_plain(record[0]))}", _roff(_plain(record[1])))


def _manual_paragraphs(text: str) -> Iterator[str]:
    for paragraph in _paragraphs(text).split("\n\n"):
        yield from (".PP", _roff(paragraph))


def _roff(text: str) -> str:
    """Return a text that no macro or escape is read in."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


PARTS = {
    "KEYS.md": ("keys", keys_table),
    "COMMANDS.md": ("commands", commands_part),
    "SETTINGS.md": ("settings", settings_part),
}


def page(name: str) -> str:
    """Return a page as it should be: what is written by hand as it is, the generated part from the program."""
    mark, generate = PARTS[name]
    text = (DOCS / name).read_text("utf-8")
    before, begin, rest = text.partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition(f"<!-- /{mark} -->")
    if not (begin and end):
        raise SystemExit(f"{name} has no part between <!-- {mark} --> and <!-- /{mark} -->")
    return f"{before}{begin}{generate().strip()}\n{end}{after}"


def main() -> None:
    """Write all pages."""
    for name in PARTS:
        (DOCS / name).write_text(page(name), "utf-8")
    (DOCS / MANUAL).write_text(manual(), "utf-8")


if __name__ == "__main__":
    main()
