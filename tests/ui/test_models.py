"""The screen of models: downloaded, cancelled, resumed, used, removed; and where the app speaks of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import JointModel
from tests.servers.fake_hub import TOKEN, FakeHub
from tests.ui.conftest import Made, StillAnalyzer, add, make_library, window_on
from vuemantics_tui import paths
from vuemantics_tui.library import Queue
from vuemantics_tui.processing.picture_vectors import PictureProgress
from vuemantics_tui.ui.screens.models import ModelsScreen, share_words

Draw = Callable[..., Path]
FIRST = "vit-b-32-datacomp"


async def test_a_model_is_downloaded_used_and_removed(root: Path, draw: Draw, hub: FakeHub) -> None:
    await make_library(root)
    builtin = StillAnalyzer()
    builtin.name = "builtin"
    async with window_on(root, size=(100, 30), process=True, own_analyzer=builtin) as window:
        await add(window.library, *(draw(f"{number}.png") for number in range(3)))
        await window.shows("3 completed")
        await window.until(lambda: window.text().splitlines()[0].endswith("● builtin"), "nobody chose its models")
        await window.press("&")
        await window.shows(
            "Models", "none in use", f"{FIRST}  not downloaded", "608 MB · MIT · English", "100 languages"
        )
        await window.press("enter")
        await window.shows(f"Download {FIRST}?", "608 MB come from 127.0.0.1", "Licence: MIT")
        await window.press("n")
        await window.until(lambda: isinstance(window.app.screen, ModelsScreen))
        await window.press("enter")
        await window.shows(f"Download {FIRST}?")
        await window.press("y")
        await window.shows(f"Downloaded {FIRST}.", f"{FIRST}  on this machine")
        await window.press("home", "enter")
        await window.shows(f"Models  {FIRST} is in use", "in use, all 3 seen")
        await window.press("escape")
        await window.until(lambda: window.text().splitlines()[0].endswith(f"● builtin  {FIRST}"), "the one in use")
        await window.press("&")
        await window.shows("in use, all 3 seen")
        await window.press("n")
        await window.shows("No model is in use.", "on this machine, has seen 3")
        await window.press("d")
        await window.shows(f"Remove {FIRST}?", "what it saw of this library")
        await window.press("y")
        await window.shows(f"Removed {FIRST}, which frees", f"{FIRST}  not downloaded")
        await window.press("escape")
        await window.shows("3 uploads")
        assert await window.library.models.installed() == []


async def test_a_download_goes_on_without_its_screen_and_resumes(root: Path, hub: FakeHub) -> None:
    await make_library(root)
    hub.waits_at = 16384
    hub.go_on.clear()
    async with window_on(root, size=(100, 30)) as window:
        await window.press("G", "m")
        await window.shows(f"{FIRST}  not downloaded")
        await window.press("enter")
        await window.shows(f"Download {FIRST}?")
        await window.press("y")
        await window.until(lambda: window.library.models.pulling.get(FIRST, (0, 0))[0] >= 16384)
        await window.shows(f"{FIRST}  downloading ", " %")
        await window.press("escape", "q")
        await window.shows("Quit?", f"{FIRST} is still downloading. What you have so", "y quit, resume next time")
        await window.press("n", "&")
        await window.shows(f"{FIRST}  downloading", "x cancel")
        await window.press("x")
        await window.shows(f"Cancelled the download of {FIRST}.", "% downloaded")
        hub.go_on.set()
        hub.asked.clear()
        await window.press("enter")
        await window.shows(f"Download {FIRST}?")
        await window.press("y")
        await window.shows(f"Downloaded {FIRST}.", f"{FIRST}  on this machine")
        assert any(each.start for each in hub.asked if each.storage)
        assert TOKEN not in "".join(entry.message + entry.trace for entry in window.app.recent_log.entries(0))


async def test_what_the_hub_refuses_is_said(root: Path, hub: FakeHub) -> None:
    await make_library(root)
    hub.status = 403
    async with window_on(root, size=(120, 30)) as window:
        await window.press("&")
        await window.shows("not downloaded")
        await window.press("enter")
        await window.shows(f"Download {FIRST}?")
        await window.press("y")
        await window.shows("is not open to all (403)", "agree to its terms")
        assert not window.library.models.pulling


async def test_a_model_from_a_folder_is_added_and_a_list_of_tags_that_cannot_be_read_is_told(
    root: Path, joint_model: JointModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    await make_library(root)
    async with window_on(root, size=(100, 30), tag_list=str(tmp_path / "nowhere.txt")) as window:
        await window.press("&")
        await window.shows("not downloaded")
        await window.press("a")
        await window.shows("Add a model from a folder")
        (tmp_path / "mine").mkdir()
        await window.press(*str(tmp_path / "mine"), "enter")
        await window.shows("There is no joint model in", "Expected")
        joint_model("transformers", copy_to=tmp_path / "mine")
        await window.press("enter")
        await window.shows("Added mine.", "mine  on this machine")
        await window.press("home", "enter")
        await window.shows("mine is in use", "no tags from pictures: The list of tags in", "the setting tag_list")


async def test_the_bar_says_how_many_pictures_were_seen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_library(root, [Made("a.png")])
    async with window_on(root, size=(100, 24)) as window:
        progress: list[PictureProgress | None] = [PictureProgress(412, 5000)]
        monkeypatch.setattr(Queue, "pictures", property(lambda queue: progress[0]))
        await window.shows("412 of 5,000 pictures seen")
        progress[0] = None
        await window.until(lambda: "pictures seen" not in window.text())


async def test_a_search_that_finds_little_speaks_of_models_once(root: Path) -> None:
    words = "A model that sees pictures would find more: & gets one."
    await make_library(root, [Made(f"{number}.png") for number in range(25)])
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("25 uploads")
        await window.press("/", *"zebra", "enter")
        await window.shows(words)
        await window.press("escape")
        await window.until(lambda: words not in window.text())
        await window.press("/", *"heron", "enter")
        await window.shows("for heron")
        assert words not in window.text()
        file = paths.settings_file()
        await window.until(lambda: file.is_file() and "suggest_models = false" in file.read_text())
    async with window_on(root, size=(100, 24), suggest_models=False) as window:
        await window.shows("25 uploads")
        await window.press("/", *"zebra", "enter")
        await window.shows("for zebra")
        assert words not in window.text()


async def test_the_text_network_is_loaded_when_the_search_line_opens(
    root: Path, draw: Draw, joint_model: JointModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    await make_library(root, [Made("a.png")])
    async with window_on(root, size=(100, 24)) as window:
        await window.library.models.add(joint_model(), "small")
        await window.library.models.use("small")
        before = set(psutil.Process().children())
        await window.press("/")
        await window.until(lambda: len(set(psutil.Process().children()) - before) == 1)
    assert set(psutil.Process().children()) == before


async def test_what_a_model_is_good_for_stays_indented_where_it_breaks(root: Path) -> None:
    await make_library(root)
    async with window_on(root, size=(60, 36)) as window:
        await window.press("&")
        await window.shows("siglip2-b-16", "needs the most")
        lines = window.text().splitlines()
        first = next(place for place, line in enumerate(lines) if "needs the most" in line)
        assert lines[first + 1].startswith("     "), lines[first + 1]


def test_a_share_is_whole_only_at_the_end() -> None:
    assert [share_words(*shares) for shares in ((0, 0), (43, 100), (100, 100))] == ["0 %", "43 %", "99 %"]
