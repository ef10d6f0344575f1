"""XMP packets in every container, form and encoding, and what is wrong with some."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pi_heif
import pytest
from PIL import Image

from vuemantics_tui.media.packets import find_packets
from vuemantics_tui.media.xmp import Xmp, packet_tree, parse_xmp

XMPMETA = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xap="http://ns.adobe.com/xap/1.0/"
    xmlns:own="urn:own" xap:Rating="4">
   {}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
SUBJECT = "<dc:subject><rdf:Bag><rdf:li>Käthe</rdf:li><rdf:li> sea </rdf:li></rdf:Bag></dc:subject>"
PACKET = XMPMETA.format(SUBJECT).encode()


def test_attributes_and_elements_are_one() -> None:
    xmp = parse_xmp(XMPMETA.format(f"{SUBJECT}<xap:Label>Red</xap:Label><own:x>1</own:x>").encode())
    assert xmp.text("xmp:Rating") == "4"
    assert xmp.text("xmp:Label") == "Red"
    assert xmp.texts("dc:subject") == ("Käthe", "sea")
    assert xmp.text("{urn:own}x") == "1"
    assert xmp.text("xmp:CreateDate", "xmp:Label") == "Red"


def test_the_default_language_comes_first() -> None:
    titles = '<rdf:li xml:lang="de">See</rdf:li><rdf:li xml:lang="x-default">sea</rdf:li>'
    xmp = parse_xmp(XMPMETA.format(f"<dc:title><rdf:Alt>{titles}</rdf:Alt></dc:title>").encode())
    assert xmp.text("dc:title") == "sea"
    assert xmp.texts("dc:title") == ("See", "sea")


@pytest.mark.parametrize(
    "form",
    [
        '<own:s rdf:parseType="Resource"><own:a>1</own:a></own:s>',
        "<own:s><rdf:Description><own:a>1</own:a></rdf:Description></own:s>",
        '<own:s><rdf:Description own:a="1"/></own:s>',
        '<own:s own:a="1"/>',
    ],
)
def test_structures_have_fields_in_whatever_form(form: str) -> None:
    (item,) = parse_xmp(XMPMETA.format(form).encode()).properties["{urn:own}s"]
    assert item.fields["{urn:own}a"][0].text == "1"


def test_a_value_with_qualifiers_is_its_value() -> None:
    form = '<dc:source rdf:parseType="Resource"><rdf:value>book</rdf:value><own:q>x</own:q></dc:source>'
    assert parse_xmp(XMPMETA.format(form).encode()).text("dc:source") == "book"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be"]
)
def test_packets_come_in_every_encoding(encoding: str) -> None:
    assert "Käthe" in parse_xmp(XMPMETA.format(SUBJECT).encode(encoding)).texts("dc:subject")


def test_nothing_is_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    assert parse_xmp(bomb + PACKET.replace(b" sea ", b"&b;")) == Xmp()


def test_of_a_cut_packet_the_whole_values_remain() -> None:
    assert parse_xmp(PACKET[: PACKET.index(b"sea") + 2]).texts("dc:subject") == ("Käthe",)
    assert parse_xmp(b"") == parse_xmp(b"no packet") == parse_xmp(b"<") == Xmp()


def test_padding_and_illegal_characters_do_no_harm() -> None:
    padded = b"\x00 " + PACKET.replace(b" sea ", b"s\x01ea") + b" " * 100 + b"\x00\x00"
    assert parse_xmp(padded).texts("dc:subject") == ("Käthe", "sea")


def test_too_deep_and_too_long_a_packet_is_left() -> None:
    deep = XMPMETA.format(SUBJECT + "<own:s>" * 50_000)
    assert parse_xmp(deep.encode()).texts("dc:subject") == ("Käthe", "sea")
    many = "<dc:source><rdf:Bag>" + "<rdf:li>x</rdf:li>" * 300_000 + "</rdf:Bag></dc:source>"
    assert parse_xmp(XMPMETA.format(SUBJECT + many).encode()).texts("dc:subject") == ("Käthe", "sea")
    assert parse_xmp(XMPMETA.format(SUBJECT + " " * 17 * 1024**2).encode()) == Xmp()


def _segment(kind: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data


def _jpeg(folder: Path, *segments: bytes) -> Path:
    path = folder / "a.jpg"
    Image.new("RGB", (8, 8)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"".join(segments) + data[2:])
    return path


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
FTYP = _box(b"ftyp", b"isom\x00\x00\x00\x00isom")


def _resource(number: int, data: bytes) -> bytes:
    return struct.pack(">4sHHI", b"8BIM", number, 0, len(data)) + data + b"\x00" * (len(data) & 1)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(folder: Path, *, packed: bool, late: bool) -> Path:
    path = folder / "a.png"
    Image.new("RGB", (8, 8)).save(path)
    data = path.read_bytes()
    text = zlib.compress(PACKET) if packed else PACKET
    chunk = _chunk(b"iTXt", b"XML:com.adobe.xmp\x00" + (b"\x01\x00" if packed else b"\x00\x00") + b"\x00\x00" + text)
    at = data.rindex(b"IEND") - 4 if late else 33
    path.write_bytes(data[:at] + chunk + data[at:])
    return path


def _saved(folder: Path, ending: str, **options: Any) -> Path:
    path = folder / f"a.{ending}"
    Image.new("RGB", (8, 8)).save(path, **options)
    return path


def _tiff(folder: Path, order: str, mark: int) -> Path:
    """Only what a RAW file has of TIFF: a header and one directory."""
    path = folder / "a.dng"
    begin = b"II" if order == "<" else b"MM"
    directory = struct.pack(f"{order}HHHIII", 1, 700, 1, len(PACKET), 26, 0)
    path.write_bytes(begin + struct.pack(f"{order}HI", mark, 8) + directory + PACKET)
    return path


def _raf(folder: Path) -> Path:
    path = folder / "a.raf"
    picture = _jpeg(folder, _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + PACKET)).read_bytes()
    path.write_bytes(
        b"FUJIFILMCCD-RAW ".ljust(84, b"\x00") + struct.pack(">II", 100, len(picture)) + b"\x00" * 8 + picture
    )
    return path


def _written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _gif(folder: Path) -> Path:
    path = folder / "a.gif"
    Image.new("P", (8, 8)).save(path)
    data = path.read_bytes()
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
    at = data.index(b"\x2c")
    path.write_bytes(data[:at] + b"\x21\xff\x0bXMP DataXMP" + PACKET + trailer + data[at:])
    return path


CONTAINERS: dict[str, Callable[[Path], Path]] = {
    "jpeg": lambda folder: _jpeg(folder, _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + PACKET)),
    "jpeg of photoshop": lambda folder: _jpeg(
        folder, _segment(0xED, b"Photoshop 3.0\x00" + _resource(0x3ED, b"odd") + _resource(0x424, PACKET))
    ),
    "png": lambda folder: _png(folder, packed=False, late=False),
    "png, packed": lambda folder: _png(folder, packed=True, late=False),
    "png, behind the pixels": lambda folder: _png(folder, packed=False, late=True),
    "webp": lambda folder: _saved(folder, "webp", xmp=PACKET),
    "tiff": lambda folder: _saved(folder, "tif", tiffinfo={700: PACKET}),
    "raw, little end first": lambda folder: _tiff(folder, "<", 42),
    "raw, big end first": lambda folder: _tiff(folder, ">", 42),
    "raw of panasonic": lambda folder: _tiff(folder, "<", 0x55),
    "raw of olympus": lambda folder: _tiff(folder, "<", 0x4F52),
    "raw of fujifilm": _raf,
    "gif": _gif,
    "psd": lambda folder: _written(
        folder,
        "a.psd",
        b"8BPS" + b"\x00" * 22 + struct.pack(">II", 0, len(_resource(0x424, PACKET))) + _resource(0x424, PACKET),
    ),
    "mp4": lambda folder: _written(folder, "a.mp4", FTYP + _box(b"uuid", UUID + PACKET)),
    "mov": lambda folder: _written(
        folder, "a.mov", FTYP + _box(b"mdat", b"\x00" * 9) + _box(b"moov", _box(b"udta", _box(b"XMP_", PACKET)))
    ),
    "jpeg xl": lambda folder: _written(folder, "a.jxl", _box(b"JXL ", b"\r\n\x87\n") + _box(b"xml ", PACKET)),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_packets_are_found_in_every_container(kind: str, tmp_path: Path) -> None:
    xmp = find_packets(CONTAINERS[kind](tmp_path)).read_xmp()
    assert xmp.texts("dc:subject") == ("Käthe", "sea")
    assert xmp.text("xmp:Rating") == "4"


@pytest.mark.parametrize("kind", CONTAINERS)
def test_files_cut_anywhere_do_no_harm(kind: str, tmp_path: Path) -> None:
    path = CONTAINERS[kind](tmp_path)
    data = path.read_bytes()
    for size in range(0, len(data), 7):
        path.write_bytes(data[:size])
        assert set(find_packets(path).read_xmp().texts("dc:subject")) <= {"Käthe", "sea"}


def test_a_decoder_may_bring_the_packet(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    Image.new("RGB", (8, 8)).save(path, xmp=PACKET)
    with Image.open(path) as picture:
        assert find_packets(path, picture.info["xmp"]).read_xmp().text("xmp:Rating") == "4"
    with pi_heif.HeifImageFile(path) as picture:
        assert find_packets(path, picture.info["xmp"]).read_xmp().text("xmp:Rating") == "4"


def test_extended_xmp_is_joined_to_its_packet(tmp_path: Path) -> None:
    digest = b"0123456789ABCDEF" * 2
    note = f'<own:y xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{digest.decode()}"/>'
    main = XMPMETA.format(SUBJECT + note).encode()
    more = XMPMETA.format("<own:depth>deep</own:depth>").replace('xap:Rating="4"', "").encode()
    half = len(more) // 2

    def extension(offset: int, piece: bytes, of: bytes = digest) -> bytes:
        head = b"http://ns.adobe.com/xmp/extension/\x00" + of + struct.pack(">II", len(more), offset)
        return _segment(0xE1, head + piece)

    path = _jpeg(
        tmp_path,
        extension(half, more[half:]),
        extension(0, b"of another packet", b"F" * 32),
        _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + main),
        extension(0, more[:half]),
    )
    xmp = find_packets(path).read_xmp()
    assert (xmp.text("{urn:own}depth"), xmp.text("xmp:Rating")) == ("deep", "4")


def test_iptc_is_found_in_jpeg_and_tiff(tmp_path: Path) -> None:
    records = b"\x1c\x02\x19\x00\x08zanzibar"
    path = _jpeg(tmp_path, _segment(0xED, b"Photoshop 3.0\x00" + _resource(0x404, records)))
    assert find_packets(path).iptc == records
    tiff = tmp_path / "a.tif"
    Image.new("RGB", (8, 8)).save(tiff, tiffinfo={33723: records})
    assert find_packets(tiff).iptc == records


def test_what_follows_a_packet_is_no_damage() -> None:
    tree = packet_tree(PACKET + b"</rdf:Bag></x:xmpmeta>")
    assert tree.whole
    assert not packet_tree(PACKET[:-100]).whole
    assert not packet_tree(b"").whole


@pytest.mark.parametrize("offset", [2**63 - 1, 2**64 - 1, 2**40])
def test_offsets_beyond_any_file_do_no_harm(offset: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(struct.pack("<2sHHHQ", b"II", 43, 8, 0, offset) + b"\x00" * 64)
    assert find_packets(path).xmp == b""


def test_xmp_of_gif_in_blocks_is_joined(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    Image.new("P", (8, 8)).save(path)
    data = path.read_bytes()
    pieces = [PACKET[start : start + 100] for start in range(0, len(PACKET), 100)]
    blocks = b"".join(bytes([len(piece)]) + piece for piece in pieces)
    at = data.index(b"\x2c")
    path.write_bytes(data[:at] + b"\x21\xff\x0bXMP DataXMP" + blocks + b"\x00" + data[at:])
    assert find_packets(path).read_xmp().texts("dc:subject") == ("Käthe", "sea")
