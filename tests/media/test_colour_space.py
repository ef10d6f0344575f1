"""A chart of known colours in every colour space comes out as itself: clips first, then pictures."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pylibjxl
import pytest
from PIL import Image, ImageChops, ImageCms
from tifffile import TiffWriter

from tests.media import charts, drawing
from tests.media.drawing import picture_down_to
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.frames import extract_frames
from vuemantics_tui.media.scaled import picture_within
from vuemantics_tui.media.thumbnail import small_picture

LIMIT = 100_000_000


def _thumbnail(path: Path) -> Image.Image:
    return small_picture(path, FileType.VIDEO, 256, LIMIT)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "primaries", "transfer", "matrix", "full"),
    [
        ("hlg.mov", "libx265", "yuv420p10le", 9, 18, 9, False),
        ("hlg-full.mp4", "libx265", "yuv420p10le", 9, 18, 9, True),
        ("hlg-8-bits.webm", "libvpx-vp9", "yuv420p", 9, 18, 9, False),
        ("pq.mp4", "libx265", "yuv420p10le", 9, 16, 9, False),
        ("pq-12-bits.mkv", "libx265", "yuv422p12le", 9, 16, 9, False),
        ("pq-p3.mp4", "libx265", "yuv420p10le", 12, 16, 9, False),
        ("2020.mp4", "libx265", "yuv420p10le", 9, 14, 9, False),
        ("p3.mov", "libx264", "yuv420p", 12, 13, 1, False),
        ("p3-full.webm", "libvpx-vp9", "yuv420p", 12, 13, 1, True),
        ("709.mp4", "libx264", "yuv420p", 1, 1, 1, False),
        ("709-full.mp4", "libx264", "yuvj420p", 1, 1, 1, True),
        ("601-525.mp4", "libx264", "yuv420p", 6, 6, 6, False),
        ("601-625.mp4", "libx264", "yuv420p", 5, 5, 5, False),
        ("240.mp4", "libx264", "yuv420p", 1, 1, 7, False),
        ("gamma-22.mp4", "libx264", "yuv420p", 1, 4, 1, False),
        ("motion-jpeg.mov", "mjpeg", "yuvj444p", 1, 1, 5, True),
    ],
)
def test_a_clip_has_the_colours_it_was_made_with(
    tmp_path: Path,
    name: str,
    codec: str,
    pixel_format: str,
    primaries: int,
    transfer: int,
    matrix: int,
    full: bool,
) -> None:
    levels = charts.encoded(charts.chart(), primaries, transfer)
    made = charts.clip(
        tmp_path / name,
        levels,
        codec,
        pixel_format,
        primaries=primaries,
        transfer=transfer,
        matrix=matrix,
        full=full,
    )
    grey, colour = charts.differences(_thumbnail(made))
    assert (grey <= 3, colour <= 5) == (True, True), (grey, colour)
    for frame in extract_frames(made, 2):
        assert max(charts.differences(Image.open(io.BytesIO(frame)))) <= 8


@pytest.mark.parametrize(("size", "matrix"), [((320, 240), 5), ((720, 576), 5), ((1280, 720), 1)])
def test_a_clip_that_declares_nothing_has_the_matrix_of_its_size(
    tmp_path: Path, size: tuple[int, int], matrix: int
) -> None:
    levels = charts.encoded(charts.chart(), 1, 1)
    rows, columns = (np.arange(side) * old // side for side, old in zip(size[::-1], levels.shape, strict=False))
    made = charts.clip(tmp_path / "a.mp4", levels[rows][:, columns], "libx264", "yuv420p", real_matrix=matrix)
    assert max(charts.differences(_thumbnail(made))) <= 5


@pytest.mark.parametrize("full", [False, True])
def test_a_clip_in_grey_has_its_range(tmp_path: Path, full: bool) -> None:
    levels = charts.encoded(charts.chart(), 1, 13)[:120]
    made = charts.clip(tmp_path / "a.mp4", levels, "libx265", "gray", full=full, real_matrix=1)
    found = _thumbnail(made)
    for number, grey in enumerate(charts.GREYS):
        assert np.abs(np.array(found.getpixel((16 + 32 * number, 40))) - grey).max() <= 2


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("brightest", [1.5, 4.9])
def test_what_is_brighter_than_white_is_above_it_and_leaves_the_rest_alone(
    tmp_path: Path, transfer: int, brightest: float
) -> None:
    levels = charts.encoded(charts.chart(brightest), 9, transfer)
    made = charts.clip(tmp_path / "a.mp4", levels, "libx265", "yuv420p10le", primaries=9, transfer=transfer, matrix=9)
    picture = _thumbnail(made)
    pixels = np.asarray(picture)
    assert max(charts.differences(picture)) <= 12
    white, above = int(pixels[60, 240].min()), pixels[8, :, 1].astype(int)
    assert 235 <= white < above[128] < above[250]
    assert np.diff(above).min() >= -1


def _encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    lossy: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 98, "subsampling": 0},
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }
    image.save(buffer, name, **lossy.get(name, {"lossless": True} if name == "WEBP" else {}), **options)
    return buffer.getvalue()


def _assert_chart(data: bytes, grey: int = 2, colour: int = 4) -> None:
    for found in (picture_within(data, 256), picture_down_to(data, 100)):
        assert found.mode == "RGB"
        greys, colours = charts.differences(found)
        assert (greys <= grey, colours <= colour) == (True, True), (greys, colours)


SPACES = [(1, 13), (12, 13), (9, 13), (9, 16), (9, 18), (12, 16)]


@pytest.mark.parametrize(("primaries", "transfer"), SPACES)
def test_a_png_with_codes(primaries: int, transfer: int) -> None:
    levels = charts.encoded(charts.chart(), primaries, transfer)
    _assert_chart(charts.png(levels, 65535, (b"cICP", bytes([primaries, transfer, 0, 1]))))
    narrow = (levels * 219 + 16) / 255
    _assert_chart(charts.png(narrow, 65535, (b"cICP", bytes([primaries, transfer, 0, 0]))))


@pytest.mark.parametrize(("primaries", "transfer"), SPACES)
def test_an_avif_with_codes(primaries: int, transfer: int) -> None:
    _assert_chart(charts.avif(charts.encoded(charts.chart(), primaries, transfer), primaries, transfer), 3, 10)


@pytest.mark.parametrize(("primaries", "transfer"), [(9, 16), (9, 18), (12, 16)])
def test_an_avif_of_ten_bits(tmp_path: Path, primaries: int, transfer: int) -> None:
    levels = charts.encoded(charts.chart(), primaries, transfer)
    _assert_chart(charts.avif_of_ten_bits(tmp_path / "a.avif", levels, primaries, transfer), 3, 5)


@pytest.mark.parametrize(("primaries", "transfer"), SPACES)
def test_a_heic_with_codes_whose_thumbnail_has_none(primaries: int, transfer: int) -> None:
    levels = charts.encoded(charts.chart(), primaries, transfer)
    frame, small = (charts.yuv(part, "yuv420p10le", 9, full=False) for part in (levels, levels[::2, ::2]))
    data = drawing.heic(frame, small, (primaries, transfer, 9))
    for side in (80, 256):
        assert max(charts.differences(picture_within(data, side))) <= 10
    _assert_chart(data, 3, 10)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(("primaries", "exponent"), [(12, 2.2), (0, 2.19921875), (9, 2.2), (-1, 1.8)])
def test_a_picture_with_a_profile(name: str, primaries: int, exponent: float) -> None:
    transfer = primaries if primaries < 1 else 4
    image = charts.picture(charts.encoded(charts.chart(), primaries, transfer))
    _assert_chart(_encoded(image, name, icc_profile=charts.profile(primaries, exponent)), 2, 8)


@pytest.mark.parametrize("transfer", [16, 18])
def test_a_profile_with_codes_of_hdr(transfer: int) -> None:
    levels = charts.encoded(charts.chart(), 9, transfer)
    packed = b"x\0\0" + zlib.compress(charts.profile(9, 2.2, codes=bytes([9, transfer, 0, 1])))
    _assert_chart(charts.png(levels, 65535, (b"iCCP", packed)))


def test_a_jpeg_xl_with_a_profile() -> None:
    pixels = np.asarray(charts.picture(charts.encoded(charts.chart(), 12, 4)))
    _assert_chart(pylibjxl.encode(pixels, lossless=True, icc=charts.profile(12, 2.2)))


def test_the_preview_of_a_raw_photo_with_a_profile() -> None:
    preview = charts.picture(charts.encoded(charts.chart(), 0, 0))
    preview.info["icc_profile"] = charts.profile(0, 2.19921875)
    _assert_chart(drawing.dng(Image.new("RGB", (640, 480)), preview), 2, 6)


def test_a_picture_of_few_colours_or_greys_with_a_profile() -> None:
    levels = charts.encoded(charts.chart(), 12, 4)
    palette = charts.picture(levels).quantize(64, dither=Image.Dither.NONE)
    _assert_chart(_encoded(palette, "PNG", icc_profile=charts.profile(12, 2.2)))
    grey = charts.encoded(charts.chart(), -1, -1)[:120]
    for space in (b"GRAY", b"RGB "):
        for mode in ("L", "LA"):
            image = charts.picture(grey).convert(mode)
            found = picture_within(_encoded(image, "PNG", icc_profile=charts.profile(1, 1.8, space)), 256)
            assert [found.getpixel((16 + 32 * number, 40)) for number in range(8)] == list(charts.GREYS)


def test_in_a_png_codes_come_before_a_profile_and_that_before_gamma() -> None:
    wide = charts.encoded(charts.chart(), 12, 13)
    plain = charts.encoded(charts.chart(), 1, 13)
    srgb = zlib.compress(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    gamma = (b"gAMA", struct.pack(">I", 100000))
    corners = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
    adobe = (b"cHRM", struct.pack(">8I", *(round(each * 100000) for each in corners)))
    profile = (b"iCCP", b"x\0\0" + srgb)
    _assert_chart(charts.png(wide, 65535, (b"cICP", bytes([12, 13, 0, 1])), profile, gamma, adobe))
    # Codes that say nothing do not count.
    _assert_chart(charts.png(plain, 65535, (b"cICP", bytes([2, 2, 0, 1])), profile, gamma, adobe))
    _assert_chart(charts.png(plain, 65535, profile, gamma, adobe))
    _assert_chart(charts.png(plain, 65535, (b"sRGB", b"\0"), gamma, adobe))
    _assert_chart(charts.png(charts.encoded(charts.chart(), 1, 8), 65535, gamma), 3, 4)
    adobe_gamma = (b"gAMA", struct.pack(">I", 45471))
    _assert_chart(charts.png(charts.encoded(charts.chart(), 0, 13), 65535, adobe_gamma, adobe), 3, 4)


def test_a_photo_may_be_adobe_rgb_by_its_exif_alone() -> None:
    first = struct.pack("<HHHII4x", 1, 0x8769, 4, 1, 26)
    inner = struct.pack("<HHHIHxxHHII4x", 2, 0xA001, 3, 1, 0xFFFF, 0xA005, 4, 1, 56)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + inner + struct.pack("<HHHI4s4x", 1, 1, 2, 4, b"R03\0")
    image = charts.picture(charts.encoded(charts.chart(), 0, 0))
    _assert_chart(_encoded(image, "JPEG", exif=exif))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_broken_or_foreign_profile_leaves_the_picture_as_it_is(name: str) -> None:
    image = charts.picture(charts.encoded(charts.chart(), 1, 13))
    good = charts.profile(12, 2.2)
    for broken in (b"no profile", good[:200] + bytes(300), good.replace(b"RGB ", b"CMYK"), good[:140]):
        _assert_chart(_encoded(image, name, icc_profile=broken))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_levels_of_fewer_bits_than_the_file_has_room_for(bits: int) -> None:
    levels, top = charts.encoded(charts.chart(), 1, 13), 2**bits - 1
    alpha = np.ones((*levels.shape[:2], 1))
    _assert_chart(charts.png(levels, top))
    _assert_chart(charts.png(np.concatenate([levels, alpha], axis=2), top))
    for order in ("little", "big"):
        buffer = io.BytesIO()
        tiff = TiffWriter(buffer, byteorder="<" if order == "little" else ">")
        tiff.write(np.rint(levels * top).astype(np.uint16), photometric="rgb", compression="zlib", predictor=True)
        _assert_chart(buffer.getvalue())
        buffer = io.BytesIO()
        planes = np.moveaxis(np.rint(levels * top).astype(np.uint16), 2, 0).copy()
        TiffWriter(buffer, byteorder=tiff.tiff.byteorder).write(planes, photometric="rgb", planarconfig="separate")
        _assert_chart(buffer.getvalue())
    grey = levels[:120, :, 0]
    buffer = io.BytesIO()
    Image.fromarray(np.rint(grey * top).astype(np.uint16)).save(buffer, "TIFF")
    files = [charts.png(grey, top), charts.png(np.stack([grey, alpha[:120, :, 0]], axis=2), top), buffer.getvalue()]
    for data in files:
        found = picture_within(data, 256)
        assert [found.getpixel((16 + 32 * number, 40)) for number in range(8)] == list(charts.GREYS)


def test_a_dark_picture_of_sixteen_bits_stays_dark() -> None:
    levels = charts.encoded(charts.chart(), 1, 13) * 0.2
    assert np.asarray(picture_within(charts.png(levels, 65535), 256)).max() == 51


def test_declared_bits_decide_where_the_levels_leave_it_open() -> None:
    grey = np.full((40, 40), 0.5)
    for top, bits in ((4095, 12), (16383, 14)):
        found = picture_within(charts.png(grey, top, (b"sBIT", bytes([bits]))), 256)
        assert found.getpixel((20, 20)) == (128, 128, 128)


def test_cmyk_with_and_without_adobes_mark() -> None:
    image = charts.picture(charts.encoded(charts.chart(), 1, 13)).convert("CMYK")
    _assert_chart(_encoded(image, "JPEG"))
    inverted = _encoded(ImageChops.invert(image), "JPEG")
    at = inverted.index(b"\xff\xee")
    _assert_chart(inverted[:at] + inverted[at + 2 + struct.unpack_from(">H", inverted, at + 2)[0] :])


def test_a_tiff_in_lab() -> None:
    image = charts.picture(charts.encoded(charts.chart(), 1, 13))
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    there = ImageCms.applyTransform(image, ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))
    assert there is not None
    _assert_chart(_encoded(there, "TIFF"), 2, 7)


def test_the_gain_map_of_an_hdr_photo_is_not_taken_for_the_picture() -> None:
    base = charts.picture(charts.encoded(charts.chart(), 1, 13))
    buffer = io.BytesIO()
    base.save(buffer, "MPO", save_all=True, append_images=[Image.new("L", (80, 60), 200)], quality=98, subsampling=0)
    _assert_chart(buffer.getvalue())
