"""What looks the same has nearly the same hash, what does not has another one; sharpness and colours tell the truth."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image, ImageEnhance, ImageFilter

from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.thumbnail import make_thumbnail
from vuemantics_tui.media.traits import perceptual_hash, read_traits, traits_of
from vuemantics_tui.search.duplicates import THRESHOLD

PICTURES = Path(skimage.__file__).parent / "data"
# Photos: a chessboard and a wall of equal bricks look like themselves one field on.
PHOTOS = (
    *("astronaut.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png"),
    *("grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png"),
    *("retina.jpg", "rocket.jpg"),
)


def photo(name: str) -> Image.Image:
    """One of them in RGB."""
    with Image.open(PICTURES / name) as image:
        return image.convert("RGB")


def hash_of(image: Image.Image) -> int:
    """The hash by way of a thumbnail, as the pipeline makes it."""
    small = image.copy()
    small.thumbnail((256, 256))
    found = perceptual_hash(recompressed(small, 85).convert("L"))
    assert found is not None
    return found


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    """The picture as a JPEG keeps it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def differing(one: int, other: int) -> int:
    """In how many bits two hashes differ."""
    return ((one ^ other) & (2**64 - 1)).bit_count()


def versions(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """What becomes of a photo on its way through other programs."""
    width, height = image.size
    yield "half", image.resize((width // 2, height // 2))
    yield "odd scale", image.resize((int(width * 0.37), int(height * 0.37)))
    yield "double", image.resize((width * 2, height * 2))
    yield "quality 60", recompressed(image, 60)
    yield "quality 30", recompressed(image, 30)
    yield "darker", ImageEnhance.Brightness(image).enhance(0.8)
    yield "brighter", ImageEnhance.Brightness(image).enhance(1.15)
    yield "contrast", ImageEnhance.Contrast(image).enhance(1.2)
    yield "grey", image.convert("L").convert("RGB")
    edge = (width // 100, height // 100)
    yield "cropped", image.crop((*edge, width - edge[0], height - edge[1]))


@pytest.mark.parametrize("name", PHOTOS)
def test_versions_of_a_photo_are_near_duplicates(name: str) -> None:
    original = photo(name)
    expected = hash_of(original)
    distances = {version: differing(expected, hash_of(image)) for version, image in versions(original)}
    assert max(distances.values()) <= 10, distances


def test_different_photos_are_none() -> None:
    hashes = {name: hash_of(photo(name)) for name in PHOTOS}
    nearest = min(
        (differing(hashes[one], hashes[other]), one, other) for one, other in itertools.combinations(PHOTOS, 2)
    )
    assert nearest[0] > THRESHOLD, nearest


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_colour_has_no_hash(level: int) -> None:
    assert traits_of(Image.new("RGB", (200, 150), (level,) * 3)).phash is None


@pytest.mark.parametrize("size", [(1, 1), (2, 256), (256, 1), (3, 3)])
def test_the_smallest_pictures_have_traits(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    traits = traits_of(Image.fromarray(pixels))
    assert traits.sharpness >= 0
    assert traits.colours


def test_a_blurred_photo_is_less_sharp() -> None:
    image = photo("chelsea.png").resize((256, 170))
    sharp, soft = traits_of(image), traits_of(image.filter(ImageFilter.GaussianBlur(2)))
    assert sharp.sharpness > 4 * soft.sharpness > 0


def test_the_colours_are_those_that_cover_a_part() -> None:
    image = Image.new("RGB", (100, 100), (30, 80, 210))
    image.paste((215, 25, 30), (0, 0, 100, 30))
    image.paste((250, 225, 40), (0, 0, 10, 10))
    colours = traits_of(image).colours
    assert set(colours) == {"blue", "red"}, "one hundredth is too little"
    assert colours["blue"] == pytest.approx(0.7, abs=0.02)
    assert colours["red"] == pytest.approx(0.29, abs=0.02)


def test_the_thumbnail_speaks_for_a_video_and_the_file_where_there_is_none(
    draw_clip: Callable[[], Path], tmp_path: Path
) -> None:
    clip = draw_clip()
    thumbnail = tmp_path / "thumb.jpg"
    make_thumbnail(clip, FileType.VIDEO, thumbnail)
    by_thumbnail = read_traits(thumbnail, clip, FileType.VIDEO)
    itself = read_traits(tmp_path / "missing.jpg", clip, FileType.VIDEO)
    assert by_thumbnail.phash == itself.phash
    assert set(by_thumbnail.colours) & set(itself.colours)


def test_what_does_not_decode_has_none(tmp_path: Path) -> None:
    path = tmp_path / "torn.jpg"
    path.write_bytes((PICTURES / "rocket.jpg").read_bytes()[:300])
    with pytest.raises(MediaError):
        read_traits(None, path, FileType.IMAGE)


def test_a_turned_phone_picture_is_hashed_upright(tmp_path: Path) -> None:
    upright = photo("chelsea.png")
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.save(tmp_path / "upright.jpg", quality=92)
    turned.save(tmp_path / "turned.jpg", quality=92, exif=exif)
    one = read_traits(None, tmp_path / "upright.jpg", FileType.IMAGE).phash
    other = read_traits(None, tmp_path / "turned.jpg", FileType.IMAGE).phash
    assert one is not None
    assert other is not None
    assert differing(one, other) <= 4
