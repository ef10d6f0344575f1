"""Sources: files that are used where they are, and what happens to them there."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import OpenLibrary, add_all, settled
from vuemantics_tui.domain.errors import LibraryError, OriginalGoneError, UsageError
from vuemantics_tui.domain.sources import Placement, ScanPart, ScanProgress, Source
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.library import Library
from vuemantics_tui.processing.intake import Candidate


def draw(path: Path, seed: int, size: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size, size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with three pictures and something else."""
    folder = tmp_path / "photos"
    for number, name in enumerate(("one.png", "trip/two.png", "trip/day/three.png")):
        draw(folder / name, number)
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
async def library(open_library: OpenLibrary) -> Library:
    return await open_library()


@pytest.fixture
async def source(library: Library, photos: Path) -> Source:
    added = await library.sources.add(photos)
    await library.sources.scan(added)
    return added


async def by_name(library: Library) -> dict[str, Upload]:
    return {upload.filename: upload for upload in await library.uploads.newest()}


async def ids(library: Library) -> dict[str, str]:
    return {name: upload.id for name, upload in (await by_name(library)).items()}


def found(progress: ScanProgress) -> dict[str, int]:
    """Return the counts of a scan that are not zero, but for how many files it saw."""
    names = ("new", "changed", "moved", "copies", "missing", "back", "refused")
    return {name: count for name in names if (count := getattr(progress, name))}


async def test_files_are_used_where_they_are(library: Library, photos: Path) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()}
    progress = await library.sources.scan(await library.sources.add(photos))
    assert (progress.seen, found(progress)) == (4, {"new": 3, "refused": 1})
    await library.queue.start()
    await settled(library)
    uploads = await by_name(library)
    two = uploads["two.png"]
    assert two.placement is Placement.IN_PLACE
    assert two.source == str(photos)
    assert library.original(two) == photos / "trip/two.png"
    assert two.description
    assert two.thumbnail_path is not None
    assert not list(library.root.rglob("original.*"))
    assert {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()} == before


async def test_an_unchanged_source_is_not_read_again(library: Library, source: Source, photos: Path) -> None:
    times = {}
    for path in photos.rglob("*.*"):
        os.utime(path, ns=(0, path.stat().st_mtime_ns))
        times[path] = path.stat().st_atime_ns
    progress = await library.sources.scan(source)
    assert (progress.seen, found(progress)) == (4, {})
    assert {path: path.stat().st_atime_ns for path in times} == times


async def test_moved_files_and_folders_keep_their_uploads(library: Library, source: Source, photos: Path) -> None:
    before = await ids(library)
    await library.tags.retag([before["two.png"]], add=["mine"], albums=[], remove=[])
    (photos / "trip").rename(photos / "holiday")
    assert found(await library.sources.scan(source)) == {"moved": 2}
    (photos / "one.png").rename(photos / "holiday/first.png")
    # Copied and deleted, as between disks: nothing but the bytes is the same.
    shutil.copyfile(photos / "holiday/day/three.png", photos / "3.png")
    (photos / "holiday/day/three.png").unlink()
    assert found(await library.sources.scan(source)) == {"moved": 2}
    after = await by_name(library)
    assert {name: upload.id for name, upload in after.items()} == {
        "first.png": before["one.png"],
        "two.png": before["two.png"],
        "3.png": before["three.png"],
    }
    assert after["two.png"].own_tags == ("mine",)
    assert library.original(after["two.png"]) == photos / "holiday/two.png"
    assert "one.png → holiday/first.png" in [
        event.message for event in await library.history.of(after["first.png"].number)
    ]


async def test_a_name_that_you_gave_stays_when_the_file_moves(library: Library, source: Source, photos: Path) -> None:
    before = await ids(library)
    await library.rename(before["two.png"], "beach.png")
    (photos / "trip/two.png").rename(photos / "moved.png")
    (photos / "one.png").rename(photos / "uno.png")
    assert found(await library.sources.scan(source)) == {"moved": 2}
    after = await by_name(library)
    assert {name: upload.id for name, upload in after.items()} == {
        "beach.png": before["two.png"],
        "uno.png": before["one.png"],
        "three.png": before["three.png"],
    }
    assert library.original(after["beach.png"]) == photos / "moved.png"


