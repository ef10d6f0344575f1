"""Pictures as vision models get them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.media import drawing
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.media.jobs import vision_jpeg


def _encoded(image: Image.Image, name: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def _seen(picture: Path | bytes, long_side: int = 1568) -> Image.Image:
    image = Image.open(io.BytesIO(vision_jpeg(picture, long_side, 28, 88, 10**8)))
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((3136, 2352), (1568, 1176)),
        ((4000, 3000), (1568, 1176)),
        ((3000, 4000), (1176, 1568)),
        ((1000, 700), (1008, 700)),
        ((640, 480), (644, 476)),
        ((56, 84), (56, 84)),
        ((57, 83), (56, 84)),
        ((40, 40), (56, 56)),
        ((10, 20), (56, 112)),
        ((4000, 8), (1568, 56)),
        ((33, 4000), (56, 1568)),
        ((31, 5000), (56, 1568)),
        ((2000, 32), (1568, 56)),
        ((1, 4000), (56, 1568)),
        ((1, 1), (56, 56)),
    ],
)
def test_the_sides_fit_the_models_patches(size: tuple[int, int], seen: tuple[int, int]) -> None:
    image = _seen(_encoded(Image.new("RGB", size, (10, 120, 200))))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", seen)
    np.testing.assert_allclose(np.asarray(image)[0, 0], (10, 120, 200), atol=4)


def test_a_smaller_long_side_is_rounded_down() -> None:
    assert _seen(_encoded(Image.new("RGB", (2000, 1000))), 1000).size == (980, 504)


@settings(max_examples=300, deadline=None)
@given(
    width=st.integers(1, 6000),
    height=st.integers(1, 6000),
    multiple=st.sampled_from([1, 14, 16, 28, 32, 64]),
    long_side=st.integers(64, 1600),
)
@example(width=33, height=4000, multiple=28, long_side=1568)
@example(width=1, height=1, multiple=1, long_side=64)
def test_no_picture_is_squashed_or_too_thin(width: int, height: int, multiple: int, long_side: int) -> None:
    # Within the limits a picture is shrunk first, keeping its shape.
    shrink = min(1.0, long_side / max(width, height))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    picture = Image.new("RGB", size, (0, 0, 0))
    image = Image.open(io.BytesIO(vision_jpeg(_encoded(picture), long_side, multiple, 95, 10**8)))
    assert min(image.size) >= 32
    assert all(side % multiple == 0 for side in image.size)
    assert max(image.size) <= max(long_side, -(-32 // multiple) * multiple)


@pytest.mark.parametrize(
    "size", [(33, 4000), (4000, 33), (2000, 32), (300, 40), (45, 45), (583, 601), (64, 90), (700, 33)]
)
@pytest.mark.parametrize("multiple", [1, 14, 28, 32])
def test_what_a_picture_shows_keeps_its_shape(size: tuple[int, int], multiple: int) -> None:
    # Dark, with a bright middle third in both directions, so that borders in the mean colour can be told from it.
    picture = Image.new("RGB", size, (0, 0, 0))
    left, top = size[0] // 3, size[1] // 3
    picture.paste((255, 255, 255), (left, top, size[0] - left, size[1] - top))
    seen = np.asarray(_seen_with(_encoded(picture), multiple).convert("L"))
    bright = seen > 160
    wide, high = bright.any(0).sum(), bright.any(1).sum()
    expected = (size[0] - 2 * left) / (size[1] - 2 * top)
    # Edges are blurred by about a pixel.
    assert wide / high == pytest.approx(expected, rel=0.02 + 2 / wide + 2 / high)


def _seen_with(picture: bytes, multiple: int) -> Image.Image:
    return Image.open(io.BytesIO(vision_jpeg(picture, 1568, multiple, 95, 10**8)))


def test_it_is_upright_and_on_white() -> None:
    stored, exif = drawing.stored_with_orientation(drawing.four_corners(600, 400), 6)
    assert drawing.corners_of(_seen(_encoded(stored, "JPEG", exif=exif))) == drawing.CORNERS
    clear = _seen(_encoded(Image.new("RGBA", (100, 100), (0, 0, 0, 0))))
    assert np.asarray(clear).min() > 250


def test_a_file_is_seen_as_its_bytes(tmp_path: Path) -> None:
    data = _encoded(drawing.four_corners(300, 200))
    (tmp_path / "a").write_bytes(data)
    assert vision_jpeg(tmp_path / "a", 1568, 28, 88, 10**8) == vision_jpeg(data, 1568, 28, 88, 10**8)


def test_the_quality_counts_and_the_job_pickles() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (280, 280, 3), np.uint8)
    data = _encoded(Image.fromarray(pixels))
    job = pickle.loads(pickle.dumps(vision_jpeg))
    assert len(job(data, 1568, 28, 30, 10**8)) < len(job(data, 1568, 28, 88, 10**8)) / 2


def test_what_cannot_be_seen_is_a_media_error() -> None:
    with pytest.raises(MediaError, match="limit of 10 million"):
        vision_jpeg(drawing.png_declaring(5000, 5000), 1568, 28, 88, 10**7)
    with pytest.raises(MediaError):
        vision_jpeg(b"no picture", 1568, 28, 88, 10**8)
