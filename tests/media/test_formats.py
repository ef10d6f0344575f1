"""Every row of the table of formats, from real files: whatever is derived from it follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.media import drawing
from vuemantics_tui.domain.formats import FORMATS, FileType, MediaFormat, recognise
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.domain.query import ChoiceField, ChoiceFilter, parse_query
from vuemantics_tui.media.probe import probe
from vuemantics_tui.media.thumbnail import make_thumbnail
from vuemantics_tui.ui.picker.folder import media_format

# How FFmpeg calls the container of a video format, and a codec that goes into it.
CONTAINERS = {
    **{"MP4": ("mp4", "mpeg4"), "MOV": ("mov", "mpeg4"), "AVI": ("avi", "mpeg4"), "WebM": ("webm", "libvpx")},
    **{"MKV": ("matroska", "mpeg4"), "MPEG": ("mpeg", "mpeg1video"), "FLV": ("flv", "flv")},
}
EACH = pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)


def a_file(folder: Path, known: MediaFormat) -> Path:
    """A real file of a format, under a name that says nothing."""
    path = folder / "file"
    if known.file_type is FileType.VIDEO:
        container, codec = CONTAINERS[known.name]
        return drawing.clip(path, drawing.shades(25), codec, rate=25, container=container)
    if known.decoder.pillow_name:
        drawing.four_corners().save(path, known.decoder.pillow_name)
    else:
        path.write_bytes(drawing.heic(drawing.four_corners(640, 480), drawing.four_corners(320, 240)))
    return path


@EACH
def test_a_file_is_recognised_decoded_and_named(tmp_path: Path, known: MediaFormat) -> None:
    path = a_file(tmp_path, known)
    found = probe(path, MediaLimits())
    assert found.format is known
    make_thumbnail(path, known.file_type, tmp_path / "thumbnail.jpg")
    with Image.open(tmp_path / "thumbnail.jpg") as thumbnail:
        assert thumbnail.format == "JPEG"
    assert known.mime_type.startswith(f"{known.file_type}/")


@EACH
def test_its_names_mean_it_in_the_picker_and_in_queries(known: MediaFormat) -> None:
    for extension in known.extensions:
        assert media_format(f"Photo.{extension.upper()}") is known
        assert parse_query(f"type:{extension}").filters == (ChoiceFilter(ChoiceField.TYPE, known.alias),)
        assert parse_query(f"like:./a.{extension}").pictures == (f"./a.{extension}",)
        assert parse_query(f"./a.{extension}").pictures == (f"./a.{extension}",)
    assert str(parse_query(f"type:{known.name}")) == f"type:{known.alias}"


def test_no_two_formats_share_a_name() -> None:
    for names in (
        [each.alias for each in FORMATS],
        [each.mime_type for each in FORMATS],
        [extension for each in FORMATS for extension in each.extensions],
    ):
        assert len(set(names)) == len(names)


def test_no_bytes_are_no_format() -> None:
    assert [recognise(bytes(length)) for length in (0, 1, 8, 4096)] == [None] * 4
