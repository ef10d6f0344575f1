"""RAW photos: what is shown of them, and what they say of themselves."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.media import drawing
from tests.media.drawing import picture_down_to
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.scaled import picture_within, vision_jpeg

GREY = (128, 128, 128)
PLAIN = b"II*\x00\x08\x00\x00\x00"


def grey(width: int, height: int) -> Image.Image:
    """A preview that is told from the photo itself."""
    return Image.new("RGB", (width, height), GREY)


def shows(image: Image.Image) -> str:
    if np.ptp(np.asarray(image), axis=(0, 1)).max() < 20:
        return "preview"
    assert drawing.corners_of(image) == drawing.CORNERS
    return "sensor"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("with_preview", [True, False])
def test_a_photo_is_upright_either_way(tmp_path: Path, orientation: int, with_preview: bool) -> None:
    stored, _ = drawing.stored_with_orientation(drawing.four_corners(600, 400), orientation)
    path = tmp_path / "photo"
    path.write_bytes(drawing.dng(stored, stored if with_preview else None, orientation))
    for image in (picture_within(path, 256), picture_down_to(path, 100)):
        assert image.width / image.height == pytest.approx(1.5, abs=0.02)
        assert drawing.corners_of(image) == drawing.CORNERS
    found = read_metadata(path, FileType.IMAGE)
    assert (found.width, found.height) == (600, 400)


def test_a_preview_that_is_upright_already_is_not_turned_again(tmp_path: Path) -> None:
    upright = drawing.four_corners(400, 600)
    stored, _ = drawing.stored_with_orientation(upright, 6)
    path = tmp_path / "photo"
    path.write_bytes(drawing.dng(stored, upright, 6))
    image = picture_within(path, 256)
    assert image.height == 256
    assert drawing.corners_of(image) == drawing.CORNERS


@pytest.mark.parametrize(
    ("preview", "side", "shown"),
    [(grey(300, 200), 256, "preview"), (grey(300, 200), 600, "preview"), (grey(150, 100), 256, "sensor"),
     (grey(300, 200), 128, "preview"), (grey(300, 150), 256, "sensor")],
    ids=["large enough", "as large as half-size development", "too small", "more than enough", "of another shape"],
)  # fmt: skip
def test_the_preview_is_shown_where_it_will_do(tmp_path: Path, preview: Image.Image, side: int, shown: str) -> None:
    path = tmp_path / "photo"
    path.write_bytes(drawing.dng(drawing.four_corners(600, 400), preview))
    assert shows(picture_within(path, side)) == shown


def test_a_large_photo_is_developed_at_half_its_size(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(drawing.dng(drawing.four_corners(2500, 1700)))
    image = picture_within(path, 2500)
    assert image.size == (1250, 850)
    assert shows(image) == "sensor"
    with Image.open(path_of(tmp_path, vision_jpeg(path, 1568, 28, 88, 10_000_000))) as seen:
        assert shows(seen) == "sensor"


def path_of(folder: Path, data: bytes) -> Path:
    path = folder / "seen.jpg"
    path.write_bytes(data)
    return path


def test_a_damaged_preview_gives_way_to_the_sensors_data(tmp_path: Path) -> None:
    photo = drawing.dng(drawing.four_corners(600, 400), grey(300, 200))
    start = photo.index(b"\xff\xda") + 20
    path = tmp_path / "photo"
    path.write_bytes(photo[:start] + b"\xff\xd9" * 40 + photo[start + 80 :])
    assert picture_within(path, 256).size == (256, 171)
    start = photo.index(b"\xff\xd8")
    path.write_bytes(photo[:start] + bytes(600) + photo[start + 600 :])
    assert shows(picture_within(path, 256)) == "sensor"


def test_bytes_will_do_in_the_place_of_a_file() -> None:
    photo = drawing.dng(drawing.four_corners(600, 400))
    assert shows(picture_within(photo, 256)) == "sensor"


def test_a_name_in_any_script_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "Käthe 桜.dng"
    path.write_bytes(drawing.dng(drawing.four_corners(600, 400)))
    assert shows(picture_within(path, 256)) == "sensor"


@pytest.mark.parametrize("head", [PLAIN, b"IIRO" + PLAIN[4:], b"IIU\x00" + PLAIN[4:]], ids=["TIFF", "ORF", "RW2"])
def test_what_a_photo_says_is_read_from_its_directories(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "photo"
    image = drawing.four_corners(600, 400)
    path.write_bytes(drawing.dng(image, image, make="Camera", version=None, head=head))
    found = read_metadata(path, FileType.IMAGE)
    assert found.taken_at == "2019-05-06T07:08:09"
    assert found.extra == {**{"camera_make": "Camera", "camera_model": "Test 1", "iso": 400, "aperture": 2.8}}


def test_what_a_canon_says_is_read_from_its_boxes(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(drawing.cr3(drawing.four_corners(600, 400)))
    found = read_metadata(path, FileType.IMAGE)
    assert (found.width, found.height, found.taken_at) == (600, 400, "2021-02-03T04:05:06")
    extra = found.extra or {}
    assert (extra["camera_make"], extra["camera_model"], extra["iso"]) == ("Canon", "Canon EOS R6", 800)
    assert (extra["latitude"], extra["longitude"]) == (52.5, 13.4)


def test_what_a_fujifilm_says_is_read_from_its_preview(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271], exif[306] = "FUJIFILM", "2022:03:04 05:06:07"
    preview = drawing.jpeg_bytes(drawing.four_corners(600, 400), exif=exif)
    path = tmp_path / "photo"
    path.write_bytes(
        b"FUJIFILMCCD-RAW 0201".ljust(84, b"\x00") + struct.pack(">II", 100, len(preview)) + bytes(8) + preview
    )
    found = read_metadata(path, FileType.IMAGE)
    assert (found.taken_at, found.extra) == ("2022-03-04T05:06:07", {"camera_make": "FUJIFILM"})


def test_a_photo_that_was_cut_shows_its_preview_and_without_one_fails_with_the_reason(tmp_path: Path) -> None:
    image = drawing.four_corners(600, 400)
    path = tmp_path / "photo"
    photo = drawing.dng(image, image)
    path.write_bytes(photo[: photo.index(b"\xff\xd9") + 2])
    assert shows(picture_within(path, 256)) == "sensor", "the preview has the same corners"
    path.write_bytes(drawing.dng(image)[:3000])
    with pytest.raises(MediaError, match="The picture cannot be decoded: "):
        picture_within(path, 256)


def test_a_photo_over_the_limit_of_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(drawing.dng(drawing.four_corners(600, 400)))
    with pytest.raises(MediaError, match="600 x 400"):
        picture_within(path, 256, 239_999)
