"""What the picker knows without a screen: folders, completion, marks, counts, and the forms of a dropped path."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.ui.conftest import NOW
from vuemantics_tui.domain.text import natural_order
from vuemantics_tui.ui.picker import folder, marks
from vuemantics_tui.ui.picker.file_list import Columns, line_pieces
from vuemantics_tui.ui.picker.folder import (
    Completion,
    Entry,
    Kind,
    Order,
    View,
    arrange,
    complete,
    completed_lines,
    entry_at,
    read_folder,
    working_folder,
)
from vuemantics_tui.ui.picker.marks import Marks, Tallies, Tally, count_below
from vuemantics_tui.ui.picker.places import Place, drives, find_places
from vuemantics_tui.ui.typed_paths import explain_missing, typed_paths
from vuemantics_tui.ui.widgets.one_line import fit_path

SSH = {"SSH_CONNECTION": "192.0.2.7 50000 192.0.2.1 22", "USER": "anna"}


def make(path: Path, size: int = 1, modified: int = 1_000_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (modified, modified))
    return path


def at(path: Path) -> Entry:
    entry = entry_at(path)
    assert entry is not None
    return entry


def names(folder: Path, view: View) -> list[str]:
    return [entry.name for entry in arrange(read_folder(folder).entries, view)]


# Folders


def test_folders_come_first_and_numbers_in_names_count(tmp_path: Path) -> None:
    for name in ("IMG_10.jpg", "img_9.jpg", "IMG_1.JPG", "b.mp4", "notes.txt", ".hidden.png"):
        make(tmp_path / name)
    (tmp_path / "zoo").mkdir()
    (tmp_path / ".cache").mkdir()
    assert names(tmp_path, View()) == ["zoo", "b.mp4", "IMG_1.JPG", "img_9.jpg", "IMG_10.jpg"]
    assert names(tmp_path, View(text="img_1")) == ["IMG_1.JPG", "IMG_10.jpg"]
    assert "notes.txt" in names(tmp_path, View(everything=True))
    assert names(tmp_path, View(hidden=True))[:2] == [".cache", "zoo"]
    assert ".hidden.png" in names(tmp_path, View(hidden=True))


def test_names_are_found_and_completed_without_accents_and_however_they_are_encoded(tmp_path: Path) -> None:
    written = unicodedata.normalize("NFD", "Käthe 京都.jpg")
    for name in (written, "Øster.jpg", "zebra.jpg"):
        make(tmp_path / name)
    for text in ("käthe", "KATHE", "京都", unicodedata.normalize("NFD", "Kä")):
        assert names(tmp_path, View(text=text)) == [written], text
    assert names(tmp_path, View()) == [written, "Øster.jpg", "zebra.jpg"]
    assert folder.complete("Kät", tmp_path).text == written
    assert folder.complete("ost", tmp_path).text == "Øster.jpg"


def test_files_sort_by_date_and_by_size(tmp_path: Path) -> None:
    make(tmp_path / "a.jpg", size=5, modified=300)
    make(tmp_path / "b.jpg", size=9, modified=100)
    make(tmp_path / "c.jpg", size=1, modified=200)
    assert names(tmp_path, View(order=Order.NEWEST)) == ["a.jpg", "c.jpg", "b.jpg"]
    assert names(tmp_path, View(order=Order.LARGEST)) == ["b.jpg", "a.jpg", "c.jpg"]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8), max_size=8))
def test_any_names_can_be_sorted(wild: list[str]) -> None:
    names = [*wild, "1", "a1", "1a", "²"]
    entries = [Entry(Path("/"), name, Kind.OTHER, order=(natural_order(name), name)) for name in names]
    shuffled = random.Random(1).sample(entries, len(entries))
    everything = View(hidden=True, everything=True)
    assert arrange(shuffled, everything) == arrange(entries, everything)


def test_links_say_where_they_lead_and_broken_ones_that_they_are(tmp_path: Path) -> None:
    make(tmp_path / "2024" / "a.jpg")
    (tmp_path / "now").symlink_to("2024")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    now, gone = at(tmp_path / "now"), at(tmp_path / "gone.jpg")
    assert (now.kind, now.target) == (Kind.FOLDER, "2024")
    assert (gone.kind, gone.target, gone.type_words) == (Kind.BROKEN, "nowhere.jpg", "broken link")
    assert entry_at(tmp_path / "none") is None


def test_a_folder_that_has_gone_gives_way_to_the_nearest_that_exists(tmp_path: Path) -> None:
    make(tmp_path / "a.jpg")
    found = read_folder(tmp_path / "2024" / "May")
    assert (found.folder, found.asked) == (tmp_path, tmp_path / "2024" / "May")
    assert [entry.name for entry in found.entries] == ["a.jpg"]
    assert read_folder(tmp_path).asked is None


@pytest.mark.parametrize(
    ("error", "words"), [(PermissionError(13, "x"), "may not read"), (OSError(5, "Input/output error"), "Input/output")]
)
def test_a_folder_that_cannot_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    def refuse(path: Path) -> None:
        raise error

    monkeypatch.setattr(os, "scandir", refuse)
    assert words in read_folder(tmp_path).problem


# Lines


@given(st.text(max_size=40), st.none() | st.text(max_size=20), st.sampled_from(Kind), st.integers(0, 200))
def test_a_line_of_the_list_is_as_wide_as_its_columns(name: str, target: str | None, kind: Kind, width: int) -> None:
    entry = Entry(Path("/x"), name, kind, 5, 1e9, target)
    pieces = line_pieces(entry, Columns.of(width), NOW, marked=True, tally=lambda _: Tally(3, 4, done=True))
    text = "".join(piece for piece, _ in pieces)
    assert text.isprintable()
    if width > 5:
        assert cell_len(text) == width


@pytest.mark.parametrize("modified", [-1e18, 1e18, 0.0])
def test_a_date_that_cannot_be_is_left_out(modified: float) -> None:
    entry = Entry(Path("/x"), "a.jpg", Kind.IMAGE, 5, modified)
    pieces = line_pieces(entry, Columns.of(60), NOW, marked=False, tally=lambda _: None)
    assert pieces[-1][0].split() == ["JPEG", "5", "B"]


def test_of_a_long_path_the_end_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert fit_path(tmp_path, 40) == "~"
    assert fit_path(tmp_path / "Pictures" / "2024", 40) == "~/Pictures/2024"
    assert fit_path(tmp_path / "Pictures" / "2024", 12) == "…/2024"
    assert fit_path(Path("/a\x1b[31m"), 40) == "/a\\x1b[31m"


# Completion


def test_a_path_is_completed_to_what_all_names_have_in_common(tmp_path: Path) -> None:
    (tmp_path / "Holiday 2023").mkdir()
    (tmp_path / "Holiday 2024").mkdir()
    (tmp_path / ".hidden").mkdir()
    make(tmp_path / "a.jpg")
    assert complete(f"{tmp_path}/Ho", tmp_path) == Completion(
        f"{tmp_path}/Holiday 202", ("Holiday 2023/", "Holiday 2024/")
    )
    assert complete(f"{tmp_path}/hol", tmp_path).text == f"{tmp_path}/Holiday 202", "capitals may be left out"
    assert complete("a", tmp_path).text == "a.jpg", "what is not absolute begins at the folder shown"
    assert complete(f"{tmp_path}/.", tmp_path).text == f"{tmp_path}/.hidden/"
    assert ".hidden/" not in complete(f"{tmp_path}/", tmp_path).names
    assert complete(f"{tmp_path}/zzz", tmp_path) == Completion(f"{tmp_path}/zzz")
    assert complete("/no/such/folder/x", tmp_path) == Completion("/no/such/folder/x")
    assert complete("nul\0/x", tmp_path) == Completion("nul\0/x")


async def test_a_line_for_a_path_is_completed_or_told_how_it_may_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Holiday 2023", "Holiday 2024"):
        (tmp_path / name).mkdir()
    assert await completed_lines(f"{tmp_path}/Ho") == [f"{tmp_path}/Holiday 202"]
    assert await completed_lines(f"{tmp_path}/Holiday 202") == [f"{tmp_path}/Holiday 202{year}/" for year in (3, 4)]
    assert await completed_lines(f"{tmp_path}/zzz") == await completed_lines(" ") == []
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    here.rmdir()
    assert await completed_lines("Ho") == [], "the working directory may be gone"
    assert working_folder() == Path.home()


# Counting and marks


def test_what_adding_would_take_is_counted(tmp_path: Path) -> None:
    make(tmp_path / "a.jpg", 100)
    make(tmp_path / "deep" / "er" / "b.MP4", 20)
    make(tmp_path / "deep" / "notes.txt", 1000)
    make(tmp_path / ".hidden" / "c.jpg", 1000)
    make(tmp_path / ".d.jpg", 1000)
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "again.jpg").symlink_to("a.jpg")
    tally = Tally()
    count_below(tmp_path, tally)
    assert (tally.files, tally.size, tally.done) == (2, 120, True)
    assert tally.words() == "2 files, 120 B"


def test_counting_ends_when_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        make(tmp_path / str(number) / "a.jpg")
    tally = Tally()

    def stop_at_first(each: os.DirEntry[str], counted: Tally, waiting: object) -> None:
        counted.files += 1
        counted.stopped = True

    monkeypatch.setattr(marks, "count_one", stop_at_first)
    count_below(tmp_path, tally)
    assert (tally.files, tally.done) == (1, False)


async def test_cancelling_the_count_ends_its_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(folder: Path, tally: Tally) -> None:
        begun.set()
        while not tally.stopped:
            pass
        ended.set()

    monkeypatch.setattr(marks, "count_below", endless)
    tallies = Tallies()
    tallies.want([tmp_path])
    task = asyncio.ensure_future(tallies.count())
    assert await asyncio.to_thread(begun.wait, 60)
    assert tallies.busy
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 60)
    assert not tallies.busy


async def test_folders_no_longer_marked_are_not_counted(tmp_path: Path) -> None:
    make(tmp_path / "one" / "a.jpg")
    make(tmp_path / "two" / "b.jpg")
    tallies = Tallies()
    tallies.want([tmp_path / "one", tmp_path / "two"])
    tallies.keep([tmp_path / "two"])
    await tallies.count()
    assert tallies[tmp_path / "one"] is None
    assert tallies[tmp_path / "two"] == Tally(1, 1, done=True)


async def test_the_total_of_the_marks_counts_nothing_twice(tmp_path: Path) -> None:
    inside = make(tmp_path / "trip" / "day" / "a.jpg", 100)
    hidden = make(tmp_path / "trip" / ".private" / "b.jpg", 10)
    other = make(tmp_path / "trip" / "notes.txt", 1)
    outside = make(tmp_path / "c.jpg", 1000)
    marks, tallies = Marks(), Tallies()
    marks.add(map(at, (inside, hidden, other, outside, tmp_path / "trip", tmp_path / "trip" / "day")))
    assert marks.words() == "4 files, 2 folders marked"
    assert marks.total(tallies)[2] is False, "not counted yet"
    tallies.want(marks.folders)
    await tallies.count()
    assert marks.total(tallies) == (4, 1111, True)


def test_a_range_adds_to_the_marks_and_stretches_both_ways(tmp_path: Path) -> None:
    entries = [at(make(tmp_path / f"{number}.jpg")) for number in range(4)]
    marks = Marks()
    marks.toggle(entries[0])
    marks.begin_range(entries[2])
    marks.stretch(entries[2:])
    marks.stretch(entries[1:3])
    assert {entry.name for entry in marks.entries} == {"0.jpg", "1.jpg", "2.jpg"}
    marks.end_range()
    marks.toggle(entries[1])
    assert marks.words() == "2 files marked"
    marks.toggle_all(entries)
    assert len(marks) == 4
    marks.toggle_all(entries)
    assert marks.words() == "nothing marked"


# Places


def test_places_are_those_that_exist_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("XDG_PICTURES_DIR", str(tmp_path / "Bilder"))
    (tmp_path / "Bilder").mkdir()
    found = find_places(last=tmp_path / "Bilder")
    assert found[:2] == [Place("Last used", tmp_path / "Bilder"), Place("Home", tmp_path)]
    assert "Pictures" not in [place.name for place in found], "the same folder as the one used last"
    assert "Downloads" not in [place.name for place in found], "it does not exist"


@pytest.mark.skipif(os.name == "nt", reason="there each drive has a letter")
def test_of_what_is_mounted_only_drives_are_places() -> None:
    assert drives(["/", "/boot", "/media/anna/USB stick", "/Volumes/Card", "/proc"]) == [
        Place("USB stick", Path("/media/anna/USB stick")),
        Place("Card", Path("/Volumes/Card")),
    ]


# Forms of dropped paths

FORMS: dict[str, Callable[[Path], str]] = {
    "raw": str,
    "escaped": lambda path: str(path).replace(" ", "\\ ").replace("'", "\\'").replace("(", "\\(").replace(")", "\\)"),
    "double-quoted": lambda path: f'"{path}"',
    "address": lambda path: "file://" + quote(str(path)),
    "address with a host": lambda path: "file://localhost" + quote(str(path)),
}
NAMES = ["a.jpg", "two words.jpg", "Anna's (best) photo.jpg", "été #1?.jpg", "100%.jpg"]


@pytest.mark.parametrize("around", ["{}", "{}\n", " {} ", "\r\n{}\r\n"], ids=repr)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_one_dropped_path_is_read_in_any_form(tmp_path: Path, form: str, name: str, around: str) -> None:
    path = make(tmp_path / "my pictures" / name)
    assert typed_paths(around.format(FORMS[form](path))) == [path]


@pytest.mark.parametrize("between", [" ", "\n", "\r\n"], ids=repr)
@pytest.mark.parametrize("form", FORMS)
def test_several_dropped_paths_are_read_in_any_form(tmp_path: Path, form: str, between: str) -> None:
    paths = [make(tmp_path / "my pictures" / name) for name in NAMES]
    assert typed_paths(between.join(map(FORMS[form], paths)) + between) == paths


def test_single_quotes_are_taken_off(tmp_path: Path) -> None:
    paths = [make(tmp_path / "a b.jpg"), make(tmp_path / "c d.jpg")]
    assert typed_paths(" ".join(f"'{path}'" for path in paths)) == paths


def test_paths_of_windows_keep_their_backslashes() -> None:
    assert typed_paths(r"C:\Users\anna\a.jpg") == [Path(r"C:\Users\anna\a.jpg")]
    assert typed_paths(r'"C:\my pictures\a.jpg" "D:\b.jpg"') == [Path(r"C:\my pictures\a.jpg"), Path(r"D:\b.jpg")]
    assert typed_paths(r"C:\my pictures\a.jpg D:\b.jpg") == [Path(r"C:\my pictures\a.jpg"), Path(r"D:\b.jpg")]
    assert typed_paths("file:///C:/a%20b.jpg") == [Path("C:/a b.jpg")]


@given(st.text(max_size=60))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    assert bool(typed_paths(text)) == bool(text.strip()) or text.strip()[:1] in "\"'"


# What is not here


def test_a_missing_path_names_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    words = explain_missing(tmp_path / "2024" / "a.jpg", {})
    assert words == f"There is no {tmp_path}/2024/a.jpg. Check the spelling: {tmp_path} is there."


def test_over_ssh_a_missing_path_may_be_on_the_other_machine() -> None:
    words = explain_missing(Path("/data/my a.jpg"), SSH)
    assert "over SSH" in words
    assert "scp '/data/my a.jpg' anna@192.0.2.1:" in words
    assert "scp -r /data/trip anna@" in explain_missing(Path("/data/trip"), SSH), "what has no ending may be a folder"
    six = {"SSH_CONNECTION": "2001:db8::7 50000 2001:db8::1 22", "USER": "anna"}
    assert "anna@[2001:db8::1]:" in explain_missing(Path("/data/a.jpg"), six)


@pytest.mark.skipif(os.name == "nt", reason="there it is a path as any other")
def test_a_path_of_windows_says_that_it_is_one() -> None:
    words = explain_missing(Path(r"C:\Users\anna\a b.jpg"), SSH)
    assert "is a path of Windows, not of this machine" in words
    assert r'scp "C:\Users\anna\a b.jpg" anna@192.0.2.1:' in words
    under_wsl = explain_missing(Path(r"C:\Users\anna\a.jpg"), {"WSL_DISTRO_NAME": "Debian"})
    assert "/mnt/c/Users/anna/a.jpg" in under_wsl


def test_a_path_of_a_mac_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert "is a path of a Mac" in explain_missing(Path("/Users/anna/a.jpg"), {})
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "a Mac" not in explain_missing(Path("/Users/anna/a.jpg"), {})


def test_a_file_in_a_folder_that_cannot_be_opened_is_not_called_missing(tmp_path: Path) -> None:
    # A ring of links stops everyone; a folder without permission would not stop root.
    (tmp_path / "ring").symlink_to("ring")
    words = explain_missing(tmp_path / "ring" / "a.jpg", {})
    assert f"{tmp_path / 'ring'} cannot be opened: " in words
    assert "There is no" not in words
    assert "There is no" in explain_missing(tmp_path / "none" / "a.jpg", {})


def test_what_is_said_of_a_path_is_safe_to_show() -> None:
    assert explain_missing(Path("/x\x1b[31m"), SSH).isprintable()


def test_ages_are_told_from_the_clock() -> None:
    entry = Entry(Path("/x"), "a.jpg", Kind.IMAGE, 5, datetime(2026, 5, 3, 0, 0, tzinfo=UTC).timestamp())
    text = "".join(piece for piece, _ in line_pieces(entry, Columns.of(60), NOW, marked=False, tally=lambda _: None))
    assert text.split()[-3:] == ["3", "May", "2026"]
