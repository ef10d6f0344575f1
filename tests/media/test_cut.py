"""Pictures whose file ends too early: what is there is shown, and what is missing is told."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from tests.media import drawing
from tests.media.drawing import picture_down_to
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.probe import probe
from vuemantics_tui.media.scaled import picture_within
from vuemantics_tui.media.thumbnail import make_thumbnail

RED, GREEN, BLUE, YELLOW = drawing.CORNERS


def noisy(width: int = 600, height: int = 400) -> Image.Image:
    """A picture of four corners whose pixels all take room in a file."""
    noise = np.random.default_rng(3).integers(-12, 13, (height, width, 3))
    pixels = np.asarray(drawing.four_corners(width, height)).astype(int) + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(kind: str) -> bytes:
    name, _, variant = kind.partition(" ")
    options: dict[str, dict[str, object]] = {
        "progressive": {"progressive": True},
        "restarts": {"restart_marker_rows": 1},
        "lossless": {"lossless": True},
    }
    image = noisy()
    if variant in ("palette", "grey", "alpha"):
        image = image.convert({"palette": "P", "grey": "L", "alpha": "RGBA"}[variant])
    buffer = io.BytesIO()
    image.save(buffer, name, **options.get(variant, {}))
    return buffer.getvalue()


MEASURED = [
    "JPEG",
    "JPEG restarts",
    "JPEG grey",
    "PNG",
    "PNG palette",
    "PNG grey",
    "PNG alpha",
    "WebP",
    "WebP lossless",
]


@pytest.mark.parametrize("kind", MEASURED)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_what_is_there_is_shown_and_what_is_missing_is_told(tmp_path: Path, kind: str, share: float) -> None:
    data = encoded(kind)
    path, target = tmp_path / "cut", tmp_path / "t.jpg"
    path.write_bytes(data[: int(len(data) * share)])
    told = make_thumbnail(path, FileType.IMAGE, target).missing
    assert told.startswith("cut off or damaged: ")
    assert told.endswith(" of the picture is missing")
    if "%" in told:
        assert int(told.split()[4]) == pytest.approx(100 * (1 - share), abs=9)
    for image in (picture_within(path, 256), picture_down_to(path, 100)):
        shown = np.asarray(image.convert("RGB")).astype(int)
        top = shown[: max(1, int(len(shown) * (share - 0.15)))]
        if kind.endswith("grey"):
            assert top.std() > 5
        else:
            assert np.abs(top[len(top) // 3, 10] - RED).max() < 50
            assert np.abs(top[len(top) // 3, -10] - GREEN).max() < 50
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_what_is_missing_is_grey(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    for kind in ("JPEG", "PNG", "PNG grey"):
        data = encoded(kind)
        path.write_bytes(data[: len(data) // 2])
        last = np.asarray(picture_within(path, 256)).astype(int)[-5:]
        assert np.abs(last - 128).max() <= 3, kind


@pytest.mark.parametrize("value", range(1, 9))
def test_the_measure_knows_how_the_picture_is_turned(tmp_path: Path, value: int) -> None:
    stored, exif = drawing.stored_with_orientation(noisy(), value)
    data = drawing.jpeg_bytes(stored, exif=exif)
    path = tmp_path / "cut"
    path.write_bytes(data[: len(data) * 3 // 4])
    told = make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg")
    assert told.size == (256, 171)
    assert int(told.missing.split()[4]) == pytest.approx(25, abs=8)


@pytest.mark.parametrize(
    ("kind", "length"),
    [("JPEG", 2), ("JPEG", 1), ("JPEG progressive", 2), ("JPEG restarts", 2), ("PNG", 12), ("PNG", 16), ("PNG", 20)],
)
def test_without_the_end_marker_alone_nothing_is_missing(tmp_path: Path, kind: str, length: int) -> None:
    data = encoded(kind)
    path = tmp_path / "cut"
    path.write_bytes(data)
    whole = picture_within(path, 256)
    path.write_bytes(data[:-length])
    assert make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg").missing == ""
    assert picture_within(path, 256).tobytes() == whole.tobytes()


def test_a_progressive_picture_lacks_detail_or_a_part(tmp_path: Path) -> None:
    data = encoded("JPEG progressive")
    scans = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 3
    path = tmp_path / "cut"
    # Within a later scan, between two of them, in the tables before one, and in its head.
    for end in (len(data) * 9 // 10, scans[3] + 200, scans[2], scans[2] - 10, scans[2] + 3):
        path.write_bytes(data[:end])
        assert make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg").missing.endswith("the picture lacks detail")
        assert drawing.corners_of(picture_within(path, 256)) == drawing.CORNERS
    path.write_bytes(data[: (scans[0] + scans[1]) // 2])
    assert make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg").missing.endswith("% of the picture is missing")


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "GIF"])
def test_of_other_formats_is_shown_what_their_decoders_give(tmp_path: Path, kind: str) -> None:
    data = encoded(kind)
    path = tmp_path / "cut"
    path.write_bytes(data[: len(data) * 9 // 10])
    told = make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg").missing
    assert told.startswith("cut off or damaged: ")
    assert np.asarray(picture_within(path, 256)).std() > 20


def test_a_heic_without_its_last_rows_is_shown(tmp_path: Path) -> None:
    image = noisy(640, 480)
    data = drawing.heic(image, image.resize((64, 48)))
    path = tmp_path / "cut"
    path.write_bytes(data[: len(data) * 3 // 5])
    told = make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg").missing
    assert told.startswith("cut off or damaged: ")


@pytest.mark.parametrize("kind", ["JPEG", "JPEG progressive", "PNG", "WebP", "GIF", "BMP", "TIFF"])
def test_a_head_alone_fails_with_the_reason(tmp_path: Path, kind: str) -> None:
    data = encoded(kind)
    # What the pixels begin with, after the head.
    ends = {"JPEG": data.find(b"\xff\xda") + 14, "PNG": data.find(b"IDAT") + 4, "WebP": 30, "GIF": 800, "BMP": 54}
    path = tmp_path / "cut"
    for end in (ends.get(kind.split(maxsplit=1)[0], 200), 28):
        path.write_bytes(data[:end])
        with pytest.raises(MediaError, match="The picture cannot be decoded: "):
            make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_size_and_metadata_of_a_cut_file_are_known(tmp_path: Path, kind: str) -> None:
    data = encoded(kind)
    path = tmp_path / "cut"
    path.write_bytes(data[: len(data) // 2])
    found = probe(path, MediaLimits())
    assert (found.width, found.height) == (600, 400)
    assert read_metadata(path, FileType.IMAGE).width == 600


@pytest.mark.parametrize("kind", ["JPEG", "JPEG progressive", "PNG", "WebP", "WebP lossless", "AVIF", "GIF", "TIFF"])
def test_a_file_cut_anywhere_is_shown_or_fails_with_a_reason(tmp_path: Path, kind: str) -> None:
    data = encoded(kind)
    path = tmp_path / "cut"
    for part in range(40):
        path.write_bytes(data[: 13 + len(data) * part // 40])
        try:
            make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg")
        except MediaError as error:
            assert error.message


def test_a_damaged_png_shows_the_rows_before_the_damage(tmp_path: Path) -> None:
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 0xFF
    path = tmp_path / "damaged"
    path.write_bytes(data)
    told = make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg")
    assert told.size == (256, 171)
    assert told.missing


@pytest.mark.parametrize("declaring", [drawing.png_declaring, drawing.bmp_declaring])
def test_a_head_that_declares_a_large_picture_is_not_filled_up(
    tmp_path: Path, declaring: Callable[[int, int], bytes]
) -> None:
    path = tmp_path / "cut"
    path.write_bytes(declaring(12_000, 12_000) + bytes(100))
    with pytest.raises(MediaError, match="The picture cannot be decoded: "):
        make_thumbnail(path, FileType.IMAGE, tmp_path / "t.jpg")


def test_a_png_of_no_known_colour_type_is_damaged(tmp_path: Path) -> None:
    whole = drawing.four_corners().convert("RGB")
    whole.save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[25] = 9
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(MediaError):
        picture_within(tmp_path / "a.png", 64)
    assert probe(tmp_path / "a.png", MediaLimits()).width is None
