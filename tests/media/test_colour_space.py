"""A chart of known colours in every colour space comes out as itself: clips first, then pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.media import charts
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.frames import extract_frames
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
