from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from tests.media import drawing
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.media.coordinates import exif_coordinates
from vuemantics_tui.media.exif import number_of, positive_of, text_of
from vuemantics_tui.media.metadata import read_metadata

BASE, GPS, IFD = ExifTags.Base, ExifTags.GPS, ExifTags.IFD


def _photo(
    path: Path, main: dict[int, Any], photo: dict[int, Any] | None = None, place: dict[int, Any] | None = None
) -> MediaMetadata:
    exif = Image.Exif()
    exif.update(main)
    exif.get_ifd(IFD.Exif).update(photo or {})
    exif.get_ifd(IFD.GPSInfo).update(place or {})
    drawing.four_corners().save(path, exif=exif)
    found = read_metadata(path, FileType.IMAGE)
    json.dumps(found.extra, allow_nan=False)
    return found


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.png", "a.avif"])
def test_a_camera_says_everything(tmp_path: Path, name: str) -> None:
    found = _photo(
        tmp_path / name,
        {BASE.Make: "Acme", BASE.Model: "One\x00\x00junk"},
        {
            BASE.DateTimeOriginal: "2021:05:04 18:39:11",
            BASE.OffsetTimeOriginal: "-04:00",
            BASE.ISOSpeedRatings: 200,
            BASE.ExposureTime: IFDRational(1, 250),
            BASE.FNumber: IFDRational(28, 10),
            BASE.FocalLength: IFDRational(50, 1),
            BASE.LensModel: "  50mm  f/1.8 ",
        },
        {
            GPS.GPSLatitudeRef: "S",
            GPS.GPSLatitude: (33.0, 51.0, 30.0),
            GPS.GPSLongitudeRef: "E",
            GPS.GPSLongitude: (151.0, 12.0, 36.0),
            GPS.GPSAltitude: IFDRational(585, 10),
        },
    )
    assert found.taken_at == "2021-05-04T18:39:11-04:00"
    assert found.extra is not None
    expected = {
        "camera_make": "Acme", "camera_model": "One", "lens": "50mm f/1.8", "iso": 200,
        "exposure_seconds": 0.004, "aperture": 2.8, "focal_length_mm": 50.0, "latitude": -33.858333,
        "longitude": 151.21, "altitude_m": 58.5,
    }  # fmt: skip
    assert expected.items() <= found.extra.items()


def test_dimensions_are_upright_and_the_orientation_is_told(tmp_path: Path) -> None:
    found = _photo(tmp_path / "a.jpg", {BASE.Orientation: 6})
    assert (found.width, found.height) == (80, 120)
    assert found.extra == {"orientation": 6}


def test_no_exif_is_no_extra(tmp_path: Path) -> None:
    drawing.four_corners().save(tmp_path / "a.png")
    found = read_metadata(tmp_path / "a.png", FileType.IMAGE)
    assert found == MediaMetadata(width=120, height=80)


@pytest.mark.parametrize(
    ("original", "digitized", "changed", "expected"),
    [("2020:01:02 03:04:05", None, None, "2020-01-02T03:04:05"),
     ("0000:00:00 00:00:00", "2019:01:01 00:00:00", None, "2019-01-01T00:00:00"),
     ("    :  :     :  :  ", None, "2018:01:01 00:00:00", "2018-01-01T00:00:00"),
     ("2020:13:45 99:00:00", None, None, None), ("yesterday", "\x00", None, None)],
)  # fmt: skip
def test_the_first_sensible_date_counts(
    tmp_path: Path, original: str, digitized: str | None, changed: str | None, expected: str | None
) -> None:
    photo: dict[int, str | None] = {BASE.DateTimeOriginal: original, BASE.DateTimeDigitized: digitized}
    found = _photo(
        tmp_path / "a.jpg",
        {BASE.DateTime: changed} if changed else {},
        {tag: value for tag, value in photo.items() if value},
    )
    assert found.taken_at == expected


def test_a_bad_offset_is_left_out(tmp_path: Path) -> None:
    photo: dict[int, Any] = {BASE.DateTimeOriginal: "2020:01:02 03:04:05", BASE.OffsetTimeOriginal: "Z+1"}
    assert _photo(tmp_path / "a.jpg", {}, photo).taken_at == "2020-01-02T03:04:05"


