"""What the program makes is its owner's alone, whatever the umask; and the doctor tells of what is not."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ThreadCompute
from vuemantics_tui import doctor, paths
from vuemantics_tui.analyzers.builtin.network import write_sealed
from vuemantics_tui.cli.session import logging_to_file
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.library import Library
from vuemantics_tui.processing.compute import ProcessCompute

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A umask that gives everything to everybody, the usual one, and the strictest that is in use."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(root: Path) -> dict[str, str]:
    """The kind and mode of everything below a folder."""
    return {
        str(path.relative_to(root)): f"{'folder' if path.is_dir() else 'file'} {stat.S_IMODE(path.stat().st_mode):o}"
        for path in root.rglob("*")
    }


async def test_a_library_in_an_open_folder_is_read_by_its_owner_alone(
    tmp_path: Path, draw_picture: DrawPicture, umask: int, open_library: OpenLibrary
) -> None:
    picture = draw_picture()
    root = tmp_path / "library"
    root.mkdir()
    root.chmod(0o755)
    library = await open_library(compute=ProcessCompute(1))
    assert (await add_all(library, picture))[0].is_new
    await library.queue.start()
    await settled(library)
    assert await library.search.run("anything", all=True)
    found = modes(root)
    assert {"library.db", "library.db-wal", "library.db-shm"} <= found.keys()
    assert any(name.endswith("original.png") for name in found)
    assert any(name.endswith("thumb_256.jpg") for name in found)
    assert set(found.values()) == {"folder 700", "file 600"}, found


def test_log_and_cache_are_their_owners_alone(tmp_path: Path, umask: int) -> None:
    with logging_to_file():
        pass
    log = paths.log_file()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
    assert write_sealed(tmp_path / "cache" / "models" / "network", b"payload")
    assert set(modes(tmp_path).values()) == {"folder 700", "file 600"}


async def about_privacy(library: Library) -> list[Finding]:
    """What the doctor says of who can read the library."""
    return [finding for finding in await doctor.examine(library.settings, library) if finding.subject == doctor.PRIVACY]


async def test_the_doctor_tells_what_others_can_read_and_how_to_stop_that(open_library: OpenLibrary) -> None:
    library = await open_library(compute=ThreadCompute(), folder="it's mine")
    assert [finding.verdict for finding in await about_privacy(library)] == [Verdict.GOOD]
    library.root.chmod(0o755)
    (library.root / "library.db").chmod(0o644)
    (finding,) = await about_privacy(library)
    assert finding.verdict is Verdict.BAD
    assert "others can read 2 of its files and folders" in finding.text
    assert os.system(finding.hint.removeprefix("Run: ")) == 0
    assert [finding.verdict for finding in await about_privacy(library)] == [Verdict.GOOD]


async def test_the_doctor_tells_what_belongs_to_another_user(
    open_library: OpenLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = await open_library(compute=ThreadCompute())
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    (finding,) = await about_privacy(library)
    assert finding.verdict is Verdict.BAD
    assert "belong to another user" in finding.text
    assert finding.hint == f'Run: sudo chown -R "$USER" {library.root}'


def test_a_settings_file_that_the_program_makes_is_its_owners_alone(
    umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from vuemantics_tui.cli.config import edit

    monkeypatch.setenv("EDITOR", "true")
    assert CliRunner().invoke(edit).exit_code == 0
    file = paths.settings_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Settings.load(environment={}, file=file).problems == ()
