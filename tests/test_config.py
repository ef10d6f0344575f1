"""Settings from their sources, and what a wrong file costs: a value, never the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError


def load(tmp_path: Path, text: str, **environment: str) -> Settings:
    """Settings from a file of this text."""
    file = tmp_path / "settings.toml"
    file.write_text(text)
    return Settings.load(environment=environment, file=file)


def test_flag_before_environment_before_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('workers = 2\nvideo_frames = 5\ntheme = "ansi"\n')
    environment = {"VUEMANTICS_WORKERS": "3", "VUEMANTICS_VIDEO_FRAMES": "6", "VUEMANTICS_SHOW_HIDDEN": "yes"}
    settings = Settings.load({"workers": 7, "theme": None}, environment, file)
    assert (settings.workers, settings.video_frames, settings.theme, settings.show_hidden) == (7, 6, "ansi", True)
    assert settings.problems == ()
    assert settings.sources == {
        "workers": "flag, --workers",
        "video_frames": "environment, VUEMANTICS_VIDEO_FRAMES",
        "theme": f"{file}, line 3",
        "show_hidden": "environment, VUEMANTICS_SHOW_HIDDEN",
    }


def test_every_wrong_line_is_named_with_what_is_right_and_the_rest_counts(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """# mine
wrokers = 3
workers = "many"
video_frames = 0
true_colour = "maybe"
show_hidden = 1
keep_free_mib = 0

[kyes]
x = "y"

[keys]
delete-upload = "D"
retry-upload = ["r", "R"]
quit = 3
""",
    )
    assert (settings.keep_free_mib, settings.video_frames, settings.true_colour) == (0, 3, "auto")
    assert dict(settings.keys) == {"delete-upload": "D", "retry-upload": "r,R"}
    assert settings.sources["keys.retry-upload"].endswith("line 14")
    parts = [
        ("line 2", "wrokers", "did you mean workers?"),
        ("line 3", "workers is 'many'", "a whole number"),
        ("line 4", "video_frames is 0", "3 is used"),
        ("line 5", "true_colour is 'maybe'", "auto, yes or no"),
        ("line 6", "show_hidden is 1", "true or false"),
        ("line 9", "kyes", "did you mean keys?"),
        ("line 15", "keys.quit is 3", "must be a key"),
    ]
    assert len(settings.problems) == len(parts)
    for problem, words in zip(settings.problems, parts, strict=True):
        assert problem.startswith(str(tmp_path / "settings.toml"))
        for word in words:
            assert word in problem


@pytest.mark.parametrize("text", ["workers = 2\nworkers == 3\n", "workers = 2\ntheme = 'x"])
def test_a_file_that_is_no_toml_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    settings = load(tmp_path, text)
    (problem,) = settings.problems
    assert f"{tmp_path / 'settings.toml'}, line 2: this is not TOML" in problem
    assert settings == Settings()


def test_a_file_that_cannot_be_read_is_a_problem_and_none_is_none(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in Settings.load(environment={}, file=tmp_path / "bytes.toml").problems[0]
    assert "cannot be read" in Settings.load(environment={}, file=tmp_path).problems[0]
    assert Settings.load(environment={}, file=tmp_path / "none.toml").problems == ()


@pytest.mark.parametrize(
    ("name", "value"), [("WORKERS", "many"), ("WORKERS", "0"), ("TRUE_COLOUR", "maybe"), ("REMEMBER_SEARCHES", "2")]
)
def test_a_wrong_variable_stays_an_error(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"VUEMANTICS_{name}"):
        load(tmp_path, "", **{f"VUEMANTICS_{name}": value})
