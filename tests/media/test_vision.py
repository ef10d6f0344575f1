"""Pictures as vision models get them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
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
        ((1000, 700), (980, 700)),
        ((56, 84), (56, 84)),
        ((57, 83), (56, 56)),
        ((10, 20), (28, 28)),
        ((4000, 8), (1568, 28)),
        ((1, 1), (28, 28)),
    ],
)
def test_the_sides_fit_the_models_patches(size: tuple[int, int], seen: tuple[int, int]) -> None:
    image = _seen(_encoded(Image.new("RGB", size, (10, 120, 200))))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", seen)
    np.testing.assert_allclose(np.asarray(image)[0, 0], (10, 120, 200), atol=4)


def test_a_smaller_long_side_is_rounded_down() -> None:
    assert _seen(_encoded(Image.new("RGB", (2000, 1000))), 1000).size == (980, 476)


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
