"""The commands about settings, as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from vuemantics_tui.config import Settings, names


def run(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program with a settings folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "vuemantics_tui", *words],
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def settings_file(tmp_path: Path) -> Path:
    """Where the settings are, in a folder that is there."""
    folder = tmp_path / "vuemantics-tui"
    folder.mkdir()
    return folder / "settings.toml"


def test_show_is_toml_that_says_where_each_value_comes_from(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    file.write_text('theme = "ansi"\n[keys]\ndelete-upload = "D"\n')
    result = run(tmp_path, "config", "show", "--library", "/photos", VUEMANTICS_WORKERS="3")
    assert result.returncode == 0, result.stderr
    shown = tomllib.loads(result.stdout)
    assert list(shown) == names()
    assert (shown["library"], shown["workers"], shown["theme"]) == ("/photos", 3, "ansi")
    assert shown["keys"] == {"delete-upload": "D"}
    for line in (
        'library = "/photos"  # flag, --library',
        "workers = 3  # environment, VUEMANTICS_WORKERS",
        f'theme = "ansi"  # {file}, line 1',
        f'"delete-upload" = "D"  # {file}, line 3',
        "show_hidden = false  # default",
        "# The folder of the library.",
    ):
        assert line in result.stdout.splitlines()


def test_path_needs_no_file_and_survives_a_wrong_environment(tmp_path: Path) -> None:
    result = run(tmp_path, "config", "path", VUEMANTICS_WORKERS="many")
    assert result.stdout.strip() == str(tmp_path / "vuemantics-tui" / "settings.toml")
    assert not (tmp_path / "vuemantics-tui").exists()


def test_edit_makes_a_template_of_all_defaults_and_checks_what_was_written(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nexit 0\n")
    editor.chmod(0o700)
    made = run(tmp_path, "config", "edit", VISUAL=str(editor))
    assert made.returncode == 0, made.stderr
    file = tmp_path / "vuemantics-tui" / "settings.toml"
    assert Settings.load(environment={}, file=file) == Settings()
    plain = [line.removeprefix("#") for line in file.read_text().splitlines() if not line.startswith("# ")]
    assert list(tomllib.loads("\n".join(plain))) == names()
    editor.write_text('#!/bin/sh\necho "wrokers = 2" > "$1"\n')
    checked = run(tmp_path, "config", "edit", VISUAL=str(editor))
    assert checked.returncode == 1
    assert "Did you mean workers?" in checked.stderr
    assert file.read_text() == "wrokers = 2\n"
