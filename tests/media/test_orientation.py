"""Which way a picture is turned has one answer: in its thumbnail, its size, its metadata, and what a model sees."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tests.media import drawing
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.pictures import DEFAULT_MAX_PIXELS
from vuemantics_tui.media.probe import probe
from vuemantics_tui.media.scaled import vision_jpeg
from vuemantics_tui.media.thumbnail import small_picture

ORIENTATION, XMP = 0x0112, 700
WIDTH, HEIGHT = 600, 400
ATTRIBUTE = 'tiff:Orientation="{}"/>'
SINGLE_QUOTED = "tiff:Orientation='{}'/>"
ELEMENT = "><tiff:Orientation>{}</tiff:Orientation></rdf:Description>"
FORMS = (ATTRIBUTE, SINGLE_QUOTED, ELEMENT)


def packet(value: int, form: str = ATTRIBUTE) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {form.format(value)}</rdf:RDF></x:xmpmeta>'
    ).encode()


def save(path: Path, stored: Image.Image, xmp: bytes, exif: Image.Exif | None = None) -> None:
    """Save a picture with XMP, and EXIF if there is any."""
    if path.suffix == ".tif":
        tags = ImageFileDirectory_v2()
        tags[XMP], tags.tagtype[XMP] = xmp, 1
        stored.save(path, tiffinfo=tags)
    elif path.suffix == ".png":
        stored.save(path, exif=exif.tobytes() if exif else b"")
        data = path.read_bytes()
        path.write_bytes(data[:33] + text_chunk(xmp) + data[33:])
    else:
        stored.save(path, xmp=xmp, exif=exif or Image.Exif())


def text_chunk(xmp: bytes, packed: bool = False) -> bytes:
    """Return the chunk of a PNG that has this packet."""
    chunk = b"iTXtXML:com.adobe.xmp\0" + (b"\1\0\0\0" + zlib.compress(xmp) if packed else b"\0\0\0\0" + xmp)
    return struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))


def check_upright(path: Path) -> None:
    """Check that everything that asks gets the picture as it is to be shown."""
    seen = Image.open(io.BytesIO(vision_jpeg(path, 300, 4, 90, DEFAULT_MAX_PIXELS)))
    for picture in (small_picture(path, FileType.IMAGE, 300, DEFAULT_MAX_PIXELS), seen):
        assert drawing.corners_of(picture) == drawing.CORNERS
        assert picture.size == (300, 200)
    found, probed = read_metadata(path, FileType.IMAGE), probe(path, MediaLimits())
    assert (found.width, found.height) == (probed.width, probed.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_xmp_turns_a_picture_where_exif_is_silent(tmp_path: Path, name: str, value: int) -> None:
    stored, _ = drawing.stored_with_orientation(drawing.four_corners(WIDTH, HEIGHT), value)
    save(tmp_path / name, stored, packet(value))
    check_upright(tmp_path / name)
    extra = read_metadata(tmp_path / name, FileType.IMAGE).extra or {}
    assert extra.get("orientation") == (value if value > 1 else None)


@pytest.mark.parametrize("form", FORMS)
def test_xmp_may_write_it_in_any_of_its_ways(tmp_path: Path, form: str) -> None:
    stored, _ = drawing.stored_with_orientation(drawing.four_corners(WIDTH, HEIGHT), 6)
    save(tmp_path / "a.jpg", stored, packet(6, form))
    check_upright(tmp_path / "a.jpg")


@pytest.mark.parametrize("packed", [True, False])
def test_xmp_may_stand_behind_the_pixels(tmp_path: Path, packed: bool) -> None:
    stored, _ = drawing.stored_with_orientation(drawing.four_corners(WIDTH, HEIGHT), 8)
    stored.save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[:-12] + text_chunk(packet(8), packed) + data[-12:])
    check_upright(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_exif_decides_where_both_speak(tmp_path: Path, name: str) -> None:
    stored, exif = drawing.stored_with_orientation(drawing.four_corners(WIDTH, HEIGHT), 6)
    save(tmp_path / name, stored, packet(3), exif)
    check_upright(tmp_path / name)
    upright, exif = drawing.stored_with_orientation(drawing.four_corners(WIDTH, HEIGHT), 1)
    save(tmp_path / name, upright, packet(3), exif)
    check_upright(tmp_path / name)


@pytest.mark.parametrize("value", ["0", "9", "six", "-6", ""])
def test_xmp_that_makes_no_sense_turns_nothing(tmp_path: Path, value: str) -> None:
    save(tmp_path / "a.jpg", drawing.four_corners(WIDTH, HEIGHT), packet(0).replace(b'"0"', f'"{value}"'.encode()))
    check_upright(tmp_path / "a.jpg")


def test_an_avif_is_turned_once_and_by_its_boxes_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    stored, exif = drawing.stored_with_orientation(drawing.four_corners(WIDTH, HEIGHT), 6)
    # Pillow writes the orientation of EXIF as boxes.
    stored.save(path, exif=exif, xmp=packet(6))
    check_upright(path)
    drawing.four_corners(WIDTH, HEIGHT).save(path, xmp=packet(6))
    check_upright(path)


@pytest.mark.parametrize(
    ("quarter_turns", "mirror", "value"),
    [(0, None, 1), (1, None, 8), (2, None, 3), (3, None, 6), (0, 0, 4), (0, 1, 2), (1, 0, 5), (1, 1, 7)],
)
@pytest.mark.parametrize("side", [300, 200])
def test_a_heic_is_turned_once(tmp_path: Path, quarter_turns: int, mirror: int | None, value: int, side: int) -> None:
    """With a thumbnail inside that is large enough for what is asked, or without."""
    stored, _ = drawing.stored_with_orientation(drawing.four_corners(WIDTH, HEIGHT), value)
    small = stored.resize((stored.width * side // WIDTH // 2 * 2, stored.height * side // WIDTH // 2 * 2))
    data = drawing.heic(stored, small, quarter_turns=quarter_turns, mirror=mirror)
    (tmp_path / "a.heic").write_bytes(data)
    check_upright(tmp_path / "a.heic")
