"""One decode gives the thumbnail, the looks, the metadata and the pixels for those who describe."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import skimage
from PIL import Image

from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import LookSize, SmallPicture
from vuemantics_tui.media.first_look import take_first_look
from vuemantics_tui.media.scaled import image_of, picture_within
from vuemantics_tui.media.thumbnail import make_thumbnail
from vuemantics_tui.media.traits import read_traits

PICTURES = Path(skimage.__file__).parent / "data"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A JPEG of 1800 x 1200 pixels that was taken with the camera held sideways."""
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0110] = "Box 1"
    with Image.open(PICTURES / "coffee.png") as image:
        image.convert("RGB").resize((1800, 1200)).save(path, quality=90, exif=exif)
    return path


def image_in(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


@pytest.mark.parametrize(
    ("size", "expected"),
    [(LookSize(320), (600, 900)), (LookSize(320, 1024, exact=True), (683, 1024)), (LookSize(9000), (1200, 1800))],
)
def test_one_decode_gives_what_each_stage_would_have_found(
    photo: Path, tmp_path: Path, size: LookSize, expected: tuple[int, int]
) -> None:
    look = take_first_look(photo, FileType.IMAGE, size)
    make_thumbnail(photo, FileType.IMAGE, tmp_path / "alone.jpg")
    alone = read_traits(tmp_path / "alone.jpg", photo, FileType.IMAGE)
    assert isinstance(look.picture, SmallPicture) and look.traits is not None and look.metadata is not None
    assert (look.picture.width, look.picture.height) == expected
    seen, whole = image_of(look.picture).resize((64, 96)), picture_within(photo, 1800).resize((64, 96))
    assert max(abs(a - b) for a, b in zip(seen.tobytes(), whole.tobytes(), strict=True)) < 24
    assert image_in(look.thumbnail).size == (171, 256)
    assert look.traits.phash is not None and alone.phash is not None
    assert ((look.traits.phash ^ alone.phash) & (2**64 - 1)).bit_count() <= 2
    assert look.traits.colours.keys() == alone.colours.keys()
    assert (look.metadata.width, look.metadata.height) == (1200, 1800)
    assert (look.metadata.extra or {})["camera_model"] == "Box 1"
    assert (look.fault, look.missing, look.metadata_fault) == ("", "", "")


def test_bytes_give_the_same_but_for_what_stands_beside_a_file(photo: Path) -> None:
    by_path, by_bytes = (take_first_look(each, FileType.IMAGE, LookSize(320)) for each in (photo, photo.read_bytes()))
    assert (by_bytes.thumbnail, by_bytes.picture, by_bytes.traits) == (
        by_path.thumbnail,
        by_path.picture,
        by_path.traits,
    )
    assert by_bytes.metadata is None


def test_a_picture_that_does_not_decode_keeps_its_metadata_and_says_why(tmp_path: Path, photo: Path) -> None:
    data = photo.read_bytes()
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(data[: data.index(b"\xff\xda")])
    look = take_first_look(torn, FileType.IMAGE, LookSize(320))
    assert (look.thumbnail, look.traits, look.picture) == (b"", None, None)
    assert "cannot be decoded" in look.fault
    assert look.metadata is not None and look.metadata.width == 1200
    gone = take_first_look(tmp_path / "gone.jpg", FileType.IMAGE, None)
    assert gone.metadata is None
    assert gone.fault and gone.metadata_fault


def test_what_a_file_lacks_is_said_whatever_size_is_asked_for(tmp_path: Path, photo: Path) -> None:
    data = photo.read_bytes()
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(data[: len(data) // 2])
    for size in (None, LookSize(320), LookSize(320, 1024)):
        look = take_first_look(cut, FileType.IMAGE, size)
        assert look.missing.endswith("% of the picture is missing")
        assert look.thumbnail


def test_pixels_are_handed_on_only_where_they_are_asked_for(photo: Path, draw_clip: Callable[[], Path]) -> None:
    assert take_first_look(photo, FileType.IMAGE, None).picture is None
    film = take_first_look(draw_clip(), FileType.VIDEO, LookSize(320))
    assert film.picture is None and film.traits is not None
    assert film.metadata is not None and film.metadata.duration
    assert max(image_in(film.thumbnail).size) <= 256


def test_pixels_that_are_not_as_many_as_they_say_are_refused() -> None:
    with pytest.raises(MediaError, match="11 bytes, and not 2 x 2 pixels"):
        image_of(SmallPicture(2, 2, bytes(11)))