async def test_some_folders_can_be_scanned_alone(library: Library, source: Source, photos: Path) -> None:
    before = await ids(library)
    draw(photos / "not yet.png", 70)
    draw(photos / "trip/new.png", 71)
    (photos / "one.png").rename(photos / "trip/ONE.PNG")
    progress = await library.sources.scan(source, only=[ScanPart(photos / "trip")])
    assert (progress.seen, found(progress)) == (4, {"new": 1, "copies": 1})
    assert set(await ids(library)) == {"one.png", "two.png", "three.png", "new.png"}
    assert found(await library.sources.scan(source)) == {"new": 1}
    after = await by_name(library)
    assert {name: after[name].id for name in ("ONE.PNG", "two.png", "three.png")} == {
        "ONE.PNG": before["one.png"],
        "two.png": before["two.png"],
        "three.png": before["three.png"],
    }
    assert not any(upload.missing_since for upload in after.values())


async def test_files_that_swap_their_names_keep_their_uploads(library: Library, source: Source, photos: Path) -> None:
    before = await ids(library)
    (photos / "one.png").rename(photos / "aside.png")
    (photos / "trip/two.png").rename(photos / "one.png")
    (photos / "aside.png").rename(photos / "trip/two.png")
    assert found(await library.sources.scan(source)) == {"moved": 2}
    assert await ids(library) == {**before, "one.png": before["two.png"], "two.png": before["one.png"]}


async def test_an_edited_file_is_described_again_and_keeps_what_you_said(
    library: Library, source: Source, photos: Path
) -> None:
    await library.queue.start()
    await settled(library)
    before = (await by_name(library))["one.png"]
    await library.tags.retag([before.id], add=["mine"], albums=[], remove=[])
    await library.ratings.rate({before.id: before.number}, 4)
    # As careful editors save: the old file is kept under another name, and a new one takes its place.
    (photos / "one.png").rename(photos / "one_original.png")
    draw(photos / "one.png", 77, size=32)
    assert found(await library.sources.scan(source)) == {"changed": 1, "new": 1}
    await settled(library)
    after = (await by_name(library))["one.png"]
    assert (after.id, after.own_tags, after.rating, after.width) == (before.id, ("mine",), 4, 32)
    assert after.sha256 != before.sha256
    assert after.regeneration_count == 1
    assert any(event.kind == "changed" for event in await library.history.of(after.number))


async def test_copies_are_one_upload(library: Library, source: Source, photos: Path) -> None:
    draw(photos / "new copy.png", 99)
    shutil.copyfile(photos / "new copy.png", photos / "new.png")
    assert found(await library.sources.scan(source)) == {"new": 1, "copies": 1}
    before = await ids(library)
    assert set(before) == {"one.png", "two.png", "three.png", "new copy.png"}
    shutil.copyfile(photos / "one.png", photos / "trip/copy.png")
    assert found(await library.sources.scan(source)) == {"copies": 1}
    assert await ids(library) == before
    (photos / "one.png").unlink()
    await library.sources.scan(source)
    (upload,) = [one for one in await library.uploads.newest() if one.id == before["one.png"]]
    assert (upload.filename, upload.missing_since) == ("copy.png", None)


async def test_a_file_that_is_gone_is_missing_until_it_is_back(
    library: Library, source: Source, photos: Path, tmp_path: Path
) -> None:
    before = await ids(library)
    (photos / "one.png").rename(tmp_path / "elsewhere.png")
    assert found(await library.sources.scan(source)) == {"missing": 1}
    missing = (await by_name(library))["one.png"]
    assert missing.missing_since
    with pytest.raises(OriginalGoneError, match=r"one\.png is missing since"):
        await library.sources.reach(missing)
    assert await library.sources.long_missing(30) == []
    assert await library.sources.long_missing(0) == [missing.id]
    (tmp_path / "elsewhere.png").rename(photos / "one.png")
    assert found(await library.sources.scan(source)) == {"back": 1}
    # From a backup: the same bytes in another file of the disk.
    shutil.copyfile(photos / "one.png", tmp_path / "backup.png")
    (photos / "one.png").unlink()
    assert found(await library.sources.scan(source)) == {"missing": 1}
    shutil.copyfile(tmp_path / "backup.png", photos / "one.png")
    assert found(await library.sources.scan(source)) == {"back": 1}
    back = (await by_name(library))["one.png"]
    assert (back.id, back.missing_since) == (before["one.png"], None)
    assert await library.sources.reach(back) == photos / "one.png"


