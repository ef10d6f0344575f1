"""The command that prints the completion of a shell: completion."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from vuemantics_tui.cli.output import emit

PROGRAM = "vuemantics-tui"
# As click names the variable with which a completed shell asks.
VARIABLE = "_VUEMANTICS_TUI_COMPLETE"


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
