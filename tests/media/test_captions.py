"""Title, caption, creator, keywords, rating and label, from wherever programs write them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image

from tests.media.test_xmp import XMPMETA
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import FileWords
from vuemantics_tui.media.captions import words_of_iptc, words_of_xmp
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.xmp import parse_xmp

SPACES = """
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:ms="http://ns.microsoft.com/photo/1.0/"
 xmlns:darktable="http://darktable.sf.net/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" """


def packet(properties: str, *, rated: bool = False) -> bytes:
    """An XMP packet with these properties."""
    text = XMPMETA.format(properties).replace("xmlns:own=", f"{SPACES}xmlns:own=")
    return (text if rated else text.replace('xap:Rating="4"', "")).encode()


def words(properties: str) -> FileWords:
    """What XMP with these properties says."""
    return words_of_xmp(parse_xmp(packet(properties)))


def bag(name: str, *items: str) -> str:
    """A list in XMP."""
    return f"<{name}><rdf:Bag>{''.join(f'<rdf:li>{item}</rdf:li>' for item in items)}</rdf:Bag></{name}>"


def dataset(record: int, number: int, value: bytes) -> bytes:
    """One dataset of IPTC."""
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


def test_xmp_says_it_all() -> None:
    assert words(
        '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Sea</rdf:li></rdf:Alt></dc:title>'
        '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">One\nTwo</rdf:li></rdf:Alt></dc:description>'
        "<dc:creator><rdf:Seq><rdf:li>Anna</rdf:li><rdf:li>Ben</rdf:li></rdf:Seq></dc:creator>"
        + bag("dc:subject", "zanzibar", "Käthe")
        + bag("lr:hierarchicalSubject", "places|zanzibar", "people|family|Käthe")
        + "<xmp:Label>Yellow</xmp:Label><xmp:Rating>5</xmp:Rating>"
    ) == FileWords(
        title="Sea",
        caption="One\nTwo",
        creator="Anna; Ben",
        label="yellow",
        rating=5,
        keywords=("zanzibar", "Käthe", "places", "family", "people"),
        keyword_paths=("places|zanzibar", "people|family|Käthe"),
    )


@pytest.mark.parametrize(
    "properties",
    [
        bag("digiKam:TagsList", "places/zanzibar"),
        bag("ms:LastKeywordXMP", "places/zanzibar"),
        bag("dc:subject", "places|zanzibar"),
    ],
)
def test_hierarchical_keywords_are_found_by_every_level(properties: str) -> None:
    assert set(words(properties).keywords) == {"places", "zanzibar"}


def test_keywords_that_programs_keep_for_themselves_are_left_out() -> None:
    private = bag("digiKam:TagsList", "_Digikam_Internal_Tags_/Pick Label None") + bag(
        "lr:hierarchicalSubject", "darktable|exported", "darktable|format|jpg"
    )
    assert words(private) == FileWords()


@pytest.mark.parametrize(
    ("properties", "rating"),
    [
        ("<xmp:Rating>-1</xmp:Rating>", -1),
        ("<xmp:Rating>0</xmp:Rating><ms:Rating>99</ms:Rating>", 0),
        ("<xmp:Rating>3.0</xmp:Rating>", 3),
        ("<xmp:Rating>many</xmp:Rating>", None),
        ("<xmp:Rating>9</xmp:Rating>", None),
        ("<xmp:Rating>NaN</xmp:Rating>", None),
        *(
            (f"<ms:Rating>{percent}</ms:Rating>", stars)
            for percent, stars in ((1, 1), (25, 2), (50, 3), (75, 4), (99, 5))
        ),
        ("<digiKam:PickLabel>1</digiKam:PickLabel>", -1),
    ],
)
def test_ratings_in_every_scale(properties: str, rating: int | None) -> None:
    assert words(properties).rating == rating


@pytest.mark.parametrize(
    ("properties", "label"),
    [
        ("<xmp:Label>Red</xmp:Label>", "red"),
        ("<xmp:Label>Select</xmp:Label>", "red"),
        ("<xmp:Label>Grün</xmp:Label>", "green"),
        ("<xmp:Label>To Do</xmp:Label>", "purple"),
        ("<xmp:Label>Portfolio 2024</xmp:Label>", "Portfolio 2024"),
        ("<xmp:Label></xmp:Label>", None),
        (bag("darktable:colorlabels", "3"), "blue"),
        ("<digiKam:ColorLabel>2</digiKam:ColorLabel>", "orange"),
        ("<digiKam:ColorLabel>0</digiKam:ColorLabel>", None),
    ],
)
def test_labels_of_every_program(properties: str, label: str | None) -> None:
    assert words(properties).label == label


def test_iptc_in_utf_8_and_without_a_declared_encoding() -> None:
    text = [
        ("utf-8", dataset(1, 90, b"\x1b%G")),
        ("utf-8", b""),
        ("cp1252", b""),
        ("latin-1", dataset(1, 90, b"\x1b.A")),
    ]
    for encoding, declared in text:
        records = declared + b"".join(
            dataset(2, number, value.encode(encoding))
            for number, value in ((5, "Käthe"), (25, "Möwe"), (25, "sea"), (80, "Zoë"), (120, "Am\r\nStrand"))
        )
        assert words_of_iptc(records) == FileWords(
            title="Käthe", caption="Am\nStrand", creator="Zoë", keywords=("Möwe", "sea")
        )


def test_iptc_that_is_cut_or_long_says_what_is_whole() -> None:
    long = b"x" * 100
    extended = b"\x1c\x02\x78\x80\x04" + struct.pack(">I", len(long)) + long
    assert words_of_iptc(extended).caption == "x" * 100
    assert words_of_iptc(dataset(2, 25, b"sea") + dataset(2, 25, b"shore")[:-1]).keywords == ("sea",)
    assert words_of_iptc(b"\x1c\x02") == words_of_iptc(b"garbage") == FileWords()


def test_iptc_and_xmp_of_one_file_are_joined(tmp_path: Path) -> None:
    whole = "a keyword that is longer than the sixty-four bytes which IPTC allows it"
    records = dataset(2, 25, whole.encode()[:64]) + dataset(2, 25, b"sea") + dataset(2, 120, b"from IPTC")
    path = tmp_path / "a.tif"
    Image.new("RGB", (8, 8)).save(path, tiffinfo={700: packet(bag("dc:subject", whole)), 33723: records})
    found = read_metadata(path, FileType.IMAGE).words
    assert (found.keywords, found.caption) == ((whole, "sea"), "from IPTC")


def test_exif_and_the_tags_of_windows_come_last(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x010E] = "Am Strand von Käthe".encode()
    exif[0x013B] = "Anna"
    exif[0x4746] = 4
    exif[0x9C9B] = "Möwe".encode("utf-16-le") + b"\x00\x00"
    exif[0x9C9E] = "sea;summer 2024".encode("utf-16-le") + b"\x00\x00"
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    assert read_metadata(path, FileType.IMAGE).words == FileWords(
        title="Möwe", caption="Am Strand von Käthe", creator="Anna", rating=4, keywords=("sea", "summer 2024")
    )


JUNK = ["OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "DCIM\\100MEDIA\\DJI_0001.JPG", "   ", "DSC00019", "Acme CSC 12"]
JUNK += ["Created with The GIMP", "File written by Adobe Photoshop 4.0", '{"shape": [32, 32, 3]}', "EPSON DSC picture"]


@pytest.mark.parametrize("text", JUNK)
def test_what_cameras_write_is_no_caption(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x010E] = text
    exif[0x010F] = "Acme Corporation"
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    assert read_metadata(path, FileType.IMAGE).words.caption is None


def test_side_cars_come_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    Image.new("RGB", (8, 8)).save(
        path,
        tiffinfo={
            700: packet(bag("dc:subject", "old") + "<xmp:Label>Red</xmp:Label><dc:title>in it</dc:title>", rated=True)
        },
    )
    (tmp_path / "photo.xmp").write_bytes(packet("<xmp:Rating>1</xmp:Rating><dc:title>Lightroom's</dc:title>"))
    (tmp_path / "photo.tif.xmp").write_bytes(packet("<xmp:Rating>2</xmp:Rating>" + bag("dc:subject", "new")))
    assert read_metadata(path, FileType.IMAGE).words == FileWords(
        title="Lightroom's", label="red", rating=2, keywords=("new",)
    )


def test_side_cars_that_are_links_or_folders_are_left(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(path)
    secret = tmp_path / "secret"
    secret.write_bytes(packet("<dc:title>secret</dc:title>"))
    (tmp_path / "photo.png.xmp").symlink_to(secret)
    (tmp_path / "photo.xmp").mkdir()
    assert read_metadata(path, FileType.IMAGE).words == FileWords()


def test_the_place_of_a_side_car_counts(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(path)
    place = '<exif:GPSLatitude xmlns:exif="http://ns.adobe.com/exif/1.0/">41,53.5N</exif:GPSLatitude>'
    place += '<exif:GPSLongitude xmlns:exif="http://ns.adobe.com/exif/1.0/">12,29.5E</exif:GPSLongitude>'
    (tmp_path / "photo.xmp").write_bytes(packet(place))
    extra = read_metadata(path, FileType.IMAGE).extra or {}
    assert (round(float(extra["latitude"]), 2), round(float(extra["longitude"]), 2)) == (41.89, 12.49)


def test_no_stars_in_a_side_car_are_none(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    Image.new("RGB", (8, 8)).save(path, tiffinfo={700: packet("", rated=True)})
    assert read_metadata(path, FileType.IMAGE).words.rating == 4
    (tmp_path / "photo.xmp").write_bytes(packet("<xmp:Rating>0</xmp:Rating>"))
    assert read_metadata(path, FileType.IMAGE).words.rating is None
