"""What can be seen through stands on a ground that shows it, everywhere the same; a blank frame is no picture."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.media import drawing
from tests.media.drawing import picture_down_to
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.colours import read_palette
from vuemantics_tui.media.scaled import picture_within, vision_jpeg
from vuemantics_tui.media.thumbnail import small_picture
from vuemantics_tui.media.visible import contrast

Colour = tuple[int, int, int, int]
WHITE, BLACK, CLEAR = (255, 255, 255, 255), (0, 0, 0, 255), (0, 0, 0, 0)
LIMIT = 100_000_000


def _logo(colour: Colour, size: tuple[int, int] = (400, 300), hidden: Colour = CLEAR) -> Image.Image:
    width, height = size
    image = Image.new("RGBA", size, hidden)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.1, height * 0.2, width * 0.5, height * 0.8), colour)
    draw.rectangle((width * 0.6, height * 0.3, width * 0.9, height * 0.5), colour)
    return image


def _encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def _ground(picture: Image.Image) -> int:
    corner = picture.getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert len(set(corner)) == 1
    return int(corner[0])


@pytest.mark.parametrize("name", ["PNG", "WEBP", "AVIF", "TIFF", "GIF"])
@pytest.mark.parametrize("hidden", [CLEAR, (255, 255, 255, 0)])
@pytest.mark.parametrize(
    ("colour", "is_light"), [(WHITE, False), ((238, 240, 236, 255), False), (BLACK, True), ((200, 30, 30, 255), True)]
)
def test_shapes_on_nothing_can_be_seen(name: str, hidden: Colour, colour: Colour, is_light: bool) -> None:
    found = picture_within(_encoded(_logo(colour, hidden=hidden), name), 256)
    assert _ground(found) == 255 if is_light else _ground(found) < 128
    inside = found.getpixel((found.width * 3 // 10, found.height // 2))
    assert np.abs(np.array(inside) - colour[:3]).max() <= 8
    assert contrast(found) > 40


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_greys_and_few_colours_have_a_ground_too(mode: str) -> None:
    logo = _logo(WHITE)
    image = logo.quantize(4) if mode == "P" else logo.convert(mode)
    assert contrast(picture_within(_encoded(image, "PNG"), 256)) > 40


def test_what_half_lets_through_can_be_seen() -> None:
    veil = Image.new("RGBA", (300, 200), (255, 255, 255, 110))
    assert np.asarray(picture_within(_encoded(veil, "PNG"), 256)).max() < 200


def test_black_and_white_on_nothing_are_both_seen() -> None:
    image = _logo(WHITE)
    ImageDraw.Draw(image).rectangle((240, 180, 360, 260), BLACK)
    assert 60 < _ground(picture_within(_encoded(image, "PNG"), 256)) < 200


def test_white_within_an_outline_stays_on_white() -> None:
    image = Image.new("RGBA", (400, 300), CLEAR)
    ImageDraw.Draw(image).ellipse((50, 50, 350, 250), WHITE, BLACK, 8)
    assert _ground(picture_within(_encoded(image, "PNG"), 256)) == 255


@pytest.mark.parametrize("colour", [WHITE, BLACK])
def test_the_ground_is_the_same_in_every_use(colour: Colour) -> None:
    data = _encoded(_logo(colour, (2000, 1500)), "PNG")
    with Image.open(io.BytesIO(vision_jpeg(data, 1568, 28, 90, LIMIT))) as sent:
        uses = [sent.convert("RGB"), *(picture_within(data, side) for side in (64, 256, 1024))]
    uses += [picture_down_to(data, side) for side in (320, 768)]
    assert {_ground(each) for each in uses} == {40 if colour == WHITE else 255}


def test_a_white_logo_is_not_a_plain_white_picture() -> None:
    palette = read_palette(np.asarray(picture_within(_encoded(_logo(WHITE), "PNG"), 256)))
    assert not palette.plain
    assert "white" in palette.main


def test_a_clip_with_alpha_has_a_ground(tmp_path: Path) -> None:
    logo = np.asarray(_logo(WHITE, (320, 240)))
    with av.open(str(tmp_path / "a.mov"), "w") as output:
        stream = output.add_stream("png", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "rgba"
        frame = av.VideoFrame.from_ndarray(logo, format="rgba")
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    found = small_picture(tmp_path / "a.mov", FileType.VIDEO, 256, LIMIT)
    assert _ground(found) == 40
    assert found.getpixel((76, 96)) == (255, 255, 255)


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("blank", [Image.new("RGB", (200, 150), "white"), Image.new("RGBA", (200, 150), CLEAR)])
def test_an_animation_shows_a_frame_that_is_not_blank(name: str, blank: Image.Image) -> None:
    corners = drawing.four_corners(200, 150).convert(blank.mode)
    data = _encoded(blank, name, save_all=True, append_images=[blank, corners, corners], duration=100)
    for found in (picture_within(data, 120), picture_down_to(data, 60)):
        assert drawing.corners_of(found) == drawing.CORNERS


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_that_shows_something_at_once_shows_that(name: str) -> None:
    first, second = drawing.four_corners(200, 150), Image.new("RGB", (200, 150), "white")
    data = _encoded(first, name, save_all=True, append_images=[second, second.rotate(90)], duration=100)
    assert drawing.corners_of(picture_within(data, 120)) == drawing.CORNERS


def test_an_animation_of_blank_frames_shows_the_first() -> None:
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "lime", "blue")]
    data = _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert picture_within(data, 40).getpixel((20, 20)) == (255, 0, 0)
