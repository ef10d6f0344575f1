"""Whose fault it is: a file is blamed for what its decoder raised, never for a mistake of this program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.media import drawing
from vuemantics_tui import paths
from vuemantics_tui.domain.errors import DefectError, MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.probe import probe
from vuemantics_tui.media.thumbnail import make_thumbnail


def _film(tmp_path: Path, **tags: str) -> Path:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as output:
        output.metadata.update(tags)
        stream = output.add_stream("mpeg4", rate=12)
        stream.width, stream.height, stream.pix_fmt = 120, 80, "yuv420p"
        for _ in range(12):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(drawing.four_corners()), format="rgb24")))
        output.mux(stream.encode())
    return path


def _raising(error: Exception) -> Any:
    def raise_it(*_: object, **__: object) -> None:
        raise error

    return raise_it


def test_a_clip_whose_tags_are_not_utf8_is_read(tmp_path: Path) -> None:
    film = _film(tmp_path, title="CafXY", make="ZQ", creation_time="2024-03-05T10:11:12Z")
    content = film.read_bytes()
    assert content.count(b"CafXY") == 1
    film.write_bytes(content.replace(b"CafXY", b"Caf\xe9\xff"))
    metadata = read_metadata(film, FileType.VIDEO)
    assert (metadata.width, metadata.height) == (120, 80)
    assert make_thumbnail(film, FileType.VIDEO, tmp_path / "thumbnail.jpg").size == (120, 80)


def test_a_camera_whose_name_is_not_utf8_is_shown_without_broken_characters(tmp_path: Path) -> None:
    film = _film(tmp_path, artist="Camera XY")
    content = film.read_bytes()
    # The tag of the artist becomes that of the maker: QuickTime's four letters.
    assert content.count(b"\xa9ART") == 1
    film.write_bytes(content.replace(b"\xa9ART", b"\xa9mak").replace(b"Camera XY", b"Camera \xe9\xff"))
    extra = read_metadata(film, FileType.VIDEO).extra or {}
    make = extra.get("camera_make", "Camera")
    assert isinstance(make, str)
    make.encode("utf-8")
    assert make.startswith("Camera")


@pytest.mark.parametrize("error", [TypeError("open() got an unexpected keyword argument 'mode'"), AttributeError("x")])
def test_a_decoder_that_is_called_wrongly_is_a_bug_and_no_damaged_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    film = _film(tmp_path)
    monkeypatch.setattr(av, "open", _raising(error))
    for read in (
        lambda: read_metadata(film, FileType.VIDEO),
        lambda: make_thumbnail(film, FileType.VIDEO, tmp_path / "thumbnail.jpg"),
    ):
        with pytest.raises(DefectError) as caught:
            read()
        assert caught.value.message == f"This is a bug: {type(error).__name__}: {error}"
        assert str(paths.log_file()) in caught.value.hint
        assert "damaged" not in caught.value.hint


def test_an_argument_that_the_installed_pyav_does_not_know_is_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = _film(tmp_path)
    really_open: Any = av.open
    monkeypatch.setattr(av, "open", lambda *given, **named: really_open(*given, **named, no_such_argument=1))
    with pytest.raises(DefectError, match="no_such_argument"):
        read_metadata(film, FileType.VIDEO)


def test_a_picture_decoder_that_is_called_wrongly_is_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "picture.png"
    drawing.four_corners().save(picture)
    with monkeypatch.context() as patched:
        patched.setattr(Image, "open", _raising(TypeError("open() got an unexpected keyword argument 'formats'")))
        with pytest.raises(DefectError, match="This is a bug: TypeError: open"):
            make_thumbnail(picture, FileType.IMAGE, tmp_path / "thumbnail.jpg")
        with pytest.raises(TypeError):
            probe(picture, MediaLimits())
    assert make_thumbnail(picture, FileType.IMAGE, tmp_path / "thumbnail.jpg").size == (120, 80)


def test_what_the_decoder_itself_stumbles_over_is_the_pictures_fault(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    drawing.four_corners().save(picture)
    content = bytearray(picture.read_bytes())
    # The kind of colour in the header: one that PNG does not have. Pillow's parser raises inside its own code.
    content[25] = 99
    picture.write_bytes(bytes(content))
    with pytest.raises(MediaError) as caught:
        make_thumbnail(picture, FileType.IMAGE, tmp_path / "thumbnail.jpg")
    assert "copy it again" in caught.value.hint.lower()
