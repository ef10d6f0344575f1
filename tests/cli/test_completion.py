"""What a shell completes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Through a shell: the path of the interpreter may have blanks, which no first line of a script takes.
_MAIN = "import sys; sys.argv[0] = 'vuemantics-tui'; from vuemantics_tui.cli import main; sys.exit(main())"
_PROGRAM = f'#!/bin/sh\nexec \'{sys.executable}\' -c "{_MAIN}" "$@"\n'


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Give the program under its own name, in a folder of its own."""
    path = tmp_path / "bin" / "vuemantics-tui"
    path.parent.mkdir()
    path.write_text(_PROGRAM)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_names_the_program(program: Path, shell: str) -> None:
    done = subprocess.run([program, "completion", shell], capture_output=True, text=True, check=True)
    assert "vuemantics-tui" in done.stdout
    assert f"{shell}_complete" in done.stdout
    assert done.stderr == ""


def test_bash_completes_commands_options_and_choices(program: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None

    def completed(*words: str) -> set[str]:
        script = (
            f'eval "$(vuemantics-tui completion bash)"; COMP_WORDS=(vuemantics-tui {" ".join(words)});'
            f" COMP_CWORD={len(words)}; _vuemantics_tui_completion vuemantics-tui 2>/dev/null;"
            ' printf "%s\\n" "${COMPREPLY[@]}"'
        )
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [bash, "-c", script], capture_output=True, text=True, check=True, env={**os.environ, "PATH": path}
        )
        return set(done.stdout.split())

    assert {"search", "show", "stack", "stats", "source"} <= completed("s")
    assert completed("export", "--form") == {"--format"}
    assert {"csv", "xmp"} <= completed("export", "--format", "''")
