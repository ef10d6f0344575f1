from __future__ import annotations

import os
import struct
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from PIL import Image

from tests.media import drawing
from vuemantics_tui.domain import formats
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import MediaFormat
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.media.probe import probe

LIMITS = MediaLimits()


def _ftyp(major: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">I4s4sI", 16 + len(brands), b"ftyp", major, 0) + brands + bytes(64)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("JPEG", formats.JPEG), ("PNG", formats.PNG), ("WEBP", formats.WEBP), ("AVIF", formats.AVIF), ("GIF", formats.GIF),
     ("TIFF", formats.TIFF), ("BMP", formats.BMP)],
)  # fmt: skip
def test_a_picture_is_known_by_its_bytes_not_by_its_name(tmp_path: Path, name: str, expected: MediaFormat) -> None:
    path = tmp_path / "lies.mp4"
    drawing.four_corners().save(path, name)
    found = probe(path, LIMITS)
    assert (found.format, found.width, found.height) == (expected, 120, 80)
    assert found.file_size == path.stat().st_size


def test_a_big_tiff_is_known(tmp_path: Path) -> None:
    path = tmp_path / "big.jpg"
    drawing.four_corners().save(path, "TIFF", big_tiff=True)
    assert probe(path, LIMITS).format is formats.TIFF


def test_a_heic_is_known_with_its_dimensions(tmp_path: Path) -> None:
    path = tmp_path / "phone.png"
    path.write_bytes(drawing.heic(drawing.four_corners(640, 480), drawing.four_corners(320, 240)))
    found = probe(path, LIMITS)
    assert (found.format, found.width, found.height) == (formats.HEIC, 640, 480)


@pytest.mark.parametrize(
    ("container", "codec", "expected"),
    [("mp4", "mpeg4", formats.MP4), ("mov", "mpeg4", formats.MOV), ("avi", "mpeg4", formats.AVI),
     ("matroska", "mpeg4", formats.MKV), ("flv", "flv", formats.FLV), ("mpeg", "mpeg1video", formats.MPEG),
     ("mpegts", "mpeg2video", formats.MPEG), ("mpeg1video", "mpeg1video", formats.MPEG)],
)  # fmt: skip
def test_a_video_is_known_by_its_bytes_not_by_its_name(
    tmp_path: Path, container: str, codec: str, expected: MediaFormat
) -> None:
    path = drawing.clip(tmp_path / "lies.jpg", drawing.shades(25), codec, rate=25, container=container)
    found = probe(path, LIMITS)
    assert (found.format, found.width, found.height) == (expected, None, None)


@pytest.mark.parametrize(
    ("head", "expected"),
    [(_ftyp(b"heix"), formats.HEIC), (_ftyp(b"mif1", b"mif1", b"heic"), formats.HEIC),
     (_ftyp(b"msf1", b"hevc"), formats.HEIC), (_ftyp(b"mif1", b"avif", b"miaf"), formats.AVIF),
     (_ftyp(b"avis"), formats.AVIF), (_ftyp(b"qt  "), formats.MOV), (_ftyp(b"M4V ", b"isom"), formats.MP4),
     (_ftyp(b"3gp5"), formats.MP4), (_ftyp(b"isom", b"avc1"), formats.MP4),
     (struct.pack(">I4s", 8, b"wide") + bytes(99), formats.MOV),
     (struct.pack(">I4s", 9999, b"moov") + bytes(99), formats.MOV),
     (struct.pack(">I4s", 0, b"mdat") + bytes(99), formats.MOV),
     (b"\x1a\x45\xdf\xa3\x8f\x42\x82\x84webm" + bytes(20), formats.WEBM),
     (b"\x1a\x45\xdf\xa3\x8f\x42\x82\x88matroska" + bytes(20), formats.MKV),
     ((b"\x00\x00\x00\x00\x47" + bytes(187)) * 4, formats.MPEG),
     (b"II+\x00\x08\x00" + bytes(20), formats.TIFF), (b"MM\x00*" + bytes(20), formats.TIFF)],
)  # fmt: skip
def test_kinds_of_one_family_are_told_apart(tmp_path: Path, head: bytes, expected: MediaFormat) -> None:
    path = tmp_path / "file"
    path.write_bytes(head)
    assert probe(path, LIMITS).format is expected


