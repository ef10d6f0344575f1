"""Settings from their sources, and what a wrong file costs: a value, never the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vuemantics_tui.config import KEYS, Settings, names, remember
from vuemantics_tui.domain.errors import UsageError, VuemanticsError


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


def test_a_library_named_from_the_current_folder_is_found_from_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path, "", VUEMANTICS_LIBRARY="photos").library == tmp_path / "photos"
    assert Settings.load({"library": Path("photos")}, {}, tmp_path / "none").library == tmp_path / "photos"


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
trash_days = 1000000000
columns = "name, dimnsions"

[kyes]
x = "y"

[keys]
delete-upload = "D"
retry-upload = ["r", "R"]
quit = 3
""",
    )
    assert (settings.keep_free_mib, settings.video_frames, settings.true_colour) == (0, 10, "auto")
    assert dict(settings.keys) == {"delete-upload": "D", "retry-upload": "r,R"}
    assert settings.sources["keys.retry-upload"].endswith("line 16")
    parts = [
        ("line 2", "wrokers", "Did you mean workers?"),
        ("line 3", "workers is 'many'", "a whole number"),
        ("line 4", "video_frames is 0", "from 1 to 100. Using 10."),
        ("line 5", "true_colour is 'maybe'", "auto, yes or no"),
        ("line 6", "show_hidden is 1", "true or false"),
        ("line 8", "trash_days is 1000000000", "from 0 to 36500. Using 30."),
        ("line 9", "columns is 'name, dimnsions'", "separated with commas: name, type, size, dimensions"),
        ("line 11", "kyes", "Did you mean keys?"),
        ("line 17", "keys.quit is 3", "must be a key"),
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
    assert f"{tmp_path / 'settings.toml'}, line 2: not valid TOML" in problem
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


def test_the_host_of_ollama_also_comes_from_its_own_variable_after_ours_and_before_the_file(tmp_path: Path) -> None:
    text = 'ollama_host = "file:1"\n'
    assert load(tmp_path, text).ollama_host == "file:1"
    theirs = load(tmp_path, text, OLLAMA_HOST="theirs:1")
    assert (theirs.ollama_host, theirs.sources["ollama_host"]) == ("theirs:1", "environment, OLLAMA_HOST")
    ours = load(tmp_path, text, OLLAMA_HOST="theirs:1", VUEMANTICS_OLLAMA_HOST="ours:1,ours:2")
    assert ours.ollama_host == "ours:1,ours:2"
    assert ours.sources["ollama_host"] == "environment, VUEMANTICS_OLLAMA_HOST"
    assert load(tmp_path, "", OLLAMA_HOST="").ollama_host == Settings().ollama_host


def test_numbers_with_a_point_and_texts_that_may_be_empty(tmp_path: Path) -> None:
    settings = load(
        tmp_path, 'temperature = 0\nconnect_seconds = 1.5\nlanguage = ""\n', VUEMANTICS_ANSWER_SECONDS="9.5"
    )
    assert (settings.temperature, settings.connect_seconds, settings.answer_seconds) == (0.0, 1.5, 9.5)
    assert settings.language == ""
    assert isinstance(settings.temperature, float)
    assert settings.problems == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("temperature = 3", "a number from 0 to 2. Using 0.3."),
        ("temperature = nan", "a number from 0 to 2"),
        ("temperature = true", "a number"),
        ("connect_seconds = 0", "a number from 0.1 on"),
        ("connect_seconds = inf", "a number from 0.1 on"),
        ("video_frames = 101", "a whole number from 1 to 100. Using 10."),
        ("video_frames = 2.5", "a whole number"),
        ("describe_limit = -1", "a whole number from 0 on"),
        ('analyzer = "olama"', "auto, builtin, ollama or openai"),
        ('embedder = "auto"', "same, builtin, ollama or openai"),
        ('ollama_host = ""', "a text"),
        ('analizer = "ollama"', "Did you mean analyzer?"),
    ],
)
def test_what_is_wrong_about_the_analyzers_is_named_and_the_default_used(tmp_path: Path, line: str, says: str) -> None:
    settings = load(tmp_path, f"{line}\n")
    (problem,) = settings.problems
    assert says in problem
    assert settings == Settings()


def test_the_key_is_no_setting(tmp_path: Path) -> None:
    settings = load(tmp_path, 'openai_api_key = "sk-secret"\n', OPENAI_API_KEY="sk-secret")
    assert "sk-secret" not in repr(settings)
    assert not any("sk-secret" in problem for problem in settings.problems)


def test_the_page_of_settings_has_every_setting_and_no_other() -> None:
    table = (Path(__file__).parents[1] / "docs" / "SETTINGS.md").read_text("utf-8")
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = [name for cell in first_cells for name in re.findall(r"`(\[?\w+\]?)`", cell)]
    assert sorted(told) == sorted([f"[{KEYS}]" if name == KEYS else name for name in names()])


MINE = """\
# my settings
wrokers = 3
workers = 2  # two are enough

# How wide
#theme = "vuemantics"
video_frames = "many"

[keys]
delete-upload = "Z"  # far away
"""


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        pytest.param("workers", 3, "workers = 2", "workers = 3", id="there"),
        pytest.param(
            "theme", "ansi", '#theme = "vuemantics"\n', '#theme = "vuemantics"\ntheme = "ansi"\n', id="comment"
        ),
        pytest.param("show_hidden", True, '"many"\n', '"many"\nshow_hidden = true\n', id="new"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_remembered_setting_leaves_the_rest_of_the_file(
    tmp_path: Path, name: str, value: object, old: str, new: str, newline: str
) -> None:
    file, target = tmp_path / "settings.toml", tmp_path / "dotfiles" / "settings.toml"
    target.parent.mkdir()
    target.write_bytes(MINE.replace("\n", newline).encode())
    target.chmod(0o640)
    file.symlink_to(target)
    remember(name, value, file)
    assert file.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert target.read_bytes().decode() == MINE.replace(old, new, 1).replace("\n", newline)
    assert getattr(Settings.load(environment={}, file=file), name) == value


def test_a_setting_is_remembered_without_a_file_and_never_in_a_broken_one(tmp_path: Path) -> None:
    file = tmp_path / "new" / "settings.toml"
    remember("theme", "ansi", file)
    assert file.read_text() == 'theme = "ansi"\n'
    with pytest.raises(UsageError, match="slide_seconds is 0"):
        remember("slide_seconds", 0, file)
    file.write_text("theme = \n")
    with pytest.raises(VuemanticsError, match="not valid TOML"):
        remember("theme", "ansi", file)
    assert file.read_text() == "theme = \n"
    assert Settings.load(environment={"VUEMANTICS_THEME": "ansi"}, file=file).theme == "ansi"
