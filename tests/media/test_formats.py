"""Every row of the table of formats, from real files: whatever is derived from it follows."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pylibjxl
import pytest
from PIL import Image

from tests.media import drawing
from vuemantics_tui.domain.formats import CR3, DNG, FORMATS, JXL, PSD, RAF, FileType, MediaFormat, recognise
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
# What a camera of each maker writes as its name, for the RAW photos that are a TIFF.
MAKERS = {
    **{"NEF": "NIKON CORPORATION", "ARW": "SONY", "PEF": "PENTAX", "SRW": "SAMSUNG", "3FR": "Hasselblad"},
    **{"MEF": "Mamiya", "MOS": "Leaf", "ERF": "SEIKO EPSON CORP.", "KDC": "EASTMAN KODAK COMPANY", "RAW": "Somebody"},
}
# How the file begins where the maker changes the head of a TIFF, or adds to it.
HEADS = {
    "ORF": b"IIRO\x08\x00\x00\x00",
    "RW2": b"IIU\x00\x08\x00\x00\x00",
    "CR2": b"II*\x00\x10\x00\x00\x00CR\x02\x00\x00\x00\x00\x00",
    "IIQ": b"II*\x00\x10\x00\x00\x00IIIIwaR\x01",
}
EACH = pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)


def a_file(folder: Path, known: MediaFormat) -> Path:
    """A real file of a format, under a name that says nothing."""
    path = folder / "file"
    if known.file_type is FileType.VIDEO:
        container, codec = CONTAINERS[known.name]
        return drawing.clip(path, drawing.shades(25), codec, rate=25, container=container)
    if known.is_raw:
        path.write_bytes(raw_photo(known))
    elif known is JXL:
        path.write_bytes(pylibjxl.encode(np.asarray(drawing.four_corners())))
    elif known is PSD:
        path.write_bytes(drawing.psd(drawing.four_corners()))
    elif known.decoder.pillow_name:
        drawing.four_corners().save(path, known.decoder.pillow_name)
    else:
        path.write_bytes(drawing.heic(drawing.four_corners(640, 480), drawing.four_corners(320, 240)))
    return path


def raw_photo(known: MediaFormat) -> bytes:
    """A RAW photo with a preview. Where LibRaw wants more than that of a format, it is one that was cut."""
    image = drawing.four_corners(600, 400)
    if known is DNG:
        return drawing.dng(image)
    if known.name in MAKERS:
        return drawing.dng(image, image, make=MAKERS[known.name], version=None)
    if known is RAF:
        preview = drawing.jpeg_bytes(image)
        return b"FUJIFILMCCD-RAW 0201".ljust(84, b"\x00") + struct.pack(">II", 100, len(preview)) + bytes(8) + preview
    if known is CR3:
        return drawing.cr3(image)
    return drawing.dng(image, image, make="Camera", version=None, head=HEADS[known.name])


# Containers of their own, in which LibRaw wants the sensor's data of a certain camera.
ONLY_TOLD = {"CRW": b"II\x1a\x00\x00\x00HEAPCCDR", "X3F": b"FOVb", "MRW": b"\x00MRM"}


@pytest.mark.parametrize(("name", "head"), ONLY_TOLD.items())
def test_a_raw_photo_is_told_from_its_first_bytes(name: str, head: bytes) -> None:
    found = recognise(head + bytes(100))
    assert found is not None
    assert (found.name, found.is_raw) == (name, True)


DECODED = pytest.mark.parametrize(
    "known", [each for each in FORMATS if each.name not in ONLY_TOLD], ids=lambda known: known.name
)


@DECODED
def test_a_file_is_recognised_decoded_and_named(tmp_path: Path, known: MediaFormat) -> None:
    path = a_file(tmp_path, known)
    found = probe(path, MediaLimits())
    assert found.format is known
    make_thumbnail(path, known.file_type, tmp_path / "thumbnail.jpg")
    with Image.open(tmp_path / "thumbnail.jpg") as thumbnail:
        assert thumbnail.format == "JPEG"
        if known.file_type is FileType.IMAGE:
            assert drawing.corners_of(thumbnail) == drawing.CORNERS
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
