"""Apple's identifiers, and the clips inside motion photos."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.media import drawing
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.metadata import read_metadata

Motion = dict[str, int | float]


def picture(exif: Image.Exif | None = None, xmp: str = "") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 90, 30)).save(
        buffer, "JPEG", exif=Image.Exif() if exif is None else exif, xmp=xmp.encode()
    )
    return buffer.getvalue()


def clip(seconds: float = 2.0, **tags: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(tags)
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(round(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


def xmp(attributes: str, inside: str = "") -> str:
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"
    xmlns:Container="http://ns.google.com/photos/1.0/container/"
    xmlns:Item="http://ns.google.com/photos/1.0/container/item/" {attributes}>{inside}</rdf:Description>
    </rdf:RDF></x:xmpmeta>"""


def directory(*items: tuple[str, str, int, int]) -> str:
    """Return a Container:Directory: of each file its type, what it is, its length and its padding."""
    entries = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="{mime}" Item:Semantic="{semantic}"'
        f' Item:Length="{length}" Item:Padding="{padding}"/></rdf:li>'
        for mime, semantic, length, padding in items
    )
    return f"<Container:Directory><rdf:Seq>{entries}</rdf:Seq></Container:Directory>"


def google(inner: bytes) -> bytes:
    inside = directory(("image/jpeg", "Primary", 0, 0), ("video/mp4", "MotionPhoto", len(inner), 0))
    return picture(xmp=xmp('GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"', inside)) + inner


def google_with_gain_map(inner: bytes) -> bytes:
    gain = picture()
    inside = directory(
        ("image/jpeg", "Primary", 0, 0),
        ("image/jpeg", "GainMap", len(gain), 0),
        ("video/mp4", "MotionPhoto", len(inner), 0),
    )
    return picture(xmp=xmp('GCamera:MotionPhoto="1"', inside)) + gain + inner


def micro_video(inner: bytes) -> bytes:
    return picture(xmp=xmp(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(inner)}"')) + inner


def samsung(inner: bytes) -> bytes:
    block = struct.pack("<HHI", 0, 0x0A30, 16) + b"MotionPhoto_Data" + inner
    other = struct.pack("<HHI", 0, 0x0A01, 14) + b"Image_UTC_Data" + b"1717236672000"
    entries = struct.pack("<HHII", 0, 0x0A01, len(other) + len(block), len(other))
    entries += struct.pack("<HHII", 0, 0x0A30, len(block), len(block))
    head = b"SEFH" + struct.pack("<II", 107, 2) + entries
    return picture() + other + block + head + struct.pack("<I", len(head)) + b"SEFT"


def marked(inner: bytes) -> bytes:
    return picture() + b"MotionPhoto_Data" + inner


def without_a_word(inner: bytes) -> bytes:
    return picture() + bytes(24) + inner


def wrong_offset(inner: bytes) -> bytes:
    return picture(xmp=xmp('GCamera:MicroVideo="1" GCamera:MicroVideoOffset="17"')) + inner


def motion_of(path: Path) -> Motion:
    extra = read_metadata(path, FileType.IMAGE).extra or {}
    return {name: value for name, value in extra.items() if name.startswith("motion") and not isinstance(value, str)}


@pytest.mark.parametrize(
    "make", [google, google_with_gain_map, micro_video, samsung, marked, without_a_word, wrong_offset]
)
def test_the_clip_inside_a_jpeg_is_found(make: Callable[[bytes], bytes], tmp_path: Path) -> None:
    inner, path = clip(), tmp_path / "photo.jpg"
    path.write_bytes(make(inner))
    found = motion_of(path)
    start, size = int(found["motion_photo_offset"]), int(found["motion_photo_bytes"])
    assert path.read_bytes()[start : start + size] == inner
    assert found["motion_photo_seconds"] == pytest.approx(2.0, abs=0.01)


def test_the_clip_inside_a_heic_is_found(tmp_path: Path) -> None:
    drawn = drawing.heic(Image.new("RGB", (64, 48), "teal"), Image.new("RGB", (32, 24), "teal"))
    inner, path = clip(), tmp_path / "photo.heic"
    path.write_bytes(drawn + struct.pack(">I4s", len(inner) + 8, b"mpvd") + inner)
    found = motion_of(path)
    start = int(found["motion_photo_offset"])
    assert path.read_bytes()[start : start + int(found["motion_photo_bytes"])] == inner


@pytest.mark.parametrize(
    "data",
    [
        picture(),
        picture() + picture(),
        picture() + b"ftyp is a word" * 40,
        picture() + clip()[:28],
        picture(xmp=xmp('GCamera:MotionPhoto="1"', directory(("video/mp4", "MotionPhoto", 999, 0)))),
        picture() + b"SEFH" + bytes(16) + struct.pack("<I", 20) + b"SEFT",
    ],
)
def test_other_pictures_have_no_clip(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    assert motion_of(path) == {}


def maker_note(order: str = ">", **texts: str) -> bytes:
    """Return Apple's MakerNote with a content identifier or a burst."""
    tags = {"burst": 0x000B, "content": 0x0011}
    entries, values = b"", b""
    start = 16 + 12 * (len(texts) + 1) + 4
    entries += struct.pack(f"{order}HHII", 0x0001, 9, 1, 14)
    for name, text in texts.items():
        value = text.encode() + b"\x00"
        entries += struct.pack(f"{order}HHII", tags[name], 2, len(value), start + len(values))
        values += value
    mark = b"MM" if order == ">" else b"II"
    return b"Apple iOS\x00\x00\x01" + mark + struct.pack(f"{order}H", len(texts) + 1) + entries + bytes(4) + values


IDENTIFIER = "0A1B2C3D-4E5F-4678-9ABC-DEF012345678"


@pytest.mark.parametrize("order", ["<", ">"])
def test_apples_identifiers_are_read(order: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = maker_note(order, burst="BURST-1", content=IDENTIFIER)
    path = tmp_path / "IMG_0001.JPG"
    path.write_bytes(picture(exif))
    assert read_metadata(path, FileType.IMAGE).extra == {"content_identifier": IDENTIFIER, "burst_id": "BURST-1"}


@pytest.mark.parametrize("note", [b"Apple iOS\x00\x00\x01MM", b"Apple iOS\x00\x00\x01MM\xff\xff" + bytes(40), b"Nikon"])
def test_damaged_and_foreign_notes_say_nothing(note: bytes, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = note
    path = tmp_path / "IMG_0001.JPG"
    path.write_bytes(picture(exif))
    assert not read_metadata(path, FileType.IMAGE).extra


def test_a_clip_says_which_still_it_belongs_to(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.MOV"
    path.write_bytes(clip(2.0, **{"com.apple.quicktime.content.identifier": IDENTIFIER}))
    extra = read_metadata(path, FileType.VIDEO).extra or {}
    assert extra["content_identifier"] == IDENTIFIER
