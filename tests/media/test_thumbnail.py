from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from tests.media import drawing
from tests.media.drawing import names_in
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.scaled import fit_within, small_rgb
from vuemantics_tui.media.thumbnail import THUMBNAIL_SIDE, make_thumbnail, small_jpeg

Pixel = tuple[int, int, int]


def _thumbnail(source: Path, file_type: FileType = FileType.IMAGE) -> Image.Image:
    target = source.with_name("thumbnail.jpg")
    size = make_thumbnail(source, file_type, target).size
    with Image.open(target) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", size)
        assert max(size) <= 256
        return image


def _to_thumbnail_size(image: Image.Image) -> Image.Image:
    return fit_within(image, THUMBNAIL_SIDE)


def _pixel(image: Image.Image, x: int, y: int) -> Pixel:
    value = image.getpixel((x, y))
    assert isinstance(value, tuple)
    red, green, blue = value
    return int(red), int(green), int(blue)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_every_orientation_comes_out_upright(tmp_path: Path, name: str, value: int) -> None:
    stored, exif = drawing.stored_with_orientation(drawing.four_corners(600, 400), value)
    source = tmp_path / "picture"
    stored.save(source, name, exif=exif)
    found = _thumbnail(source)
    assert found.size == (256, 171)
    assert drawing.corners_of(found) == drawing.CORNERS


def test_an_avif_comes_out_upright(tmp_path: Path) -> None:
    stored, exif = drawing.stored_with_orientation(drawing.four_corners(600, 400), 6)
    stored.save(tmp_path / "a.avif", exif=exif)
    assert drawing.corners_of(_thumbnail(tmp_path / "a.avif")) == drawing.CORNERS


