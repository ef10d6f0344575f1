"""Duplicates are found among photos and clips, the best is proposed, and nothing that only looks alike is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import skimage
from PIL import Image, ImageDraw, ImageFont

from tests.conftest import OpenLibrary, add_all, settled
from tests.doubles import ThreadCompute
from vuemantics_tui.domain.duplicates import DuplicatesFound, Fingerprint, Likeness
from vuemantics_tui.library import Library
from vuemantics_tui.search.duplicates import Candidates, clips_near, grouped

PICTURES = Path(skimage.__file__).parent / "data"

Draw = Callable[[Image.Image, str], None]


def photo(name: str) -> Image.Image:
    """A photo of scikit-image, without its colour profile."""
    with Image.open(PICTURES / name) as image:
        return Image.fromarray(np.asarray(image.convert("RGB")))


def ticket(number: int) -> Image.Image:
    """The same form each time, with another number."""
    image = Image.new("RGB", (900, 420), (250, 244, 228))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 900, 90), fill=(40, 70, 200))
    draw.text((30, 20), "CITY THEATRE", font=ImageFont.load_default(44), fill="white")
    draw.text((30, 150), "Row 7  Seat 21", font=ImageFont.load_default(40), fill="black")
    draw.text((30, 320), f"No. {number}", font=ImageFont.load_default(32), fill=(60, 60, 60))
    return image


def logo(colour: str) -> Image.Image:
    """The same shape each time, in another colour."""
    image = Image.new("RGB", (320, 320), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((60, 60, 220, 220), fill=colour)
    draw.rectangle((40, 240, 280, 270), fill=colour)
    return image


def save_clip(path: Path, colour: int, *, side: int = 160, seconds: int = 3, bits: int = 400_000) -> Path:
    """A clip of a box that crosses a scene; it begins with the same second, and goes on in another way by `colour`."""
    rate = 10
    noise = np.random.default_rng(3).integers(0, 256, (5, 6, 3), np.uint8)
    background = Image.fromarray(noise).resize((160, 120), Image.Resampling.BICUBIC)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = side, side * 3 // 4, "yuv420p"
        stream.bit_rate = bits
        for number in range(seconds * rate):
            picture = background.copy()
            moment = number / rate
            left = int(moment * 30) % 120
            fill = (250, 250, 250) if moment < 1 else (colour, 255 - colour, 60)
            ImageDraw.Draw(picture).rectangle((left, 30, left + 36, 90), fill=fill)
            pixels = np.asarray(picture.resize((side, side * 3 // 4)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


async def with_files(open_library: OpenLibrary, *files: Path) -> Library:
    """A library in which these are processed."""
    library = await open_library()
    await add_all(library, *files)
    await library.queue.start()
    await settled(library)
    return library


async def names(library: Library) -> set[tuple[str, frozenset[str]]]:
    """The groups of duplicates by names: the one to keep, and the others."""
    return {
        (group.keep.filename, frozenset(one.filename for one in group.others))
        for group in await library.duplicates.groups()
    }


async def similar_names(library: Library) -> set[frozenset[str]]:
    """The groups of similar uploads by names."""
    return {frozenset(one.filename for one in group.members) for group in await library.duplicates.similar()}


async def with_photos(open_library: OpenLibrary, folder: Path) -> Library:
    """A library of two photos in several versions, and one alone."""
    cat, cup = photo("chelsea.png"), photo("coffee.png")
    cat.save(folder / "cat.png")
    cat.reduce(2).save(folder / "cat-half.png")
    cat.crop((18, 12, 433, 288)).save(folder / "cat-cropped.webp", quality=80)
    exif = Image.Exif()
    exif[0x0112] = 6
    cat.transpose(Image.Transpose.ROTATE_90).save(folder / "cat-turned.jpg", quality=90, exif=exif)
    cup.save(folder / "cup.jpg", quality=95)
    cup.save(folder / "cup-poor.jpg", quality=30)
    photo("rocket.jpg").save(folder / "rocket.png")
    return await with_files(open_library, *sorted(folder.iterdir()))


async def test_versions_of_a_photo_are_a_group_and_the_best_is_proposed(
    open_library: OpenLibrary, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    library = await with_photos(open_library, tmp_path / "files")
    groups = await library.duplicates.groups()
    assert await names(library) == {
        ("cat.png", frozenset({"cat-half.png", "cat-cropped.webp", "cat-turned.jpg"})),
        ("cup.jpg", frozenset({"cup-poor.jpg"})),
    }
    cats = next(group for group in groups if group.keep.filename == "cat.png")
    assert {one.filename: one.likeness for one in cats.others} == {
        "cat-half.png": Likeness.SAME,
        "cat-turned.jpg": Likeness.SAME,
        "cat-cropped.webp": Likeness.INSIDE,
    }
    cups = next(group for group in groups if group is not cats)
    assert cups.reason == "largest file"
    assert cats.spare_bytes == sum(one.file_size for one in cats.others)
    assert [group.spare_bytes for group in groups] == sorted((group.spare_bytes for group in groups), reverse=True)
    assert await similar_names(library) == set()


async def test_the_search_knows_the_groups_as_long_as_they_last(open_library: OpenLibrary, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    library = await with_photos(open_library, tmp_path / "files")
    ids = {upload.filename: upload.id for upload in await library.uploads.newest()}

    async def duplicates() -> set[str]:
        return {hit.upload.filename for hit in await library.search.run("is:duplicate", all=True)}

    assert await duplicates() == set()
    await library.duplicates.groups()
    cats = {"cat.png", "cat-half.png", "cat-turned.jpg", "cat-cropped.webp"}
    assert await duplicates() == {*cats, "cup.jpg", "cup-poor.jpg"}
    feed = library.changes()
    await feed.skip_to_now()
    await library.duplicates.groups()
    assert await feed.poll() is None, "nothing new, nothing written"
    await library.trash.put([ids["cup-poor.jpg"], ids["cat-half.png"], ids["cat-turned.jpg"]])
    assert await duplicates() == {"cat.png", "cat-cropped.webp"}, "a cup alone is no duplicate"
    await library.uploads.set_hidden([ids["cat-cropped.webp"]], True)
    assert await duplicates() == set(), "nor a cat that is left alone in the lists"
    assert await library.duplicates.groups() == []
    await library.trash.restore([ids["cup-poor.jpg"]])
    assert [group.keep.filename for group in await library.duplicates.groups()] == ["cup.jpg"]
    await library.trash.erase([ids["cup-poor.jpg"]])
    assert await duplicates() == set()


async def test_what_looks_alike_is_similar_at_most(open_library: OpenLibrary, tmp_path: Path) -> None:
    files = {f"ticket{number}.png": ticket(number) for number in (48210733, 48210738, 51977042)}
    files |= {f"logo-{colour}.png": logo(colour) for colour in ("red", "green", "blue")}
    cat = photo("chelsea.png")
    files["cat.png"] = cat.crop((8, 8, 440, 290))
    files["cat-moved.png"] = cat.crop((12, 5, 444, 287))
    files["cat-mirrored.png"] = files["cat.png"].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for name, image in files.items():
        image.save(tmp_path / name)
    library = await with_files(open_library, *(tmp_path / name for name in files))
    assert await names(library) == set()
    tickets = frozenset(name for name in files if name.startswith("ticket"))
    assert await similar_names(library) == {tickets, frozenset({"cat.png", "cat-moved.png"})}


async def test_the_one_that_shows_more_is_kept(open_library: OpenLibrary, tmp_path: Path) -> None:
    cat = photo("chelsea.png")
    cat.save(tmp_path / "whole.jpg", quality=60)
    cropped = cat.crop((20, 14, 431, 286)).resize(cat.size, Image.Resampling.LANCZOS)
    cropped.save(tmp_path / "cropped.png")
    library = await with_files(open_library, tmp_path / "whole.jpg", tmp_path / "cropped.png")
    assert await names(library) == {("whole.jpg", frozenset({"cropped.png"}))}
    (group,) = await library.duplicates.groups()
    assert group.reason == "shows the most"


async def test_two_shots_of_one_camera_are_similar(open_library: OpenLibrary, tmp_path: Path) -> None:
    for name, second in (("first.jpg", 10), ("second.jpg", 11)):
        exif = Image.Exif()
        exif[0x0110] = "Pocket 3"
        exif.get_ifd(0x8769)[0x9003] = f"2024:06:03 14:05:{second}"
        photo("chelsea.png").save(tmp_path / name, quality=90 + second % 2, exif=exif)
    library = await with_files(open_library, tmp_path / "first.jpg", tmp_path / "second.jpg")
    assert await names(library) == set()


async def test_an_animation_is_more_than_its_first_picture(open_library: OpenLibrary, tmp_path: Path) -> None:
    cat = photo("chelsea.png").resize((220, 146))
    cat.save(tmp_path / "still.png")
    cat.save(tmp_path / "moving.png", save_all=True, append_images=[cat.transpose(Image.Transpose.ROTATE_180)])
    library = await with_files(open_library, tmp_path / "still.png", tmp_path / "moving.png")
    assert await names(library) == set()


async def test_clips_are_compared_by_length_and_all_their_frames(open_library: OpenLibrary, tmp_path: Path) -> None:
    files = [
        save_clip(tmp_path / "a.mp4", 220),
        save_clip(tmp_path / "a-small.mp4", 220, side=120, bits=120_000),
        save_clip(tmp_path / "b.mp4", 30),
        save_clip(tmp_path / "a-long.mp4", 220, seconds=5),
    ]
    with av.open(str(files[0])) as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="rgb24")
    Image.fromarray(pixels).save(tmp_path / "a.png")
    library = await with_files(open_library, *files, tmp_path / "a.png")
    assert await names(library) == {("a.mp4", frozenset({"a-small.mp4"}))}


async def test_what_was_compared_once_is_not_compared_again(open_library: OpenLibrary, tmp_path: Path) -> None:
    asked: list[int] = []

    class Counting(ThreadCompute):
        async def run(self, function, *arguments):  # type: ignore[no-untyped-def]
            if function.__name__ == "compare":
                asked.append(len(arguments[1]))
            return await super().run(function, *arguments)

    library = await open_library(compute=Counting())
    for number in range(3):
        ticket(48210733 + number).save(tmp_path / f"{number}.png")
    ticket(48210733).reduce(2).save(tmp_path / "half.png")
    await add_all(library, *(tmp_path / f"{name}.png" for name in ("0", "1", "2", "half")))
    await library.queue.start()
    await settled(library)
    heard: list[DuplicatesFound] = []
    found = await library.duplicates.find(heard.append)
    assert [len(group.others) for group in found.groups] == [1]
    assert heard[0].groups == ()
    assert heard[0].pairs > 0
    assert heard[-1].compared == heard[-1].pairs == sum(asked)
    before = len(asked)
    assert (await library.duplicates.find()).groups == found.groups
    assert len(asked) == before


async def test_a_file_that_is_away_is_no_duplicate_and_is_compared_when_it_is_back(
    open_library: OpenLibrary, tmp_path: Path
) -> None:
    cat = photo("chelsea.png")
    cat.save(tmp_path / "cat.png")
    cat.save(tmp_path / "cat.jpg", quality=80)
    library = await with_files(open_library, tmp_path / "cat.png", tmp_path / "cat.jpg")
    (upload,) = [one for one in await library.uploads.newest() if one.filename == "cat.jpg"]
    original = library.original(upload)
    away = original.rename(tmp_path / "away.jpg")
    assert await names(library) == set()
    away.rename(original)
    assert await names(library) == {("cat.png", frozenset({"cat.jpg"}))}


async def test_uploads_of_one_stack_are_no_duplicates(open_library: OpenLibrary, tmp_path: Path) -> None:
    cat = photo("chelsea.png")
    cat.save(tmp_path / "cat.png")
    cat.save(tmp_path / "cat.jpg", quality=80)
    library = await with_files(open_library, tmp_path / "cat.png", tmp_path / "cat.jpg")
    async with library.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET stack = 1")
    assert await names(library) == set()
    assert await similar_names(library) == set()


def _fingerprints(seed: int) -> list[Fingerprint]:
    generator = np.random.default_rng(seed)
    seeds = generator.integers(-(2**63), 2**63, 60)
    whole, inner = (seeds[generator.integers(0, 60, 400)] for _ in range(2))
    for _ in range(seed):
        whole = whole ^ (np.int64(1) << generator.integers(0, 64, 400))
    looks = np.clip(generator.normal(120, 30, (400, 1)) + generator.normal(0, 30, (400, 96)), 0, 255).astype(np.uint8)
    return [Fingerprint(int(a), int(b), bytes(look)) for a, b, look in zip(whole, inner, looks, strict=True)]


def test_candidates_are_those_of_two_plain_loops() -> None:
    def differing(one: int, other: int) -> int:
        return ((one ^ other) & (2**64 - 1)).bit_count()

    def are_near(one: Fingerprint, other: Fingerprint) -> bool:
        pairs = ((one.phash, other.phash), (one.inner, other.phash), (one.phash, other.inner))
        if min(differing(*pair) for pair in pairs) > 6:
            return False
        looks = [np.frombuffer(each.look, np.uint8).astype(float) for each in (one, other)]
        greys = np.abs(looks[0] - looks[1])[:64].mean() / (min(look[:64].std() for look in looks) + 8)
        colours = np.abs(looks[0] - looks[1])[64:].mean()
        return bool(greys <= 0.6) and bool(colours <= 10)

    for seed in range(4):
        some = _fingerprints(seed)
        # Looks that are near each other, so that the hashes decide; and some that are not.
        some = [one._replace(look=some[place % 3].look) for place, one in enumerate(some)]
        candidates = Candidates(some, 6)
        expected = {
            place: [other for other in range(len(some)) if other != place and are_near(one, some[other])]
            for place, one in enumerate(some)
        }
        assert {place: candidates.of(place) for place in range(len(some))} == expected
        assert candidates.places() == [place for place, others in expected.items() if others]


def test_nothing_and_one_have_no_candidates() -> None:
    assert Candidates([]).places() == Candidates([Fingerprint(5, 5, bytes(96))]).places() == []


def test_a_library_of_the_same_picture_takes_no_time() -> None:
    began = time.perf_counter()
    candidates = Candidates([Fingerprint(7, 7, bytes(96))] * 100_000)
    found = grouped(candidates.places(), candidates.of, lambda one, other: Likeness.SAME, [1] * 100_000)
    assert {keep: len(others) for keep, others in found.groups.items()} == {0: 99_999}
    assert time.perf_counter() - began < 10


def test_likenesses_make_no_chains() -> None:
    near = {0: [1, 2], 1: [0, 2], 2: [0, 1]}
    known = {(0, 1): Likeness.SAME, (0, 2): Likeness.SIMILAR, (1, 2): Likeness.SAME}

    def likeness(one: int, other: int) -> Likeness | None:
        return known.get((min(one, other), max(one, other)))

    found = grouped(near, near.__getitem__, likeness, [3, 2, 1])
    assert found.groups == {0: {1: Likeness.SAME}}
    assert found.similar == {0: [2]}


def test_what_is_not_compared_yet_is_asked_for_and_in_no_group() -> None:
    near = {0: [1, 2], 1: [0, 2], 2: [0, 1]}
    found = grouped(near, near.__getitem__, lambda one, other: None, [3, 2, 1])
    assert found.groups == {}
    assert found.missing == [(0, [1, 2])]


@pytest.mark.parametrize(("other", "expected"), [(10.2, {0: [1], 1: [0]}), (10.6, {})])
def test_clips_of_another_length_are_no_candidates(other: float, expected: dict[int, list[int]]) -> None:
    assert clips_near([10.0, other], [None, None]) == expected
