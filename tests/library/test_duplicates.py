"""Groups of near-duplicates: found among photos, the best proposed, and fast among many."""

from __future__ import annotations

import time
from array import array
from pathlib import Path

import numpy as np
import skimage
from PIL import Image, ImageFilter

from tests.conftest import OpenLibrary, add_all, settled
from vuemantics_tui.library import Library
from vuemantics_tui.search.duplicates import alike

PICTURES = Path(skimage.__file__).parent / "data"


async def with_photos(library: Library, folder: Path) -> dict[str, str]:
    """A library of two photos in several versions, and one alone; IDs by name."""
    with Image.open(PICTURES / "chelsea.png") as cat, Image.open(PICTURES / "coffee.png") as cup:
        cat.save(folder / "cat.png")
        cat.reduce(2).save(folder / "cat-half.png")
        cat.filter(ImageFilter.GaussianBlur(1.5)).save(folder / "cat-soft.png")
        cup.convert("RGB").save(folder / "cup.jpg", quality=95)
        cup.convert("RGB").save(folder / "cup-poor.jpg", quality=30)
        with Image.open(PICTURES / "rocket.jpg") as rocket:
            rocket.save(folder / "rocket.png")
    names = ("cat-half.png", "cat-soft.png", "cat.png", "cup-poor.jpg", "cup.jpg", "rocket.png")
    results = await add_all(library, *(folder / name for name in names))
    await library.queue.start()
    await settled(library)
    return {result.path.name: result.upload.id for result in results if result.upload}


async def test_the_versions_of_a_photo_are_a_group_and_the_best_is_proposed(
    open_library: OpenLibrary, tmp_path: Path
) -> None:
    library = await open_library()
    await with_photos(library, tmp_path)
    groups = await library.duplicates.groups()
    assert {(group.keep.filename, frozenset(one.filename for one in group.others)) for group in groups} == {
        ("cat.png", frozenset({"cat-half.png", "cat-soft.png"})),
        ("cup.jpg", frozenset({"cup-poor.jpg"})),
    }
    cats = next(group for group in groups if group.keep.filename == "cat.png")
    soft = next(one for one in cats.others if one.filename == "cat-soft.png")
    assert (cats.keep.width, cats.keep.height, cats.keep.distance) == (451, 300, 0)
    assert cats.keep.sharpness
    assert soft.sharpness
    assert cats.keep.sharpness > soft.sharpness
    assert cats.spare_bytes == sum(one.file_size for one in cats.others)
    assert [group.spare_bytes for group in groups] == sorted((group.spare_bytes for group in groups), reverse=True)


async def test_the_search_knows_the_groups_as_long_as_they_last(open_library: OpenLibrary, tmp_path: Path) -> None:
    library = await open_library()
    ids = await with_photos(library, tmp_path)

    async def duplicates() -> set[str]:
        return {hit.upload.filename for hit in await library.search.run("is:duplicate", all=True)}

    assert await duplicates() == set()
    await library.duplicates.groups()
    assert await duplicates() == {"cat.png", "cat-half.png", "cat-soft.png", "cup.jpg", "cup-poor.jpg"}
    feed = library.changes()
    await feed.skip_to_now()
    await library.duplicates.groups()
    assert await feed.poll() is None, "nothing new, nothing written"
    await library.trash.put([ids["cup-poor.jpg"], ids["cat-half.png"]])
    assert await duplicates() == {"cat.png", "cat-soft.png"}, "a cup alone is no duplicate"
    await library.uploads.set_hidden([ids["cat-soft.png"]], True)
    assert await duplicates() == set(), "nor a cat that is left alone in the lists"
    assert await library.duplicates.groups() == []
    await library.trash.restore([ids["cup-poor.jpg"]])
    assert [group.keep.filename for group in await library.duplicates.groups()] == ["cup.jpg"]
    await library.trash.erase([ids["cup-poor.jpg"]])
    assert await duplicates() == set()


def _plainly(hashes: list[int], threshold: int) -> dict[int, list[int]]:
    """The same by two loops."""
    groups: dict[int, list[int]] = {}
    taken: set[int] = set()
    for place, one in enumerate(hashes):
        if place in taken:
            continue
        others = [
            other
            for other in range(place + 1, len(hashes))
            if other not in taken and ((one ^ hashes[other]) & (2**64 - 1)).bit_count() <= threshold
        ]
        if others:
            groups[place] = others
            taken.update(others)
    return groups


def test_the_groups_are_those_of_two_plain_loops() -> None:
    for seed in range(8):
        generator = np.random.default_rng(seed)
        seeds = generator.integers(-(2**63), 2**63, 60)
        hashes = seeds[generator.integers(0, 60, 700)]
        for _ in range(int(seed)):
            hashes = hashes ^ (np.int64(1) << generator.integers(0, 64, 700))
        found = alike(array("q", hashes.tolist()), 6)
        assert {leader: sorted(place for place, _ in members) for leader, members in found.items()} == _plainly(
            hashes.tolist(), 6
        )
        for leader, members in found.items():
            distances = [distance for _, distance in members]
            assert distances == sorted(distances)
            for place, distance in members:
                assert distance == ((int(hashes[leader]) ^ int(hashes[place])) & (2**64 - 1)).bit_count() <= 6


def test_nothing_and_one_have_no_groups() -> None:
    assert alike(array("q")) == alike(array("q", [5])) == {}


def test_a_library_of_the_same_picture_is_one_group_and_takes_no_time() -> None:
    began = time.perf_counter()
    found = alike(array("q", [7] * 100_000))
    assert {leader: len(members) for leader, members in found.items()} == {0: 99_999}
    assert time.perf_counter() - began < 10
