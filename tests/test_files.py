from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.media.drawing import names_in
from vuemantics_tui.files import copy_and_hash, hash_file

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
