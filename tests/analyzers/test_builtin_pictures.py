"""Pictures of every mode come out as small upright RGB, and broken ones as MediaError."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vuemantics_tui.analyzers.builtin.pictures import load_pixels
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.media.colours import read_palette

Encode = Callable[..., bytes]


def main_colour(content: bytes) -> str:
    return read_palette(load_pixels(content)).main[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I", "F", "I;16", "LAB"])
def test_every_mode_becomes_eight_bit_rgb(encode: Encode, mode: str) -> None:
    file_format = "TIFF" if mode in {"CMYK", "F", "I", "PA", "LAB"} else "PNG"
    image = Image.new(mode, (40, 30))
    if mode == "PA":
        image = Image.new("P", (40, 30))
    pixels = load_pixels(encode(image, file_format))
    assert pixels.shape == (30, 40, 3)
    assert pixels.dtype == np.uint8


def test_sixteen_bit_grey_keeps_its_brightness(encode: Encode) -> None:
    grey = Image.fromarray(np.full((50, 50), 32896, np.uint16))
    assert abs(int(load_pixels(encode(grey))[0, 0, 0]) - 128) <= 1


def test_cmyk_jpeg_keeps_its_colour(encode: Encode) -> None:
    assert main_colour(encode(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG")) == "red"


def test_what_can_be_seen_through_is_white(encode: Encode) -> None:
    hidden_red = Image.new("RGBA", (1000, 800), (255, 0, 0, 0))
    assert main_colour(encode(hidden_red)) == "white"


def test_half_seen_through_is_mixed_with_white(encode: Encode) -> None:
    half = Image.new("RGBA", (1000, 800), (0, 0, 0, 128))
    assert abs(int(load_pixels(encode(half))[0, 0, 0]) - 127) <= 1


def test_palette_with_a_transparent_colour_is_white_there(encode: Encode) -> None:
    image = Image.new("P", (40, 30), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    assert main_colour(encode(image, transparency=0)) == "white"
    assert main_colour(encode(image)) == "red"


def test_a_turned_picture_comes_out_upright(encode: Encode) -> None:
    image = Image.new("RGB", (400, 200), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 200, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = load_pixels(encode(image, "JPEG", exif=exif))
    assert pixels.shape[:2] == (400, 200)
    # Orientation 6: turned clockwise to be seen, so the left half is on top.
    assert pixels[10, 100, 2] > 200
    assert pixels[-10, 100, 0] > 200


@pytest.mark.parametrize(("size", "expected"), [((1, 1), (1, 1)), ((6000, 300), (300, 6000)), ((3, 2000), (2000, 3))])
def test_odd_shapes_are_kept(encode: Encode, size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert load_pixels(encode(Image.new("RGB", size, (9, 9, 9)))).shape[:2] == expected


def test_a_large_picture_comes_out_small(encode: Encode) -> None:
    for file_format in ("JPEG", "PNG"):
        height, width = load_pixels(encode(Image.new("RGB", (4000, 3000)), file_format)).shape[:2]
        assert 320 <= height < 640
        assert abs(width / height - 4 / 3) < 0.02


def test_of_an_animation_the_first_frame_is_seen(encode: Encode) -> None:
    frames = [Image.new("RGB", (60, 60), colour) for colour in ((0, 160, 0), (255, 0, 0))]
    content = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert main_colour(content) == "green"


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_file_cut_short_is_seen_as_far_as_it_goes(encode: Encode, noise: Image.Image, file_format: str) -> None:
    whole = encode(noise, file_format)
    cut = load_pixels(whole[: len(whole) // 2])
    assert cut.shape == load_pixels(whole).shape
    assert cut.std() > 0


def test_a_file_cut_to_its_header_is_a_media_error(encode: Encode, noise: Image.Image) -> None:
    whole = encode(noise, "JPEG")
    with pytest.raises(MediaError) as caught:
        load_pixels(whole[: whole.index(b"\xff\xda")])
    assert caught.value.hint


def test_what_is_no_picture_is_a_media_error(tmp_path: Path) -> None:
    text = tmp_path / "picture.jpg"
    text.write_text("not a picture")
    with pytest.raises(MediaError, match="not a picture"):
        load_pixels(text)


def test_a_file_that_is_gone_is_a_media_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="gone"):
        load_pixels(tmp_path / "nothing.jpg")


def test_a_format_that_runs_programs_is_not_opened(tmp_path: Path) -> None:
    postscript = tmp_path / "picture.jpg"
    postscript.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(MediaError):
        load_pixels(postscript)
