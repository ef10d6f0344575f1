"""Coordinates in EXIF, in XMP and in the tags of clips, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from tests.media import drawing
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.coordinates import clip_coordinates, exif_coordinates, iso_6709, xmp_coordinates
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.xmp import parse_xmp

GPS = ExifTags.GPS
NOTHING = IFDRational(0, 0)


def gps(latitude: Any, north: Any, longitude: Any, east: Any) -> dict[int, Any]:
    return {
        GPS.GPSLatitude: latitude,
        GPS.GPSLatitudeRef: north,
        GPS.GPSLongitude: longitude,
        GPS.GPSLongitudeRef: east,
    }


@pytest.mark.parametrize(
    ("tags", "latitude", "longitude"),
    [
        (gps((48.0, 8.0, 15.0), "N", (11.0, 34.0, 30.0), "E"), 48.1375, 11.575),
        (gps((33.0, 51.0, 30.0), "S", (70.0, 30.0, 0.0), "W"), -33.858333, -70.5),
        (gps((33.0, 51.0, 30.0), b"s\x00", (70.0, 30.0, 0.0), "west"), -33.858333, -70.5),
        (gps((48.0, 8.25, NOTHING), "N", (11.0, 34.5, NOTHING), "E"), 48.1375, 11.575),
        (gps((48.1375, NOTHING, NOTHING), "N", (11.575, NOTHING, NOTHING), "E"), 48.1375, 11.575),
        (gps((48.0, 8.25), "N", (11.0, 34.5), "E"), 48.1375, 11.575),
        (gps((48.1375,), None, (11.575,), None), 48.1375, 11.575),
        (gps((0.0, 0.0, 0.0), "N", (9.0, 27.0, 0.0), "E"), 0.0, 9.45),
    ],
)
def test_a_camera_writes_degrees_in_many_ways(tags: dict[int, Any], latitude: float, longitude: float) -> None:
    point = exif_coordinates(tags)
    assert point is not None
    assert (point.latitude, point.longitude) == pytest.approx((latitude, longitude), abs=1e-6)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        gps((0.0, 0.0, 0.0), "N", (0.0, 0.0, 0.0), "E"),
        gps((0.0, 0.0, 0.01), "N", (0.0, 0.0, 0.02), "E"),
        gps((NOTHING, NOTHING, NOTHING), "N", (NOTHING, NOTHING, NOTHING), "E"),
        gps((48.0, NOTHING, NOTHING), "N", (11.0, NOTHING, NOTHING), "E"),
        gps((float("nan"), 0.0, 0.0), "N", (11.0, 34.0, 0.0), "E"),
        gps((float("inf"), 0.0, 0.0), "N", (11.0, 34.0, 0.0), "E"),
        gps((48.0, float("inf"), 0.0), "N", (11.0, float("nan"), 0.0), "E"),
        gps((91.0, 0.0, 0.0), "N", (11.0, 0.0, 0.0), "E"),
        gps((48.0, 0.0, 0.0), "N", (181.0, 0.0, 0.0), "E"),
        gps((90.0, 30.0, 0.0), "N", (11.0, 0.0, 0.0), "E"),
        gps((48.0, 75.0, 0.0), "N", (11.0, 0.0, 0.0), "E"),
        gps((48.0, 30.0, 1000.0), "N", (11.0, 0.0, 0.0), "E"),
        gps((-48.0, 30.0, 0.0), "N", (11.0, 0.0, 0.0), "E"),
        gps((4294967248.0, 0.0, 0.0), "N", (11.0, 0.0, 0.0), "E"),
        gps((48.0, 30.0, 0.0), "N", None, None),
        gps((48.0, 1.0, 2.0, 3.0), "N", (11.0, 0.0, 0.0), "E"),
        gps("48.1", "N", "11.5", "E"),
    ],
)
def test_what_cannot_be_a_place_is_none(tags: dict[int, Any]) -> None:
    assert exif_coordinates(tags) is None


@pytest.mark.parametrize(("reference", "height"), [(0, 58.5), (1, -58.5), (b"\x01", -58.5), (None, 58.5)])
def test_a_height_may_be_below_the_sea(reference: Any, height: float) -> None:
    tags = gps((48.0, 8.0, 15.0), "N", (11.0, 34.0, 30.0), "E")
    point = exif_coordinates({**tags, GPS.GPSAltitude: IFDRational(585, 10), GPS.GPSAltitudeRef: reference})
    assert point is not None and point.altitude == height


@pytest.mark.parametrize("height", [NOTHING, IFDRational(4294967295, 1), float("nan")])
def test_a_height_that_makes_no_sense_is_left_out(height: Any) -> None:
    point = exif_coordinates({**gps((48.0, 8.0, 15.0), "N", (11.0, 34.0, 30.0), "E"), GPS.GPSAltitude: height})
    assert point is not None and point.altitude is None


@pytest.mark.parametrize(
    ("text", "latitude", "longitude", "altitude"),
    [
        ("+32.0929+034.8620+028.516/", 32.0929, 34.862, 28.516),
        ("+32.0929+034.8620/", 32.0929, 34.862, None),
        ("-33.8583-070.5", -33.8583, -70.5, None),
        ("+48+011/", 48, 11, None),
        ("+4808.25+01134.5/", 48.1375, 11.575, None),
        ("+4808+01134-012/", 48.133333, 11.566667, -12),
        ("+480815+0113430/", 48.1375, 11.575, None),
        ("+480815.00+0113430.00+520.5CRSWGS_84/", 48.1375, 11.575, 520.5),
        ("-335130.0-0703000.0/", -33.858333, -70.5, None),
        ("+00.0000+009.4500/", 0, 9.45, None),
        ("+5.5-3.25/", 5.5, -3.25, None),
        (" +48.1375 +011.5750 ", 48.1375, 11.575, None),
        ("48°08′15″N 11°34′30″E", 48.1375, 11.575, None),
        ("33°51'30\"S, 70°30'W", -33.858333, -70.5, None),
        ("48.1375°N 11.575°E", 48.1375, 11.575, None),
    ],
)
def test_iso_6709_is_read_in_every_form(text: str, latitude: float, longitude: float, altitude: float | None) -> None:
    point = iso_6709(text)
    assert point is not None
    assert (point.latitude, point.longitude) == pytest.approx((latitude, longitude), abs=1e-6)
    assert point.altitude == altitude


@pytest.mark.parametrize(
    "text",
    [
        "", "here", "+1", "/", "+95.0+010.0/", "+10.0+190.0/", "+00.0000+000.0000/", "+0000.00+00000.00/",
        "+000000+0000000/", "-00.0000-000.0000+000.000/", "+4875+01134/", "+480875+0113430/", "+480+0113/",
        "48.1 11.5", "nan nan", "+nan+nan/", "+48.1", "48°08′15″N", "99°N 11°E", "48°75′N 11°E",
    ],
)  # fmt: skip
def test_a_text_that_names_no_place_is_none(text: str) -> None:
    assert iso_6709(text) is None


def test_a_clip_without_a_fix_in_one_tag_may_have_it_in_another() -> None:
    tags = {"com.apple.quicktime.location.ISO6709": "+00.0000+000.0000/", "location-eng": "+48.1375+011.5750/"}
    point = clip_coordinates(tags)
    assert point is not None and (point.latitude, point.longitude) == (48.1375, 11.575)
    assert clip_coordinates({"title": "+48.1375+011.5750/"}) is None


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("48,8.25N", "11,34.5E", (48.1375, 11.575)),
        ("33,51,30S", "70,30,0W", (-33.858333, -70.5)),
        ("48.1375", "-11.575", (48.1375, -11.575)),
        ("0,0.0N", "0,0.0E", None),
        ("91,0N", "11,0E", None),
        ("48,61N", "11,0E", None),
        ("north", "east", None),
    ],
)
def test_xmp_has_degrees_too(latitude: str, longitude: str, expected: tuple[float, float] | None) -> None:
    packet = f"""
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:exif="http://ns.adobe.com/exif/1.0/">
        <rdf:Description exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}"/></rdf:RDF>
    """
    point = xmp_coordinates(parse_xmp(packet.encode()))
    found = None if point is None else (point.latitude, point.longitude)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


def clip_with(path: Path, location: str) -> Path:
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as output:
        output.metadata.update({"com.apple.quicktime.location.ISO6709": location})
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("location", ["+48.1375+011.5750+520/", "+4808.25+01134.50/", "+480815+0113430/"])
def test_a_clip_gets_its_place_and_its_time_zone(tmp_path: Path, location: str) -> None:
    found = read_metadata(clip_with(tmp_path / "a.mov", location), FileType.VIDEO)
    assert found.place is not None and found.extra is not None
    assert (found.place.name, found.place.country_code) == ("Munich", "DE")
    assert found.extra["time_zone"] == "Europe/Berlin"


def test_a_clip_without_a_fix_has_no_place(tmp_path: Path) -> None:
    found = read_metadata(clip_with(tmp_path / "a.mov", "+00.0000+000.0000/"), FileType.VIDEO)
    assert found.place is None and found.extra is not None
    assert not {"latitude", "longitude", "altitude_m", "time_zone"} & found.extra.keys()


def test_a_picture_gets_its_place_and_its_time_zone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps((41.0, 53.0, 24.7), "N", (12.0, 29.0, 31.9), "E"))
    drawing.four_corners().save(tmp_path / "a.jpg", exif=exif)
    found = read_metadata(tmp_path / "a.jpg", FileType.IMAGE)
    assert found.place is not None and found.extra is not None
    assert (found.place.name, found.place.region, found.place.country) == ("Rome", "Lazio", "Italy")
    assert found.extra["time_zone"] == "Europe/Rome"


def packet(fields: str) -> bytes:
    return f"""
        <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
        xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"><rdf:Description {fields}/>
        </rdf:RDF></x:xmpmeta>
    """.encode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ('exif:GPSLatitude="48,8.25N" exif:GPSLongitude="11,34.5E"', "Munich, Bavaria, Germany"),
        ('photoshop:City="Roma" photoshop:Country="Italia"', "Rome, Lazio, Italy"),
        ('photoshop:City="Roma" Iptc4xmpCore:CountryCode="IT"', "Rome, Lazio, Italy"),
        (
            'photoshop:City="The shed" photoshop:State="Cornwall" photoshop:Country="UK"',
            "The shed, Cornwall, United Kingdom",
        ),
        ('exif:GPSLatitude="48,8.25N" exif:GPSLongitude="11,34.5E" photoshop:City="My street"', "My street, Germany"),
        ('photoshop:Country="Italia"', ""),
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_xmp_names_the_place_in_the_file_or_beside_it(tmp_path: Path, fields: str, words: str, beside: bool) -> None:
    xmp = packet(fields)
    drawing.four_corners().save(tmp_path / "a.jpg", xmp=b"" if beside else xmp)
    if beside:
        (tmp_path / "a.jpg.xmp").write_bytes(xmp)
    place = read_metadata(tmp_path / "a.jpg", FileType.IMAGE).place
    assert ("" if place is None else ", ".join(filter(None, (place.name, place.region, place.country)))) == words


def test_a_side_car_comes_before_the_coordinates_of_the_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps((41.0, 53.0, 24.7), "N", (12.0, 29.0, 31.9), "E"))
    drawing.four_corners().save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "a.xmp").write_bytes(packet('exif:GPSLatitude="48,8.25N" exif:GPSLongitude="11,34.5E"'))
    found = read_metadata(tmp_path / "a.jpg", FileType.IMAGE)
    assert found.place is not None and found.place.name == "Munich"


def test_iptc_names_the_place(tmp_path: Path) -> None:
    records = b"".join(
        b"\x1c\x02" + bytes((number,)) + len(text).to_bytes(2) + text
        for number, text in ((90, b"Z\xfcrich"), (100, b"CHE"), (101, b"Switzerland"))
    )
    block = b"8BIM\x04\x04\x00\x00" + len(records).to_bytes(4) + records + b"\x00" * (len(records) % 2)
    whole = drawing.jpeg_bytes(drawing.four_corners())
    segment = b"Photoshop 3.0\x00" + block
    (tmp_path / "a.jpg").write_bytes(whole[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2) + segment + whole[2:])
    place = read_metadata(tmp_path / "a.jpg", FileType.IMAGE).place
    assert place is not None and (place.name, place.country_code) == ("Zürich", "CH")