@pytest.mark.parametrize(
    ("content", "seems"),
    [(b"%PDF-1.7\n", "a PDF document"), (b"dear diary, today\n", "text"),
     ("\ufeffgrüße".encode(), "text"), (b'<?xml version="1.0"?><svg xmlns="x"/>', "an SVG drawing"),
     (b"PK\x03\x04....", "a ZIP archive"), (b"ID3\x04", "an audio file (MP3)"),
     (b"RIFF\x00\x00\x00\x00WAVEfmt ", "an audio file (WAV)"), (_ftyp(b"M4A "), "an audio file (M4A)"),
     (b"8BPS\x00\x02", "a large Photoshop document (PSB)")],
)  # fmt: skip
def test_what_is_not_accepted_is_refused_by_name(tmp_path: Path, content: bytes, seems: str) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        probe(path, LIMITS)
    assert seems in caught.value.message
    assert "JPEG" in caught.value.hint
    assert "MP4" in caught.value.hint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(
    ("content", "seems"),
    [
        ("Dear diary, today\r\nwe went out.\n" * 60, "text"),
        ("Dear diary", "text"),
        ('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        ("<!DOCTYPE html><html></html>", "a web page"),
    ],
)
def test_text_is_text_in_every_encoding(tmp_path: Path, content: str, seems: str, encoding: str) -> None:
    path = tmp_path / "notes.jpg"
    path.write_bytes(content.encode(encoding))
    with pytest.raises(MediaError, match=seems):
        probe(path, LIMITS)


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
@pytest.mark.parametrize(
    "content", ["Liebes Tagebuch, heute gab es Grüße.", "今日は、晴れでした。", "Дорогой дневник 😀", ""]
)
def test_a_mark_of_utf_16_makes_no_audio_of_text(mark: bytes, content: str) -> None:
    encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert formats.guess_foreign(mark + content.encode(encoding)) == "text"
    # Cut within a character.
    assert formats.guess_foreign(mark + (content * 400).encode(encoding)[:1023] if content else mark) == "text"


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xfb\x90\x64" + bytes(413),  # MPEG-1 layer III
        b"\xff\xf3\x40\xc4" + bytes(range(256)),  # MPEG-2 layer III
        b"\xff\xfe\x94\x00" + bytes(range(256)) * 3,  # MPEG-1 layer I, which begins like UTF-16
        b"\xff\xfe\x94\x00" + bytes(400),
        b"\xff\xf1\x50\x80" + bytes(range(256)),  # AAC in ADTS
    ],
)
def test_audio_stays_audio(head: bytes) -> None:
    assert formats.guess_foreign(head) == "an audio file (MP3 or AAC)"


def test_bytes_of_no_meaning_are_refused_without_a_guess(tmp_path: Path) -> None:
    path = tmp_path / "noise.jpg"
    path.write_bytes(bytes(range(1, 256)) + bytes(64))
    with pytest.raises(MediaError, match=r"^Not a supported picture or video$"):
        probe(path, LIMITS)


def test_a_tiff_of_a_camera_stays_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "scan.nef"
    drawing.four_corners().save(path, "TIFF", tiffinfo={271: "NIKON CORPORATION", 272: "LS-50"})
    assert probe(path, LIMITS).format is formats.TIFF


