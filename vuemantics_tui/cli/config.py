"""The commands that set the program up: config, completion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click
from click.shell_completion import ShellComplete, get_completion_class

from vuemantics_tui.cli.options import FAILED, current_settings, library_option
from vuemantics_tui.cli.output import emit, note, warn_of
from vuemantics_tui.config import KEYS, Settings, about, names
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.files import make_folder, write_whole
from vuemantics_tui.paths import settings_file

PROGRAM = "vuemantics-tui"
# As click names the variable with which a completed shell asks.
VARIABLE = "_VUEMANTICS_TUI_COMPLETE"


@click.group()
def config() -> None:
    """Show or change the settings."""


@config.command()
def path() -> None:
    """Print the path of the settings file."""
    emit(str(settings_file()))


@config.command()
@library_option
def show() -> None:
    """Print every setting as TOML, with its meaning and where its value comes from."""
    settings = current_settings()
    for name in names():
        emit(f"# {about(name)}")
        if name == KEYS:
            emit(f"[{KEYS}]")
            for action, keys in settings.keys.items():
                emit(f"{toml(action)} = {toml(keys)}  # {settings.sources[f'{KEYS}.{action}']}")
        else:
            emit(f"{name} = {toml(getattr(settings, name))}  # {settings.sources.get(name, 'default')}")
            emit("")


@config.command()
def edit() -> None:
    """Edit the settings file in $VISUAL or $EDITOR, then check it."""
    file = settings_file()
    try:
        if not file.exists():
            make_folder(file.parent)
            write_whole(file, template().encode())
    except OSError as error:
        raise VuemanticsError(
            f"The settings file cannot be created: {file} ({error.strerror})", "Check the permissions of its folder."
        ) from error
    click.edit(filename=str(file))
    checked = Settings.load(environment={}, file=file)
    warn_of(checked.problems)
    if checked.problems:
        raise SystemExit(FAILED)
    note(f"{file}: no problems")


def template() -> str:
    """Return a settings file with every setting and its default in comments."""
    defaults = Settings()
    lines = ["# Settings of vuemantics-tui. Remove the # from a line to change its value.", ""]
    for name in names():
        lines.append(f"# {about(name)}")
        if name == KEYS:
            lines += [f"#[{KEYS}]", '#delete-upload = "Z"']
        else:
            lines += [f"#{name} = {toml(getattr(defaults, name))}", ""]
    return "\n".join(lines) + "\n"


def toml(value: bool | int | float | str | Path | Mapping[str, str]) -> str:
    """Return one value as TOML writes it."""
    # JSON's strings are TOML's, but for the one control character that JSON leaves as it is.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False).replace("\x7f", "\\u007f")


@click.command(
    epilog="""
    bash: add to ~/.bashrc: eval "$(vuemantics-tui completion bash)"

    zsh: add to ~/.zshrc: eval "$(vuemantics-tui completion zsh)"

    fish: run once: vuemantics-tui completion fish > ~/.config/fish/completions/vuemantics-tui.fish
    """
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    found = get_completion_class(shell)
    assert found is not None
    root = click.get_current_context().find_root().command
    # That of bash would run bash to look at its version, which need not be here.
    emit(ShellComplete.source(found(root, {}, PROGRAM, VARIABLE)).strip())
