"""What `test_thumbnail` does not see of the shared way from a file to small pixels: its other size, and bytes."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from tests.media import drawing
from tests.media.drawing import picture_down_to
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.media.scaled import picture_within


def _encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_every_orientation_comes_out_upright(name: str, value: int) -> None:
    stored, exif = drawing.stored_with_orientation(drawing.four_corners(600, 400), value)
    found = picture_down_to(_encoded(stored, name, exif=exif), 100)
    assert (found.mode, found.size) == ("RGB", (150, 100))
    assert drawing.corners_of(found) == drawing.CORNERS


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP"])
@pytest.mark.parametrize("short", [99, 100, 101, 199, 200, 201, 399, 400, 807])
def test_the_short_side_is_kept_above_the_wanted_one(name: str, short: int) -> None:
    found = picture_down_to(_encoded(drawing.four_corners(short + 101, short), name), 100)
    assert min(found.size) == short if short < 100 else 100 <= min(found.size) < 200
    assert found.width / found.height == pytest.approx((short + 101) / short, abs=0.02)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "HEIC"])
def test_a_file_and_its_bytes_are_the_same_picture(tmp_path: Path, name: str) -> None:
    image = drawing.four_corners(640, 480)
    data = drawing.heic(image, drawing.four_corners(320, 240)) if name == "HEIC" else _encoded(image, name)
    (tmp_path / "a").write_bytes(data)
    for load in (picture_within, picture_down_to):
        from_file, from_bytes = load(tmp_path / "a", 200), load(data, 200)
        assert from_file.tobytes() == from_bytes.tobytes()
        assert drawing.corners_of(from_bytes) == drawing.CORNERS


def test_what_can_be_seen_through_does_not_bleed_into_the_rest() -> None:
    """Averaged without regard to alpha, the hidden red would tint the edge."""
    image = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 201, 400))
    pixels = np.asarray(picture_down_to(_encoded(image, "PNG"), 100))
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 1])
    assert pixels[0, 0, 0] == 0
    assert pixels[0, -1, 0] == 255


def test_a_profile_of_srgb_changes_nothing_and_another_does() -> None:
    image = drawing.four_corners(60, 40)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # sRGB's parametric curve with the exponent 1.0 instead of 2.4.
    exponent = srgb.index(b"para") + 12
    steep = srgb[:exponent] + (0x10000).to_bytes(4, "big") + srgb[exponent + 4 :]
    plain = picture_down_to(_encoded(image, "PNG"), 100).tobytes()
    for _ in range(2):
        assert picture_down_to(_encoded(image, "PNG", icc_profile=srgb), 100).tobytes() == plain
        assert picture_down_to(_encoded(image, "PNG", icc_profile=steep), 100).tobytes() != plain


def test_a_picture_over_the_limit_is_refused_unseen() -> None:
    for load in (picture_within, picture_down_to):
        with pytest.raises(MediaError, match="5000 x 5000"):
            load(drawing.png_declaring(5000, 5000), 100, max_pixels=24_999_999)


def test_nothing_at_all_is_a_media_error() -> None:
    for load in (picture_within, picture_down_to):
        with pytest.raises(MediaError, match="not a picture"):
            load(b"", 100)


def test_exif_that_a_png_has_as_text_may_be_no_exif() -> None:
    text = PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n    8\nno digits", zip=True)
    found = picture_within(_encoded(drawing.four_corners(60, 40), "PNG", pnginfo=text), 100)
    assert drawing.corners_of(found) == drawing.CORNERS


def test_the_first_frame_of_an_animation_is_shown_though_a_later_one_is_too_large() -> None:
    first = _encoded(Image.new("RGB", (60, 60), "white"), "GIF").removesuffix(b";")
    later = b"," + struct.pack("<HHHHB", 0, 0, 60000, 60000, 0) + b"\x02\x02\x44\x01\x00;"
    assert picture_within(first + later, 40).getpixel((20, 20)) == (255, 255, 255)


@pytest.mark.parametrize("size", [(600, 100_000), (100_000, 3)])
def test_a_long_strip_is_made_shorter_than_its_short_side_would_have_it(size: tuple[int, int]) -> None:
    found = picture_down_to(_encoded(Image.new("L", size), "PNG"), 300)
    assert max(found.size) <= 16_384
    assert min(found.size) >= 1