def test_a_raw_photo_is_told_wherever_its_directory_stands(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    photo = drawing.dng(drawing.four_corners(), make="SONY", version=None, head=b"II*\x00" + struct.pack("<I", 100_000))
    path.write_bytes(photo)
    assert probe(path, LIMITS).format is formats.TIFF, "nothing is there"
    photo = drawing.dng(
        drawing.four_corners(), make="SONY", version=None, head=b"II*\x00" + struct.pack("<I", 100_000) + bytes(99_992)
    )
    path.write_bytes(photo)
    assert probe(path, LIMITS).format is formats.ARW


@pytest.mark.parametrize(
    ("known", "content", "words"),
    [(formats.DNG, drawing.dng(drawing.four_corners()), r"a RAW photo \(DNG\), and the package rawpy"),
     (formats.JXL, b"\xff\x0a" + bytes(20), "a JXL picture, and the package pylibjxl")],
)  # fmt: skip
def test_a_format_without_its_reader_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: MediaFormat, content: bytes, words: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    # What Python makes of a module that is not there.
    monkeypatch.setitem(sys.modules, known.decoder.package, None)
    with pytest.raises(MediaError, match=words) as caught:
        probe(path, LIMITS)
    assert caught.value.hint == f"Run: python -m pip install {known.decoder.package}"


def test_an_empty_file_a_folder_a_pipe_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, words in (
        ("empty.jpg", "empty"),
        ("", "folder"),
        ("pipe.jpg", "not a regular file"),
        ("none.jpg", "It is gone"),
    ):
        with pytest.raises(MediaError, match=words):
            probe(tmp_path / name, LIMITS)


def test_each_type_has_its_own_limit_of_bytes(tmp_path: Path) -> None:
    picture, film = tmp_path / "a.jpg", tmp_path / "a.mp4"
    drawing.four_corners().save(picture)
    film.write_bytes(_ftyp(b"isom") + bytes(5000))
    limits = MediaLimits(max_image_bytes=100, max_video_bytes=10_000)
    with pytest.raises(MediaError, match="limit of 100 B for pictures"):
        probe(picture, limits)
    assert probe(film, limits).format is formats.MP4
    with pytest.raises(MediaError, match="for videos"):
        probe(film, MediaLimits(max_video_bytes=1000))
    exact = MediaLimits(max_image_bytes=picture.stat().st_size)
    assert probe(picture, exact).format is formats.JPEG


@pytest.mark.parametrize(
    ("declaring", "side"),
    [(drawing.png_declaring, 100_000), (drawing.gif_declaring, 65_535), (drawing.tiff_declaring, 100_000),
     (drawing.webp_declaring, 60_000), (drawing.bmp_declaring, 100_000)],
)  # fmt: skip
def test_a_pixel_bomb_is_refused_from_its_header(
    tmp_path: Path, declaring: Callable[[int, int], bytes], side: int
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(declaring(side, side))
    with pytest.raises(MediaError, match="more than the limit of 200 million"):
        probe(path, LIMITS)


def test_our_limit_decides_not_pillows(tmp_path: Path) -> None:
    """120 million pixels: Pillow alone would warn, and warnings are errors here."""
    path = tmp_path / "large.png"
    path.write_bytes(drawing.png_declaring(12_000, 10_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert probe(path, LIMITS).width == 12_000
        with pytest.raises(MediaError, match="12000 x 10000 pixels"):
            probe(path, MediaLimits(max_pixels=119_999_999))
        assert probe(path, MediaLimits(max_pixels=120_000_000)).height == 10_000
    path.write_bytes(drawing.png_declaring(50_000, 10_000))
    assert probe(path, MediaLimits(max_pixels=10**9)).width == 50_000


def test_a_damaged_header_is_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(drawing.jpeg_bytes(drawing.four_corners())[:30])
    found = probe(path, LIMITS)
    assert (found.format, found.width, found.height) == (formats.JPEG, None, None)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_dimensions_are_upright(tmp_path: Path, name: str, value: int) -> None:
    stored, exif = drawing.stored_with_orientation(drawing.four_corners(120, 80), value)
    path = tmp_path / "picture"
    stored.save(path, name, exif=exif)
    found = probe(path, LIMITS)
    assert (found.width, found.height) == (120, 80)


def test_probing_a_png_decodes_no_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    drawing.four_corners().save(path)

    def fail(_: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    assert probe(path, LIMITS).width == 120


def test_a_container_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drawing.clip(tmp_path / "a.mp4", drawing.shades(5))

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the container was opened")

    monkeypatch.setattr(av, "open", fail)
    assert probe(path, LIMITS).format is formats.MP4


def test_an_unreadable_directory_entry_is_a_media_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        probe(tmp_path / ("x" * 300), LIMITS)


def test_a_grey_picture_counts_too(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("L", (7, 5)).save(path)
    assert probe(path, LIMITS).width == 7