@pytest.mark.parametrize("what", ["gone", "empty", "another"])
async def test_a_source_that_is_away_misses_nothing(
    library: Library, source: Source, photos: Path, tmp_path: Path, what: str
) -> None:
    (tmp_path / "disk").mkdir()
    photos.rename(tmp_path / "disk/photos")
    if what != "gone":
        photos.mkdir()
    if what == "another":
        draw(photos / "other.png", 9)
    progress = await library.sources.scan(source)
    assert progress.is_away
    assert found(progress) == {}
    (listed,) = await library.sources.all()
    assert (listed.is_away, listed.files, listed.missing) == (True, 3, 0)
    uploads = await by_name(library)
    assert len(uploads) == 3
    assert not any(upload.missing_since for upload in uploads.values())
    with pytest.raises(OriginalGoneError, match="which is not there") as error:
        await library.sources.reach(uploads["one.png"])
    assert "source move" in error.value.hint
    if what != "gone":
        shutil.rmtree(photos)
    (tmp_path / "disk/photos").rename(photos)
    progress = await library.sources.scan(source)
    assert not progress.is_away
    assert found(progress) == {}


async def test_what_waits_for_a_disk_is_processed_when_it_is_back(
    library: Library, source: Source, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    photos.rename(tmp_path / "disk/photos")
    await library.queue.start()
    first = (await library.uploads.newest())[0]
    await library.process_upload_background(first.id, first.user_id, first.file_type, first.extension)
    assert {upload.status for upload in await library.uploads.newest()} == {"pending"}
    assert await library.queue.store.unfinished() == set()
    (tmp_path / "disk/photos").rename(photos)
    await library.sources.scan(source)
    await settled(library)
    assert {upload.status for upload in await library.uploads.newest()} == {"completed"}


async def test_a_renamed_source_is_found_again(library: Library, source: Source, photos: Path) -> None:
    before = await ids(library)
    photos.rename(photos.with_name("pictures"))
    progress = await library.sources.scan(source)
    assert progress.renamed_from == photos
    assert await ids(library) == before
    (listed,) = await library.sources.all()
    assert listed.path == photos.with_name("pictures")


async def test_a_source_can_be_moved_with_its_disk(
    library: Library, source: Source, photos: Path, tmp_path: Path
) -> None:
    before = await ids(library)
    new = tmp_path / "mnt"
    new.mkdir()
    photos.rename(new / "photos")
    with pytest.raises(UsageError, match="no known file of"):
        await library.sources.move(photos, new)
    await library.sources.move(photos.parent, new)
    assert found(await library.sources.scan(await library.sources.find(new / "photos"))) == {}
    assert await ids(library) == before
    assert library.original((await by_name(library))["two.png"]) == new / "photos/trip/two.png"


async def test_a_deleted_upload_stays_deleted(library: Library, source: Source, photos: Path) -> None:
    before = await ids(library)
    await library.trash.put([before["one.png"], before["two.png"]])
    await library.trash.delete([before["two.png"]])
    (photos / "one.png").rename(photos / "moved.png")
    (photos / "trip/two.png").rename(photos / "trip/too.png")
    shutil.copyfile(photos / "trip/too.png", photos / "copy.png")
    await library.sources.scan(source)
    assert set(await ids(library)) == {"three.png"}
    assert {path.name for path in photos.rglob("*.png")} == {"moved.png", "too.png", "copy.png", "three.png"}
    removed = {one.path: one for one in await library.sources.removed()}
    assert set(removed) == {photos / "moved.png", photos / "trip/too.png", photos / "copy.png"}
    assert await library.sources.restore([photos / "moved.png"]) == (1, 0)
    assert await library.sources.restore([photos / "trip/too.png"]) == (0, 1)
    await library.sources.scan(source)
    after = await ids(library)
    assert after["moved.png"] == before["one.png"]
    assert len(after) == 3


async def test_a_removed_source_leaves_its_files_and_comes_back(library: Library, source: Source, photos: Path) -> None:
    before = await ids(library)
    assert await library.sources.remove(source, keep=False) == 3
    assert await library.uploads.newest() == []
    assert await library.sources.all() == []
    assert len(list(photos.rglob("*.png"))) == 3
    await library.sources.scan(await library.sources.add(photos))
    assert await ids(library) == before
    assert await library.sources.remove(source, keep=True) == 0
    kept = await by_name(library)
    assert set(kept) == set(before)
    assert await library.sources.reach(kept["one.png"]) == photos / "one.png"


async def test_an_inner_source_takes_over_its_files(library: Library, source: Source, photos: Path) -> None:
    before = await ids(library)
    inner = await library.sources.add(photos / "trip")
    for one in (source, inner):
        assert found(await library.sources.scan(one)) == {}
    assert await ids(library) == before
    assert (await by_name(library))["three.png"].source == str(photos / "trip")
    assert {one.path: one.files for one in await library.sources.all()} == {photos: 1, photos / "trip": 2}
    assert await library.sources.remove(inner, keep=False) == 0
    assert found(await library.sources.scan(source)) == {}
    assert await ids(library) == before
    assert await library.sources.reach((await by_name(library))["three.png"]) == photos / "trip/day/three.png"


async def test_the_library_in_a_source_is_left_out(open_library: OpenLibrary, photos: Path) -> None:
    library = await open_library(library=photos / "library")
    added = await library.sources.add(photos)
    await library.sources.scan(added)
    await library.queue.start()
    await settled(library)
    assert list((photos / "library").rglob("*.jpg"))
    assert found(await library.sources.scan(added)) == {}
    with pytest.raises(UsageError, match="belongs to the library"):
        await library.sources.add(photos / "library")


async def test_a_source_is_scanned_by_one_program_at_a_time(
    library: Library, source: Source, open_library: OpenLibrary
) -> None:
    other = await open_library()
    problem: list[LibraryError] = []

    async def again() -> None:
        try:
            await other.sources.scan(source)
        except LibraryError as error:
            problem.append(error)

    tasks: list[asyncio.Future[None]] = []

    def meanwhile(_: ScanProgress) -> None:
        if not tasks:
            tasks.append(asyncio.ensure_future(again()))

    await library.sources.scan(source, meanwhile)
    await tasks[0]
    assert not problem or "Another program is scanning" in problem[0].message
    assert len(await library.uploads.newest()) == 3


async def test_odd_names_links_and_left_out_folders(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    long = "n" * 251 + ".png"
    raw = os.fsdecode(b"caf\xe9.png")
    for number, name in enumerate((long, raw, "new\nline.png", "\x1a0041.png", "UPPER.PNG")):
        draw(folder / name, number)
    for number, name in enumerate(
        (".hidden.png", "@eaDir/x.png", "#recycle/x.png", "Best Previews.lrdata/x.png", "gif/a.png"), 20
    ):
        draw(folder / name, number)
    draw(folder / "quiet/a.png", 30)
    (folder / "quiet/.nomedia").touch()
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    outside = draw(tmp_path / "outside.png", 40)
    (folder / "link.png").symlink_to(outside)
    (folder / "broken.png").symlink_to(tmp_path / "nowhere.png")
    source = await library.sources.add(folder, excludes=["gif/*"])
    progress = await library.sources.scan(source)
    assert found(progress) == {"new": 6}
    assert progress.linked == [folder / "loop"]
    paths = {library.original(upload) for upload in await library.uploads.newest()}
    assert paths == {folder / name for name in (long, raw, "new\nline.png", "\x1a0041.png", "UPPER.PNG", "link.png")}
    assert found(await library.sources.scan(source)) == {}


async def test_a_side_car_that_changes_is_read_again(library: Library, source: Source, photos: Path) -> None:
    await library.queue.start()
    await settled(library)
    (photos / "one.png.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/></rdf:RDF></x:xmpmeta>'
    )
    await library.sources.scan(source)
    upload = (await by_name(library))["one.png"]
    await library.queue.read_again(upload.number)
    assert (await by_name(library))["one.png"].rating == 5


async def test_a_file_that_is_being_written_waits_for_the_next_scan(
    library: Library, source: Source, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = draw(photos / "growing.png", 50)

    def meanwhile(progress: ScanProgress) -> None:
        if progress.seen and not progress.reading:
            with growing.open("ab") as file:
                file.write(b"more")

    progress = await library.sources.scan(source, meanwhile)
    assert [path for path, _ in progress.problems] == [growing]
    assert found(await library.sources.scan(source)) == {"new": 1}


async def test_times_in_whole_seconds_do_not_make_two_files_the_same(
    library: Library, source: Source, photos: Path
) -> None:
    """A file with the inode, size and whole-second time of a deleted one, but another name, is read."""
    one = photos / "one.png"
    moment = int(time.time()) - 100
    os.utime(one, (moment, moment))
    await library.sources.scan(source)
    before = await ids(library)
    data = bytearray(one.read_bytes())
    data[-20] ^= 1
    one.rename(photos / "other.png")
    with (photos / "other.png").open("r+b") as file:
        file.write(data)
    os.utime(photos / "other.png", (moment, moment))
    assert found(await library.sources.scan(source)) == {"new": 1, "missing": 1}
    assert (await ids(library))["other.png"] != before["one.png"]


async def test_single_files_are_used_in_place(library: Library, photos: Path, tmp_path: Path) -> None:
    files = await library.intake.gather([photos / "one.png", photos / "notes.txt"], recursive=False)
    results = [(result.path.name, result.outcome.value) async for result in library.sources.use(files)]
    assert results == [("one.png", "added"), ("notes.txt", "skipped")]
    (chosen,) = await library.sources.all()
    assert (chosen.path, chosen.chosen_only, chosen.files) == (photos, True, 1)
    (tmp_path / "empty.png").touch()
    (empty,) = [result async for result in library.sources.use([Candidate(tmp_path / "empty.png")])]
    assert (empty.reason, empty.hint) == ("The file is empty", "Copy it again from where it came from.")
    (photos / "one.png").rename(photos / "first.png")
    assert found(await library.sources.scan(chosen)) == {"moved": 1}
    before = await ids(library)
    assert set(before) == {"first.png"}
    # Naming it again brings it back, whatever became of it.
    await library.trash.erase([before["first.png"]])
    assert found(await library.sources.scan(chosen)) == {}
    again = await library.intake.gather([photos / "first.png"], recursive=False)
    assert [result.outcome.value async for result in library.sources.use(again)] == ["added"]
    # As a source of its own it has all of its files.
    whole = await library.sources.add(photos)
    assert found(await library.sources.scan(whole)) == {"new": 2, "refused": 1}
    assert set(await ids(library)) == {"first.png", "two.png", "three.png"}


async def test_a_copied_upload_stays_copied(library: Library, photos: Path) -> None:
    (result,) = await add_all(library, photos / "one.png")
    source = await library.sources.add(photos)
    assert found(await library.sources.scan(source)) == {"new": 2, "copies": 1, "refused": 1}
    (photos / "one.png").unlink()
    await library.sources.scan(source)
    upload = (await by_name(library))["one.png"]
    assert result.upload is not None
    assert (upload.id, upload.placement, upload.missing_since) == (result.upload.id, Placement.COPIED, None)
    assert (await library.sources.reach(upload)).is_relative_to(library.root)


async def test_side_cars_are_written_beside_originals_and_keep_what_is_in_them(
    library: Library, source: Source, photos: Path
) -> None:
    await library.queue.start()
    await settled(library)
    (photos / "one.png.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:theirs="https://example.org/" theirs:secret="kept"/></rdf:RDF></x:xmpmeta>'
    )
    await library.sources.scan(source)
    uploads = await by_name(library)
    await library.ratings.rate({uploads["one.png"].id: uploads["one.png"].number}, 4)
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}
    results = [result async for result in library.export.sidecars_in_place()]
    assert {(result.path.relative_to(photos).as_posix(), result.reason) for result in results} == {
        (f"{name}.xmp", "") for name in ("one.png", "trip/two.png", "trip/day/three.png")
    }
    text = (photos / "one.png.xmp").read_text()
    assert "secret" in text
    assert "Rating" in text
    assert {path: path.read_bytes() for path in photos.rglob("*.png")} == before
    assert found(await library.sources.scan(source)) == {}


async def test_what_is_missing_or_in_a_source_is_found_by_filters(
    library: Library, source: Source, photos: Path, tmp_path: Path
) -> None:
    await add_all(library, draw(tmp_path / "copied.png", 60))
    (photos / "one.png").unlink()
    await library.sources.scan(source)

    async def names(query: str) -> set[str]:
        found = await library.search.run(query)
        return {hit.upload.filename for hit in found.hits}

    assert await names("is:missing") == {"one.png"}
    assert await names("is:in-place") == {"one.png", "two.png", "three.png"}
    assert await names("is:copied") == {"copied.png"}
    assert await names("source:TRIP") == {"two.png", "three.png"}
    assert await names("source:*/day") == {"three.png"}
    assert await names("is:away") == set()
    photos.rename(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    await library.sources.scan(source)
    assert await names("is:away") == {"one.png", "two.png", "three.png"}


async def test_what_is_read_again_waits_for_a_disk_that_is_away(
    library: Library, source: Source, photos: Path, tmp_path: Path
) -> None:
    await library.queue.start()
    await settled(library)
    upload = (await by_name(library))["one.png"]
    (tmp_path / "disk").mkdir()
    photos.rename(tmp_path / "disk/photos")
    with pytest.raises(OriginalGoneError, match="which is not there"):
        await library.queue.read_again(upload.number)
    (listed,) = await library.sources.all()
    assert listed.is_away
    assert (await by_name(library))["one.png"].warning is None
    (tmp_path / "disk/photos").rename(photos)
    await library.sources.scan(source)
    await library.queue.read_again(upload.number)
    assert (await by_name(library))["one.png"].warning is None
