"""Of all the dates that a file has, the one that counts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tests.media import drawing
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.moment import DateSource
from vuemantics_tui.media.dates import clip_date
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.xmp import Xmp

BASE, GPS, IFD = ExifTags.Base, ExifTags.GPS, ExifTags.IFD
SHOT = "2020:01:02 03:04:05"


def exif_of(
    main: Mapping[Any, Any] | None = None,
    photo: Mapping[Any, Any] | None = None,
    place: Mapping[Any, Any] | None = None,
) -> Image.Exif:
    """Return an EXIF block with these tags in its main, its photo and its GPS directory."""
    exif = Image.Exif()
    exif.update(main or {})
    exif.get_ifd(IFD.Exif).update(photo or {})
    exif.get_ifd(IFD.GPSInfo).update(place or {})
    return exif


def packet(properties: str) -> bytes:
    """Return an XMP packet with these attributes."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
        f" {properties}/></rdf:RDF></x:xmpmeta>"
    ).encode()


def iptc(day: str, time: str) -> bytes:
    """Return the segment of a JPEG that has these in its IPTC records."""
    records = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text.encode()
        for number, text in ((55, day), (60, time))
        if text
    )
    records += b"\0" * (len(records) % 2)
    body = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def photo(path: Path, exif: Image.Exif | None = None, xmp: bytes = b"", segment: bytes = b"") -> MediaMetadata:
    options: dict[str, Any] = {} if exif is None else {"exif": exif}
    data = drawing.jpeg_bytes(drawing.four_corners(), **options, **({"xmp": xmp} if xmp else {}))
    path.write_bytes(data[:2] + segment + data[2:])
    return read_metadata(path, FileType.IMAGE)


def taken(found: MediaMetadata) -> tuple[str | None, DateSource | None]:
    return found.taken_at, found.taken_from


def test_exif_has_offset_and_fraction(tmp_path: Path) -> None:
    tags = {BASE.DateTimeOriginal: SHOT, BASE.SubsecTimeOriginal: "340 ", BASE.OffsetTimeOriginal: "+05:45"}
    found = photo(tmp_path / "a.jpg", exif_of(photo=tags))
    assert taken(found) == ("2020-01-02T03:04:05.34+05:45", DateSource.EXIF)
    assert found.taken_offset == 345


@pytest.mark.parametrize("offset", ["+25:00", "-13:00", "local", "", "+02:99"])
def test_an_offset_that_is_none_is_left_out(tmp_path: Path, offset: str) -> None:
    found = photo(tmp_path / "a.jpg", exif_of(photo={BASE.DateTimeOriginal: SHOT, BASE.OffsetTimeOriginal: offset}))
    assert taken(found) == ("2020-01-02T03:04:05", DateSource.EXIF)
    assert found.taken_offset is None