def test_an_orientation_that_makes_no_sense_is_passed_over(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    drawing.four_corners().save(tmp_path / "a.jpg", exif=exif)
    assert drawing.corners_of(_thumbnail(tmp_path / "a.jpg")) == drawing.CORNERS


@pytest.mark.parametrize("name", ["GIF", "WEBP", "AVIF", "PNG", "TIFF"])
def test_of_several_pictures_the_first_is_shown(tmp_path: Path, name: str) -> None:
    more = [Image.new("RGB", (600, 400), colour) for colour in ("black", "white")]
    drawing.four_corners(600, 400).save(tmp_path / "a", name, save_all=True, append_images=more)
    found = _thumbnail(tmp_path / "a")
    assert found.size == (256, 171)
    assert drawing.corners_of(found) == drawing.CORNERS


def test_a_small_picture_is_not_enlarged(tmp_path: Path) -> None:
    drawing.four_corners(40, 20).save(tmp_path / "a.png")
    assert _thumbnail(tmp_path / "a.png").size == (40, 20)


@pytest.mark.parametrize(("size", "expected"), [((9000, 2), (256, 1)), ((2, 9000), (1, 256))])
def test_a_strip_keeps_a_pixel(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    Image.new("RGB", size, "red").save(tmp_path / "a.png")
    assert _thumbnail(tmp_path / "a.png").size == expected


def test_a_picture_over_the_limit_is_refused_unseen(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(drawing.png_declaring(5000, 5000))
    with pytest.raises(MediaError, match="5000 x 5000"):
        make_thumbnail(tmp_path / "a.png", FileType.IMAGE, tmp_path / "t.jpg", max_pixels=24_999_999)


def _half_transparent(mode: str) -> Image.Image:
    image = Image.new("RGBA", (80, 40), (200, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 40, 40))
    return image if mode == "RGBA" else image.convert(mode)


def _palette_with_transparency() -> Image.Image:
    image = Image.new("P", (80, 40), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.paste(0, (0, 0, 40, 40))
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("draw", "name"),
    [(lambda: _half_transparent("RGBA"), "PNG"), (lambda: _half_transparent("RGBA"), "WEBP"),
     (lambda: _half_transparent("RGBA"), "TIFF"), (lambda: _half_transparent("LA"), "PNG"),
     (lambda: _half_transparent("PA"), "TIFF"), (_palette_with_transparency, "PNG"),
     (_palette_with_transparency, "GIF")],
)  # fmt: skip
def test_transparent_is_white(tmp_path: Path, draw: Callable[[], Image.Image], name: str) -> None:
    source = tmp_path / "a"
    draw().save(source, name)
    found = _thumbnail(source)
    assert min(_pixel(found, 15, 20)) > 245
    assert min(_pixel(found, 65, 20)) < 90


def test_a_transparent_key_colour_is_white(tmp_path: Path) -> None:
    image = Image.new("RGB", (80, 40), (0, 0, 200))
    image.paste((1, 2, 3), (0, 0, 40, 40))
    image.save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert min(_pixel(_thumbnail(tmp_path / "a.png"), 15, 20)) > 245


_RAMP = np.tile(np.linspace(0, 1, 400), (300, 1))


@pytest.mark.parametrize(
    ("pixels", "name"),
    [((_RAMP * 65535).astype(np.uint16), "PNG"), ((_RAMP * 65535).astype(np.uint16), "TIFF"),
     ((_RAMP * 65535).astype(np.int32), "TIFF"), ((_RAMP * 255).astype(np.int32), "TIFF"),
     ((_RAMP * 2e9 - 1e9).astype(np.int32), "TIFF"), (_RAMP.astype(np.float32), "TIFF"),
     ((_RAMP * 255).astype(np.float32), "TIFF"), ((_RAMP * 900 - 300).astype(np.float32), "TIFF")],
)  # fmt: skip
def test_deep_greys_keep_their_scale(tmp_path: Path, pixels: npt.NDArray[Any], name: str) -> None:
    source = tmp_path / "a"
    Image.fromarray(pixels).save(source, name)
    found = _thumbnail(source)
    greys = [_pixel(found, x, 90)[1] for x in (2, 64, 128, 192, 253)]
    assert greys == pytest.approx([2, 64, 128, 192, 253], abs=6)


def test_floats_that_are_no_numbers_are_black(tmp_path: Path) -> None:
    pixels = _RAMP.astype(np.float32)
    pixels[:, :200] = np.nan
    Image.fromarray(pixels).save(tmp_path / "a.tiff")
    found = _thumbnail(tmp_path / "a.tiff")
    assert max(_pixel(found, 20, 90)) < 10
    assert min(_pixel(found, 250, 90)) > 230


@pytest.mark.parametrize(
    ("mode", "name"),
    [("1", "PNG"), ("1", "TIFF"), ("L", "JPEG"), ("P", "GIF"), ("P", "BMP"), ("CMYK", "JPEG"),
     ("CMYK", "TIFF"), ("LAB", "TIFF"), ("YCbCr", "TIFF")],
)  # fmt: skip
def test_every_other_mode_becomes_rgb(tmp_path: Path, mode: str, name: str) -> None:
    image = drawing.four_corners(600, 400)
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
        assert converted is not None
    else:
        converted = image.convert(mode)
    source = tmp_path / "a"
    converted.save(source, name)
    found = _thumbnail(source)
    if mode in ("1", "L"):
        # Yellow is the brightest of the four corners, blue the darkest.
        small = found.convert("L").resize((2, 2), Image.Resampling.BOX).tobytes()
        assert max(range(4), key=small.__getitem__) == 3
        assert min(range(4), key=small.__getitem__) == 2
    else:
        assert drawing.corners_of(found) == drawing.CORNERS


@pytest.mark.parametrize("mode", ["HSV", "RGBa", "RGBX", "PA"])
def test_modes_that_only_other_readers_make(mode: str) -> None:
    base = drawing.four_corners(600, 400)
    found = small_rgb((base.convert("RGBA") if mode == "RGBa" else base).convert(mode), _to_thumbnail_size)
    assert (found.mode, found.size) == ("RGB", (256, 171))
    assert drawing.corners_of(found) == drawing.CORNERS


def test_premultiplied_greys_become_rgb() -> None:
    found = small_rgb(Image.new("LA", (600, 400), (100, 255)).convert("La"), _to_thumbnail_size)
    assert (found.mode, found.size) == ("RGB", (256, 171))
    assert _pixel(found, 9, 9) == (100, 100, 100)


def test_colours_are_converted_to_srgb(tmp_path: Path) -> None:
    """A profile whose channels are swapped in meaning shows at once whether it was applied: LAB's neutral grey."""
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same tone curve, steeper: sRGB's parametric curve with the exponent 1.0 instead of 2.4.
    at = srgb.index(b"para")
    exponent = at + 12
    steep = srgb[:exponent] + (0x10000).to_bytes(4, "big") + srgb[exponent + 4 :]
    for profile, bright in ((srgb, 128), (steep, 160), (linear, 128), (b"nonsense", 128)):
        Image.new("RGB", (60, 60), (128, 128, 128)).save(tmp_path / "a.jpg", icc_profile=profile)
        green = _pixel(_thumbnail(tmp_path / "a.jpg"), 30, 30)[1]
        assert green > bright if bright > 128 else green == pytest.approx(128, abs=3)


def test_the_thumbnail_inside_a_heic_is_used(tmp_path: Path) -> None:
    """The embedded picture has other colours than the large one, so that one can tell which was decoded."""
    large = Image.new("RGB", (1024, 768), "black")
    (tmp_path / "a.heic").write_bytes(drawing.heic(large, drawing.four_corners(320, 240)))
    assert drawing.corners_of(_thumbnail(tmp_path / "a.heic")) == drawing.CORNERS


@pytest.mark.parametrize("size", [(240, 180), (320, 320)])
def test_a_heic_thumbnail_too_small_or_of_another_shape_is_not(tmp_path: Path, size: tuple[int, int]) -> None:
    source = tmp_path / "a.heic"
    source.write_bytes(drawing.heic(drawing.four_corners(1024, 768), Image.new("RGB", size, "black")))
    found = _thumbnail(source)
    assert found.size == (256, 192)
    assert drawing.corners_of(found) == drawing.CORNERS


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("length", [20, 29])
def test_a_picture_cut_in_its_header_is_a_media_error(tmp_path: Path, name: str, length: int) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, name)
    data = whole.getvalue()
    (tmp_path / "a").write_bytes(data[:length])
    with pytest.raises(MediaError, match="The picture cannot be decoded") as caught:
        make_thumbnail(tmp_path / "a", FileType.IMAGE, tmp_path / "t.jpg")
    assert caught.value.hint
    assert (names_in(tmp_path)) == ["a"]


def test_a_heic_cut_in_its_header_is_a_media_error(tmp_path: Path) -> None:
    data = drawing.heic(drawing.four_corners(640, 480), drawing.four_corners(320, 240))
    for length in (60, 300):
        (tmp_path / "a.heic").write_bytes(data[:length])
        with pytest.raises(MediaError):
            make_thumbnail(tmp_path / "a.heic", FileType.IMAGE, tmp_path / "t.jpg")
    assert names_in(tmp_path) == ["a.heic"]


def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"):
        whole = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        drawing.four_corners(90, 60).save(whole, name, exif=exif)
        for _ in range(25):
            data = bytearray(whole.getvalue())
            for place in random.integers(0, min(len(data), 400), 4):
                data[place] = int(random.integers(256))
            (tmp_path / "a").write_bytes(data)
            with warnings.catch_warnings():
                try:
                    make_thumbnail(tmp_path / "a", FileType.IMAGE, tmp_path / "t.jpg")
                except MediaError as error:
                    assert error.message
    assert set(names_in(tmp_path)) <= {"a", "t.jpg"}


def test_a_missing_source_is_a_media_error(tmp_path: Path) -> None:
    for file_type in FileType:
        with pytest.raises(MediaError):
            make_thumbnail(tmp_path / "none", file_type, tmp_path / "t.jpg")
    assert names_in(tmp_path) == []


def test_a_failure_leaves_the_old_thumbnail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing.four_corners().save(tmp_path / "a.png")
    folder = tmp_path / "thumbnails"
    folder.mkdir()
    (folder / "t.jpg").write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            make_thumbnail(tmp_path / "a.png", FileType.IMAGE, folder / "t.jpg")
    assert names_in(folder) == ["t.jpg"]
    assert (folder / "t.jpg").read_bytes() == b"old"
    make_thumbnail(tmp_path / "a.png", FileType.IMAGE, folder / "t.jpg")
    assert names_in(folder) == ["t.jpg"]
    assert (folder / "t.jpg").read_bytes().startswith(b"\xff\xd8")


def test_anything_on_the_disk_has_a_small_jpeg(tmp_path: Path) -> None:
    large = tmp_path / "no extension"
    Image.new("RGB", (640, 320), (200, 30, 30)).save(large, "PNG")
    with Image.open(io.BytesIO(small_jpeg(large, 64))) as small:
        assert (small.format, small.size) == ("JPEG", (64, 32))
    text = tmp_path / "really.jpg"
    text.write_text("not a picture")
    with pytest.raises(MediaError):
        small_jpeg(text, 64)