def test_fields_that_make_no_sense_are_left_out(tmp_path: Path) -> None:
    found = _photo(
        tmp_path / "a.jpg",
        {BASE.Make: "\x00\x00", BASE.Model: "C\x1b[31m", BASE.Orientation: 77},
        {
            BASE.ExposureTime: IFDRational(1, 0),
            BASE.FNumber: IFDRational(0, 0),
            BASE.FocalLength: IFDRational(-5, 1),
            BASE.ISOSpeedRatings: 0,
        },
        {GPS.GPSLatitude: (IFDRational(0, 0), 1.0, 1.0), GPS.GPSLongitude: (200.0, 0.0, 0.0)},
    )
    assert found.extra == {"camera_model": "C [31m"}


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, "12", b"12", None, (), [], object(), IFDRational(1, 0), {}, True],
)
def test_no_type_of_value_breaks_a_number(value: object) -> None:
    assert number_of(value) is None
    assert positive_of(value) is None
    assert exif_coordinates({GPS.GPSLatitude: (value, 1.0), GPS.GPSLongitude: (value, 1.0)}) is None
    assert text_of(value) in (None, "12")


def test_damaged_exif_never_fails(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[BASE.Make] = "Acme"
    exif.get_ifd(IFD.Exif).update({BASE.ISOSpeedRatings: 100, BASE.ExposureTime: IFDRational(1, 9)})
    whole = drawing.jpeg_bytes(drawing.four_corners(), exif=exif)
    start = whole.index(b"Exif\x00\x00") + 6
    random = np.random.default_rng(3)
    for _ in range(200):
        data = bytearray(whole)
        for place in random.integers(start, whole.index(b"\xff\xdb"), 5):
            data[place] = int(random.integers(256))
        (tmp_path / "a.jpg").write_bytes(data)
        found = read_metadata(tmp_path / "a.jpg", FileType.IMAGE)
        assert {found.width, found.height} == {120, 80}
        json.dumps(found.extra, allow_nan=False)


def test_a_film_says_everything(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    tags = {
        "com.apple.quicktime.location.ISO6709": "+32.0929+034.8620+028.516/",
        "com.apple.quicktime.make": "Acme",
        "com.apple.quicktime.creationdate": "2019-07-24T11:25:40+0300",
    }
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as output:
        output.metadata.update(tags)
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream("aac", rate=44100, layout="mono")
        for _ in range(20):
            picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            output.mux(stream.encode(picture))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        output.mux(sound.encode(frame))
        output.mux(stream.encode(None))
        output.mux(sound.encode(None))
    drawing.turn_clip(path, (0, 1, -1, 0))
    found = read_metadata(path, FileType.VIDEO)
    assert (found.width, found.height) == (48, 64)
    assert found.duration == pytest.approx(2.0, abs=0.11)
    assert found.video_codec == "mpeg4"
    assert found.taken_at == "2019-07-24T11:25:40+03:00"
    assert found.extra is not None
    expected = {
        "camera_make": "Acme", "frames_per_second": 10.0, "audio_codec": "aac", "latitude": 32.0929,
        "longitude": 34.862, "altitude_m": 28.516,
    }  # fmt: skip
    assert expected.items() <= found.extra.items()
    json.dumps(found.extra, allow_nan=False)


def test_only_what_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    for file_type in FileType:
        with pytest.raises(MediaError):
            read_metadata(tmp_path / "none", file_type)
        (tmp_path / "text").write_text("words")
        with pytest.raises(MediaError):
            read_metadata(tmp_path / "text", file_type)
    cut = drawing.jpeg_bytes(drawing.four_corners(600, 400))[:1200]
    (tmp_path / "cut.jpg").write_bytes(cut)
    assert read_metadata(tmp_path / "cut.jpg", FileType.IMAGE).width == 600


@pytest.mark.parametrize("name", ["PNG", "WEBP", "AVIF", "GIF"])
def test_an_animation_is_a_picture_with_a_count_of_frames(tmp_path: Path, name: str) -> None:
    frames = drawing.shades(5)
    path = tmp_path / "a"
    frames[0].save(path, name, save_all=True, append_images=frames[1:], duration=100)
    assert (read_metadata(path, FileType.IMAGE).extra or {})["frames"] == 5
    frames[0].save(path, name)
    assert read_metadata(path, FileType.IMAGE).extra is None


def test_the_pages_of_a_tiff_and_a_picture_before_an_animation_are_no_frames(tmp_path: Path) -> None:
    frames = drawing.shades(5)
    path = tmp_path / "a"
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:])
    assert "frames" not in (read_metadata(path, FileType.IMAGE).extra or {})
    frames[0].save(path, "PNG", save_all=True, append_images=frames[1:], default_image=True)
    assert (read_metadata(path, FileType.IMAGE).extra or {})["frames"] == 4
