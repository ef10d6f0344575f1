"""What other programs left on disk, attached to uploads: once, undone as one step, and nothing of a person's lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.media.test_captions import bag, packet
from tests.media.test_takeout import record
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.moment import DateEdit
from vuemantics_tui.library import Library, Origin

ROME = {"latitude": 41.9, "longitude": 12.49, "altitude": 20.0}


async def state(library: Library) -> dict[str, Any]:
    return {
        upload.filename: (
            upload.title, upload.caption, set(upload.own_tags), upload.rating, upload.taken_at, upload.taken_from,
            upload.place, upload.metadata.get("latitude"),
        )
        for upload in await library.uploads.newest()
    }  # fmt: skip


async def test_a_takeout_is_attached_once_and_taken_back_in_one_step(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    cat, dog, sea, trashed = (draw_picture(name) for name in ("cat.jpg", "dog.jpg", "sea.jpg", "trashed.jpg"))
    added = await add_all(library, cat, dog, sea, trashed)
    ids = {result.upload.filename: result.upload.id for result in added if result.upload}
    await library.trash.put([ids["trashed.jpg"]])
    year, album = tmp_path / "Takeout/Google Fotos/Fotos von 2019", tmp_path / "Takeout/Google Fotos/Rom"
    facts = {"description": "Am Meer", "people": [{"name": "Rosa"}], "favorited": True, "geoData": ROME}
    for picture in (cat, dog, trashed):
        record(year, f"{picture.name}.supplemental-me.json", picture.name, **facts)
        shutil.copy(picture, year / picture.name)
    album.mkdir()
    shutil.copy(cat, album / "renamed.jpg")
    (album / "métadonnées.json").write_text('{"title": "Rom"}')
    record(year, "unknown.jpg.json", "unknown.jpg")
    record(year, "broken.jpg.json", "broken.jpg")
    (year / "broken.jpg.json").write_text('{"title"')
    # What a person set here.
    await library.dates.edit([ids["dog.jpg"]], DateEdit.of("2001-02-03"))
    await library.set_place([ids["dog.jpg"]], "Paris, France")
    before = await state(library)

    trial = await library.imports.run(Origin.TAKEOUT, tmp_path / "Takeout", dry_run=True)
    assert await state(library) == before
    report = await library.imports.run(Origin.TAKEOUT, tmp_path / "Takeout")
    assert trial.given == report.given == {
        "caption": 2, "tags": 2, "albums": 1, "date": 1, "place": 1
    }  # fmt: skip
    assert (report.read, report.matched, report.changed, report.trashed) == (5, 2, 2, 1)
    assert [path.name for path in report.unknown] == ["unknown.jpg"]
    assert [problem.path.name for problem in report.problems] == ["broken.jpg.json"]
    after = await state(library)
    assert after["cat.jpg"] == (
        None, "Am Meer", {"Rosa", "favorite", "Rom"}, None, "2019-06-08T15:20:00+02:00", "import", "Rome", 41.9
    )  # fmt: skip
    assert after["dog.jpg"][1:3] == ("Am Meer", {"Rosa", "favorite"})
    assert after["dog.jpg"][4:7] == ("2001-02-03", "hand", "Paris")
    assert after["sea.jpg"] == before["sea.jpg"]
    assert [tag.name for tag in await library.tags.own() if tag.album] == ["Rom"]

    # Reading the files again loses nothing of it, and what was taken away stays away.
    await library.queue.start()
    await settled(library)
    assert await state(library) == after
    assert (await library.imports.run(Origin.TAKEOUT, tmp_path / "Takeout")).changed == 0
    undone = await library.undo.undo()
    assert undone is not None and undone.words == "Undid the import for 2 uploads."
    assert await state(library) == before
    assert await library.undo.redo() is not None
    assert await state(library) == after
    await library.tags.change([ids["cat.jpg"]], remove=["rosa"])
    assert (await library.imports.run(Origin.TAKEOUT, tmp_path / "Takeout")).changed == 0
    assert (await state(library))["cat.jpg"][2] == {"favorite", "Rom"}


async def test_records_without_their_pictures_go_by_name_and_time_if_only_one_upload_has_both(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    for folder in ("one", "two"):
        twin = draw_picture("IMG_20190608_152000.png", seed=len(folder) + ord(folder[0]))
        (tmp_path / folder).mkdir()
        await add_all(library, Path(shutil.move(twin, tmp_path / folder)))
    await add_all(library, draw_picture("IMG_20190608_162000.png"), draw_picture("IMG_20200101_000000.png"))
    takeout = tmp_path / "takeout"
    for name in ("IMG_20190608_152000.png", "IMG_20190608_162000.png", "IMG_20200101_000000.png"):
        # 13:20 in UTC was 15:20 and, further east, 16:20; never in 2020.
        record(takeout, f"{name}.json", name)
    report = await library.imports.run(Origin.TAKEOUT, takeout)
    assert [path.name for path in report.unsure] == ["IMG_20190608_152000.png"]
    assert [path.name for path in report.unknown] == ["IMG_20200101_000000.png"]
    assert {name for name, facts in (await state(library)).items() if facts[1]} == {"IMG_20190608_162000.png"}


async def test_side_cars_of_immich_photos_and_photoprism(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    pictures = [draw_picture(f"{name}.jpg") for name in ("immich", "archive", "apple", "osx", "prism")]
    await add_all(library, *pictures)
    immich, archive, apple, osx, prism = pictures

    server = tmp_path / "library/admin/2024"
    server.mkdir(parents=True)
    shutil.copy(immich, server / "renamed by a template.jpg")
    (server / "renamed by a template.jpg.xmp").write_bytes(
        packet("<dc:description>From Immich</dc:description>" + bag("dc:subject", "beach"), rated=True)
    )
    shutil.copy(archive, server)
    (server / "archive.jpg.JSON").write_text(
        json.dumps(
            {
                "fileName": "archive.jpg", "dateTaken": "2018-05-06T07:08:09Z", "description": "Archived",
                "albums": [{"title": "Trip"}], "tags": [{"value": "sun"}], "rating": 3, "favorited": True,
                "latitude": 41.9, "longitude": 12.49,
            }
        )
    )  # fmt: skip
    report = await library.imports.run(Origin.IMMICH, tmp_path / "library")
    assert (report.matched, report.problems) == (2, [])
    found = await state(library)
    assert found["immich.jpg"][1:4] == ("From Immich", {"beach"}, 4)
    assert found["archive.jpg"][1:4] == ("Archived", {"sun", "Trip", "favorite"}, 3)
    assert found["archive.jpg"][4:7] == ("2018-05-06T09:08:09+02:00", "import", "Rome")

    exported = tmp_path / "exported/Summer"
    exported.mkdir(parents=True)
    for picture in (apple, osx):
        shutil.copy(picture, exported)
    (exported / "apple.xmp").write_bytes(packet("<dc:title>Apple</dc:title>" + bag("dc:subject", "Keyword1", "Maria")))
    (exported / "osx.jpg.json").write_text(
        json.dumps(
            [
                {
                    "EXIF:ImageDescription": "Girl", "XMP:Title": "I found one!", "XMP:PersonInImage": ["Katie"],
                    "IPTC:Keywords": ["Kids"], "EXIF:GPSLatitude": 41.256566, "EXIF:GPSLatitudeRef": "N",
                    "EXIF:GPSLongitude": 95.940257, "EXIF:GPSLongitudeRef": "W",
                    "EXIF:DateTimeOriginal": "2018:09:28 16:07:07", "EXIF:OffsetTimeOriginal": "-04:00",
                }
            ]
        )
    )  # fmt: skip
    await library.imports.run(Origin.APPLE, tmp_path / "exported", folder_albums=True)
    found = await state(library)
    assert (found["apple.jpg"][0], found["apple.jpg"][2]) == ("Apple", {"Keyword1", "Maria", "Summer"})
    assert found["osx.jpg"][:3] == ("I found one!", "Girl", {"Kids", "Katie", "Summer"})
    assert found["osx.jpg"][4] == "2018-09-28T16:07:07-04:00"
    assert found["osx.jpg"][7] == 41.256566

    storage = tmp_path / "photoprism/storage"
    for folder in ("sidecar/2019", "albums/album", "albums/month"):
        (storage / folder).mkdir(parents=True)
    (storage / "../originals/2019").resolve().mkdir(parents=True)
    shutil.copy(prism, storage / "../originals/2019/prism.jpg")
    (storage / "sidecar/2019/prism.yml").write_text(
        """
        UID: pqbemz8276mhtobh
        TakenAt: 2019-06-08T13:20:00Z
        TakenSrc: manual
        Title: Berlin / 2019
        Description: Written by a person
        DescriptionSrc: manual
        Favorite: true
        Details: {Keywords: "sea, beach", KeywordsSrc: manual, Subject: "Rosa", SubjectSrc: manual}
        """
    )
    (storage / "sidecar/2019/broken.yml").write_text("UID: [")
    (storage / "sidecar/2019/strange.yml").write_text("!!python/object/apply:os.system ['touch /tmp/x']")
    (storage / "albums/album/a.yml").write_text("Title: Prism\nType: album\nPhotos:\n- UID: pqbemz8276mhtobh\n")
    (storage / "albums/month/m.yml").write_text("Title: June\nType: month\nPhotos:\n- UID: pqbemz8276mhtobh\n")
    report = await library.imports.run(Origin.PHOTOPRISM, storage)
    assert [problem.path.name for problem in report.problems] == ["broken.yml", "strange.yml"]
    found = await state(library)
    assert found["prism.jpg"][:3] == (None, "Written by a person", {"sea", "beach", "Rosa", "favorite", "Prism"})
    assert found["prism.jpg"][5] == "import"


async def test_rclip_tells_its_folders(open_library: OpenLibrary, tmp_path: Path) -> None:
    library = await open_library()
    with sqlite3.connect(tmp_path / "db.sqlite3") as connection:
        connection.execute(
            "CREATE TABLE images (id INTEGER PRIMARY KEY, deleted BOOLEAN, filepath TEXT NOT NULL UNIQUE)"
        )
        connection.executemany(
            "INSERT INTO images (deleted, filepath) VALUES (?, ?)",
            [(None, "/p/a.jpg"), (0, "/p/q/b.jpg"), (1, "/gone/c.jpg"), (None, "/r/s/d.jpg")],
        )
    connection.close()
    assert await library.imports.folders_of_rclip(tmp_path) == [(Path("/p"), 2), (Path("/r/s"), 1)]
    (tmp_path / "notes.txt").write_text("no database, but longer than the head of one: " * 20)
    with pytest.raises(UsageError, match="not an rclip database"):
        await library.imports.folders_of_rclip(tmp_path / "notes.txt")
    with pytest.raises(UsageError, match="is a file"):
        await library.imports.run(Origin.IMMICH, tmp_path / "notes.txt")


async def test_a_date_of_the_camera_stays_unless_somebody_corrected_it(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    takeout = tmp_path / "takeout"
    for name, shot in (("right.jpg", "2019:06:08 15:20:01"), ("reset.jpg", "2000:01:01 00:00:09")):
        picture = draw_picture(name)
        with Image.open(picture) as image:
            exif = image.getexif()
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = shot
            image.save(picture, exif=exif)
        await add_all(library, picture)
        record(takeout, f"{name}.json", name)
        shutil.copy(picture, takeout)
    # The files are read after the import as well as before it.
    await library.imports.run(Origin.TAKEOUT, takeout)
    await library.queue.start()
    await settled(library)
    dates = {name: facts[4:6] for name, facts in (await state(library)).items()}
    assert dates["right.jpg"] == ("2019-06-08T15:20:01", "exif")
    assert dates["reset.jpg"][1] == "import" and str(dates["reset.jpg"][0]).startswith("2019-06-08T")
