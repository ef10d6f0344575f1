"""Playing a video outside of the terminal: by a command of the settings, by mpv, and what is said over SSH."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_SECONDS
from vuemantics_tui.desktop import open_in_viewer, play
from vuemantics_tui.domain.errors import UsageError, VuemanticsError

ON_DESKTOP = {"DISPLAY": ":0"}
OVER_SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "a film.mp4"
    path.write_bytes(b"frames")
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place for programs, with two that note what they are given, and one that fails."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, code in (("mpv", 0), ("theirs", 0), ("broken", 3)):
        (folder / name).write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > "{folder}/{name}.given.part"\n'
            f'/bin/mv "{folder}/{name}.given.part" "{folder}/{name}.given"\nexit {code}\n'
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def given(programs: Path, name: str) -> list[str]:
    noted = programs / f"{name}.given"
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not noted.exists():
        assert time.monotonic() < deadline, f"{name} was not started"
    return noted.read_text().splitlines()


def test_a_command_of_the_settings_gets_the_file_where_it_says(film: Path, programs: Path) -> None:
    assert play(film, "theirs --fs {} 'and more'", {}) == "theirs"
    assert given(programs, "theirs") == ["--fs", str(film), "and more"]


def test_a_command_without_a_place_gets_the_file_at_its_end(film: Path, programs: Path) -> None:
    play(film, "theirs -q", OVER_SSH)
    assert given(programs, "theirs") == ["-q", str(film)]


def test_mpv_plays_it_where_there_is_a_screen(film: Path, programs: Path) -> None:
    assert play(film, "", ON_DESKTOP) == "mpv"
    assert given(programs, "mpv")[-1] == str(film)


def test_over_ssh_it_is_said_how_to_get_the_file(film: Path, programs: Path) -> None:
    for show in (lambda: play(film, "", OVER_SSH), lambda: open_in_viewer(film, OVER_SSH)):
        with pytest.raises(VuemanticsError, match=r"a film\.mp4 cannot be shown over SSH") as caught:
            show()
        assert caught.value.hint.startswith("Copy it to your machine: scp ")
        assert str(film) in caught.value.hint


def test_what_cannot_play_is_told(film: Path, programs: Path) -> None:
    with pytest.raises(VuemanticsError, match=r"broken could not show a film\.mp4: it ended with code 3"):
        play(film, "broken", ON_DESKTOP)
    with pytest.raises(VuemanticsError, match="There is no program nothing-like-it"):
        play(film, "nothing-like-it", ON_DESKTOP)
    with pytest.raises(UsageError, match="cannot be read"):
        play(film, "theirs 'open", ON_DESKTOP)
    film.unlink()
    with pytest.raises(VuemanticsError, match="The original is missing"):
        play(film, "theirs", ON_DESKTOP)
