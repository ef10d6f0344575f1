"""JPEG XL: upright, with its transparency and what it says of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pylibjxl
import pytest
from PIL import Image

from tests.media import drawing
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.probe import probe
from vuemantics_tui.media.scaled import picture_within


def exif_of(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[271], exif[274] = "Camera", orientation
    exif[306] = "2022:03:04 05:06:07"
    return exif.tobytes()


@pytest.mark.parametrize("before", [b"", b"\x00\x00\x00\x00", b"\x00\x00\x00\x06Exif\x00\x00"])
def test_its_exif_is_read_packed_or_not(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "photo"
    path.write_bytes(pylibjxl.encode(np.asarray(drawing.four_corners()), exif=before + exif_of()[6:]))
    found = read_metadata(path, FileType.IMAGE)
    assert (found.width, found.height, found.taken_at) == (120, 80, "2022-03-04T05:06:07")
    assert found.extra == {"camera_make": "Camera"}


def test_its_xmp_is_read_although_it_is_packed(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
    )
    data = pylibjxl.encode(np.asarray(drawing.four_corners()), xmp=packet)
    assert packet not in data
    path.write_bytes(data)
    assert read_metadata(path, FileType.IMAGE).words.rating == 4


@pytest.mark.parametrize("value", range(1, 9))
def test_a_jpeg_that_was_packed_is_upright(tmp_path: Path, value: int) -> None:
    stored, exif = drawing.stored_with_orientation(drawing.four_corners(600, 400), value)
    path = tmp_path / "photo"
    path.write_bytes(pylibjxl.jpeg_to_jxl(drawing.jpeg_bytes(stored, exif=exif)))
    found = probe(path, MediaLimits())
    assert (found.width, found.height) == (600, 400)
    assert drawing.corners_of(picture_within(path, 256)) == drawing.CORNERS


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_each_kind_of_pixels_is_decoded(tmp_path: Path, mode: str) -> None:
    pixels = np.asarray(Image.new(mode, (40, 30), 128 if mode == "L" else (128,) * len(mode)))
    path = tmp_path / "photo"
    path.write_bytes(pylibjxl.encode(pixels[..., None] if mode == "L" else pixels, lossless=True))
    assert picture_within(path, 256).size == (40, 30)


def test_one_that_was_cut_or_damaged_fails_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    data = pylibjxl.encode(np.asarray(drawing.four_corners(600, 400)))
    for damaged in (data[: len(data) // 2], data[:40], b"\xff\x0a" + bytes(50)):
        path.write_bytes(damaged)
        assert probe(path, MediaLimits()).format.name == "JXL"
        with pytest.raises(MediaError, match="The picture cannot be decoded: "):
            picture_within(path, 256)