def test_the_order_of_the_sources(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    place = {GPS.GPSDateStamp: "2016:01:01", GPS.GPSTimeStamp: (1.0, 2.0, 3.0)}
    xmp = packet('photoshop:DateCreated="2018-05-06T07:08:09-03:00"')
    records = iptc("20170101", "101112+0100")
    changed = {BASE.DateTime: "2022:02:02 02:02:02"}
    shot = {BASE.DateTimeOriginal: SHOT}
    assert taken(photo(path, exif_of(changed, shot, place), xmp, records)) == ("2020-01-02T03:04:05", DateSource.EXIF)
    assert taken(photo(path, exif_of(changed, {}, place), xmp, records)) == (
        "2018-05-06T07:08:09-03:00",
        DateSource.XMP,
    )
    assert taken(photo(path, exif_of(changed, {}, place), b"", records)) == (
        "2017-01-01T10:11:12+01:00",
        DateSource.IPTC,
    )
    assert taken(photo(path, exif_of(changed, {}, place))) == ("2022-02-02T02:02:02", DateSource.EXIF)
    assert taken(photo(path, exif_of(place=place))) == ("2016-01-01T01:02:03Z", DateSource.GPS)
    assert taken(photo(path)) == (None, None)


def test_iptc_may_have_no_time(tmp_path: Path) -> None:
    assert taken(photo(tmp_path / "a.jpg", segment=iptc("20170101", ""))) == ("2017-01-01", DateSource.IPTC)
    assert taken(photo(tmp_path / "a.jpg", segment=iptc("20170101", "991112"))) == ("2017-01-01", DateSource.IPTC)
    assert taken(photo(tmp_path / "a.jpg", segment=iptc("20170000", ""))) == (None, None)


def test_xmp_tells_the_offset_of_the_same_clock_alone(tmp_path: Path) -> None:
    exif = exif_of(photo={BASE.DateTimeOriginal: SHOT, BASE.SubsecTimeOriginal: "5"})
    same = packet('exif:DateTimeOriginal="2020-01-02T03:04:05.50+01:00"')
    assert photo(tmp_path / "a.jpg", exif, same).taken_at == "2020-01-02T03:04:05.5+01:00"
    other = packet('exif:DateTimeOriginal="2021-01-02T03:04:05.50+01:00"')
    assert photo(tmp_path / "a.jpg", exif, other).taken_at == "2020-01-02T03:04:05.5"


def test_a_side_car_puts_a_date_right(tmp_path: Path) -> None:
    exif = exif_of(photo={BASE.DateTimeOriginal: SHOT, BASE.SubsecTimeOriginal: "5"})
    sidecar = tmp_path / "a.jpg.xmp"
    sidecar.write_bytes(packet('exif:DateTimeOriginal="2020-01-02T04:04:05"'))
    assert taken(photo(tmp_path / "a.jpg", exif)) == ("2020-01-02T04:04:05", DateSource.XMP)
    sidecar.write_bytes(packet('exif:DateTimeOriginal="2020-01-02T03:04:05+01:00"'))
    assert taken(photo(tmp_path / "a.jpg", exif)) == ("2020-01-02T03:04:05.5+01:00", DateSource.EXIF)
    # When the side-car itself was written says nothing.
    sidecar.write_bytes(packet('xmp:CreateDate="2023-01-02T03:04:05+01:00"'))
    assert taken(photo(tmp_path / "a.jpg", exif)) == ("2020-01-02T03:04:05.5", DateSource.EXIF)
    (tmp_path / "a.mkv.xmp").write_bytes(packet('photoshop:DateCreated="2001-01-02"'))
    film = clip(tmp_path / "a.mkv", creation_time="2024-07-01T12:00:00Z")
    assert taken(read_metadata(film, FileType.VIDEO)) == ("2001-01-02", DateSource.XMP)


def test_zulu_time_is_an_offset_in_a_picture_and_utc_in_a_clip(tmp_path: Path) -> None:
    told = packet('photoshop:DateCreated="2020-01-05T15:04:00Z"')
    assert photo(tmp_path / "a.jpg", xmp=told).taken_at == "2020-01-05T15:04:00+00:00"
    (tmp_path / "a.mkv.xmp").write_bytes(told)
    assert read_metadata(clip(tmp_path / "a.mkv"), FileType.VIDEO).taken_at == "2020-01-05T15:04:00Z"


@pytest.mark.parametrize(
    ("time", "offset"),
    [((1.0, 4.0, 0.0), 120), ((6.0, 34.0, 7.0), -210), ((1.0, 15.0, 30.0), None), ((22.0, 4.0, 5.0), None)],
)
def test_the_satellites_tell_what_the_camera_was_set_to(
    tmp_path: Path, time: tuple[float, float, float], offset: int | None
) -> None:
    place = {GPS.GPSDateStamp: "2020:01:02", GPS.GPSTimeStamp: time}
    found = photo(tmp_path / "a.jpg", exif_of(photo={BASE.DateTimeOriginal: SHOT}, place=place))
    assert found.taken_at == "2020-01-02T03:04:05"
    assert found.taken_offset == offset


@pytest.mark.parametrize("stamp", [(25.0, 0.0, 0.0), (1.0, 61.0, 0.0), (1.0, 2.0)])
def test_a_satellite_time_that_is_none_is_passed_over(tmp_path: Path, stamp: tuple[float, ...]) -> None:
    place = {GPS.GPSDateStamp: "2016:01:01", GPS.GPSTimeStamp: stamp}
    assert photo(tmp_path / "a.jpg", exif_of(place=place)).taken_at is None


def test_exif_is_found_wherever_it_stands(tmp_path: Path) -> None:
    exif = exif_of({BASE.Orientation: 8}, {BASE.DateTimeOriginal: SHOT})
    block = exif.tobytes()
    # Behind the pixels of a PNG.
    drawing.four_corners().save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    chunk = b"eXIf" + block.removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(data[:-12] + chunk + data[-12:])
    # Behind the other segments of a JPEG.
    plain = drawing.jpeg_bytes(drawing.four_corners(), xmp=packet('xmp:CreateDate="2001-01-01"'))
    end = plain.index(b"\xff\xc0")
    (tmp_path / "a.jpg").write_bytes(
        plain[:end] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[end:]
    )
    drawing.four_corners().save(tmp_path / "a.webp", exif=exif)
    tags = ImageFileDirectory_v2()
    tags[BASE.Orientation], tags[IFD.Exif] = 8, {int(BASE.DateTimeOriginal): SHOT}
    drawing.four_corners().save(tmp_path / "a.tif", tiffinfo=tags)
    for path in sorted(tmp_path.iterdir()):
        found = read_metadata(path, FileType.IMAGE)
        assert taken(found) == ("2020-01-02T03:04:05", DateSource.EXIF), path.name
        assert (found.width, found.height) == (80, 120), path.name


def clip(path: Path, **tags: str) -> Path:
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"} if path.suffix == ".mov" else {}) as output:
        output.metadata.update({name.replace("__", "."): value for name, value in tags.items()})
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_the_time_of_a_container_is_utc(tmp_path: Path, suffix: str) -> None:
    found = read_metadata(clip(tmp_path / f"a.{suffix}", creation_time="2024-07-01T12:00:00Z"), FileType.VIDEO)
    assert taken(found) == ("2024-07-01T12:00:00Z", DateSource.CONTAINER)
    assert found.taken_offset is None


@pytest.mark.parametrize(
    "joined", ["2024-07-01T12:00:00Z;2024-07-01T12:00:00Z", "1904-01-01T00:00:00Z;2024-07-01T12:00:00Z"]
)
def test_of_several_times_of_a_container_the_first_that_makes_sense_counts(tmp_path: Path, joined: str) -> None:
    found = clip_date(tmp_path / "a.mov", {"creation_time": joined}, "mov", Xmp(), Xmp())
    assert found is not None
    assert (found.moment, found.source) == ("2024-07-01T12:00:00Z", DateSource.CONTAINER)


@pytest.mark.parametrize("zero", ["1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_clock_that_nobody_set_is_no_date(tmp_path: Path, zero: str) -> None:
    assert read_metadata(clip(tmp_path / "a.mkv", creation_time=zero), FileType.VIDEO).taken_at is None


def test_an_apple_clip_has_its_own_offset(tmp_path: Path) -> None:
    path = clip(
        tmp_path / "a.mov",
        creation_time="2024-07-01T12:00:00Z",
        com__apple__quicktime__creationdate="2024-07-01T17:45:00+0545",
    )
    found = read_metadata(path, FileType.VIDEO)
    assert taken(found) == ("2024-07-01T17:45:00+05:45", DateSource.QUICKTIME)
    assert found.taken_offset == 345


@pytest.mark.parametrize(
    ("header", "expected"),
    [(b"MON MAR 10 15:04:43 2003\n\0", "2003-03-10T15:04:43"), (b"2003:03:10 15:04:43\0", "2003-03-10T15:04:43"),
     (b"2003/03/10 15:04\0", "2003-03-10T15:04:00"), (b"2010:08/15 12:33\0", "2010-08-15T12:33:00")],
)  # fmt: skip
def test_the_header_of_an_avi_has_the_local_clock(tmp_path: Path, header: bytes, expected: str) -> None:
    data = clip(tmp_path / "a.avi").read_bytes()
    at = data.index(b"hdrl")
    size = struct.unpack("<I", data[at - 4 : at])[0]
    chunk = b"IDIT" + struct.pack("<I", len(header)) + header + b"\0" * (len(header) % 2)
    whole = struct.unpack("<I", data[4:8])[0] + len(chunk)
    (tmp_path / "a.avi").write_bytes(
        data[:4] + struct.pack("<I", whole) + data[8 : at - 4] + struct.pack("<I", size + len(chunk))
        + data[at : at + size] + chunk + data[at + size :]
    )  # fmt: skip
    assert taken(read_metadata(tmp_path / "a.avi", FileType.VIDEO)) == (expected, DateSource.AVI)


def test_an_avi_may_have_its_date_alone(tmp_path: Path) -> None:
    found = read_metadata(clip(tmp_path / "a.avi", date="2003-03-10"), FileType.VIDEO)
    assert taken(found) == ("2003-03-10", DateSource.AVI)
