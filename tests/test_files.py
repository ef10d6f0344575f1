from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.media.drawing import names_in
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.files import WholeFile, copy_and_hash, hash_file, inside, sync_folder, write_whole

MIB = 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1, 3 * MIB - 7])
def test_the_copy_is_the_same_and_its_hash_too(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    digest = copy_and_hash(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == data
    assert digest == hashlib.sha256(data).hexdigest() == hash_file(tmp_path / "a")


def test_progress_is_told_by_the_block(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(2 * MIB + 5))
    told: list[int] = []
    copy_and_hash(tmp_path / "a", tmp_path / "b", told.append)
    assert told == [MIB, MIB, 5]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit()])
def test_an_interruption_leaves_no_target(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a").write_bytes(bytes(3 * MIB))

    told: list[int] = []

    def interrupt(size: int) -> None:
        told.append(size)
        if len(told) == 2:
            raise error

    with pytest.raises(type(error)):
        copy_and_hash(tmp_path / "a", tmp_path / "b", interrupt)
    assert names_in(tmp_path) == ["a"]


def test_a_disk_that_does_not_keep_its_word_leaves_no_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        copy_and_hash(tmp_path / "a", tmp_path / "b")
    assert names_in(tmp_path) == ["a"]


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"new")
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        copy_and_hash(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"old"


def test_a_missing_source_makes_no_target(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy_and_hash(tmp_path / "none", tmp_path / "b")
    assert names_in(tmp_path) == []


def test_a_folder_is_not_opened_where_that_cannot_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    real = os.open

    def as_on_windows(path: object, *arguments: Any, **more: Any) -> int:
        opened.append(path)
        if Path(str(path)).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return real(str(path), *arguments, **more)

    monkeypatch.setattr(os, "open", as_on_windows)
    with pytest.raises(PermissionError):
        sync_folder(tmp_path)
    monkeypatch.setattr(os, "name", "nt")
    opened.clear()
    sync_folder(tmp_path)
    assert opened == []


def test_a_whole_file_replaces_at_the_end_or_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / ("\N{GRINNING FACE}" * 60 + ".txt")
    write_whole(target, b"before")
    with pytest.raises(OSError, match="No space"), WholeFile(target) as whole:
        whole.write(b"half")
        assert target.read_bytes() == b"before"
        raise OSError(28, "No space left on device")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]
    write_whole(target, b"after")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"after"]


def test_an_export_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "mine", b"")
        write_whole(tmp_path / "ours", b"", private=False)
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("mine", "ours")] == [0o600, 0o644]


@pytest.mark.parametrize("outside", ["..", "a/../..", "/etc/passwd", "a/../../b", "link", "link/file", "a/deep"])
def test_what_leads_out_of_a_folder_is_refused(tmp_path: Path, outside: str) -> None:
    root = tmp_path / "library"
    (root / "a").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path, target_is_directory=True)
    (root / "a" / "deep").symlink_to("nowhere")
    with pytest.raises(LibraryError, match="outside"):
        inside(root, outside)
    assert inside(root, "a/b/c") == root / "a/b/c"


def test_a_copy_keeps_when_the_file_was_changed(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(b"x" * 3_000_000)
    os.utime(source, ns=(1_400_000_000_123_456_789, 1_500_000_000_987_654_321))
    copy_and_hash(source, tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").stat().st_mtime_ns == 1_500_000_000_987_654_321
