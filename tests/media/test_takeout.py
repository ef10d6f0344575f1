"""Which JSON file of a Google Takeout belongs to which picture: names as they were reported in public."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vuemantics_tui.media.foreign import Finding, Problem
from vuemantics_tui.media.takeout import of_takeout

LONG = "Urlaub in Knaufspesch in der Schneifel mit Omas (38)"
CUT = "123456789123456789123456789123456789_DSCN0091"


def record(folder: Path, name: str, title: str, **facts: object) -> None:
    """Write a JSON file as Google does; its caption is its own name, so that it is told apart."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "title": title,
        "description": name,
        "photoTakenTime": {"timestamp": "1560000000", "formatted": "8 Jun 2019, 13:20:00 UTC"},
        "geoData": {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0},
    }
    (folder / name).write_text(json.dumps(said | facts), "utf-8")


def read(root: Path) -> dict[str, Finding]:
    return {found.name: found for found in of_takeout(root) if isinstance(found, Finding)}


@pytest.mark.parametrize(
    "pairs",
    [
        # The plain case, the newer name, and that name cut anywhere.
        {"a.jpg": "a.jpg.json"},
        {"a.jpg": "a.jpg.supplemental-metadata.json"},
        {"PXL_20240101_101112345.MP4": "PXL_20240101_101112345.MP4.supplemental-metada.json"},
        {"Screenshot_20210604-171500_WhatsApp.jpg": "Screenshot_20210604-171500_WhatsApp.jpg.supple.json"},
        {"IMG-20190608-WA0001-1234567890123456789012.jpg": "IMG-20190608-WA0001-1234567890123456789012.jpg.json"},
        {"IMG-20190608-WA0001-12345678901234567890.jpg": "IMG-20190608-WA0001-12345678901234567890.jpg..json"},
        # Names longer than 46 letters, cut within and behind the ending.
        {f"{LONG[:47]}.JPG": f"{LONG[:46]}.json"},
        {f"{CUT}.JPG": f"{CUT}.J.json"},
        {f"{CUT}.JPG": f"{CUT}.JP.supplemental-meta.json", f"{CUT}(1).JPG": f"{CUT}.JP.supplemental-meta(1).json"},
        # Numbers stand elsewhere in the name of the JSON file, unless they are part of the title.
        {"IMG.jpg": "IMG.jpg.json", "IMG(1).jpg": "IMG.jpg(1).json", "IMG(12).jpg": "IMG.jpg(12).json"},
        {"IMG.jpg": "IMG.jpg.supplemental-metadata.json", "IMG(1).jpg": "IMG.jpg.supplemental-metadata(1).json"},
        {"IMG(1).jpg": "IMG(1).jpg.json"},
        {"IMG(1).jpg": "IMG(1).jpg.supplemental-metadata.json"},
        # Edited copies, in several languages, numbered and cut.
        {"a.jpg": "a.jpg.json", "a-edited.jpg": "a.jpg.json", "a-bearbeitet.jpg": "a.jpg.json"},
        {"a.jpg": "a.jpg.json", "a-modifié.jpg": "a.jpg.json", "a-ha editado.jpg": "a.jpg.json"},
        {"a(1).jpg": "a.jpg(1).json", "a-edited(1).jpg": "a.jpg(1).json"},
        {f"{CUT}.JPG": f"{CUT}.JPG.json", f"{CUT}-ed.JPG": f"{CUT}.JPG.json"},
        # The clip of a Live Photo, and of a motion photo; another format than the title says.
        {"IMG_0503.HEIC": "IMG_0503.HEIC.json", "IMG_0503.MP4": "IMG_0503.HEIC.json"},
        {"IMG_0503(1).HEIC": "IMG_0503.HEIC(1).json", "IMG_0503(1).MP4": "IMG_0503.HEIC(1).json"},
        {"PXL_1.jpg": "PXL_1.jpg.json", "PXL_1.MP": "PXL_1.jpg.json"},
        {"IMG_7.jpg": "IMG_7.HEIC.supplemental-metadata.json"},
        # A title without an ending; another case; letters that two systems write in two ways.
        {"IMG_8.jpg": "IMG_8.json"},
        {"IMG_9.JPG": "img_9.jpg.json", "IMG_10.jpg": "IMG_10.jpg.JSON"},
        {"Cafe\u0301.jpg": "Caf\u00e9.jpg.json"},
    ],
)
def test_each_picture_has_its_record(tmp_path: Path, pairs: dict[str, str]) -> None:
    for picture, name in pairs.items():
        record(tmp_path, name, LONG + ".JPG" if LONG[:46] in name else "")
        (tmp_path / picture).touch()
    assert {name: found.caption for name, found in read(tmp_path).items()} == pairs


def test_pictures_whose_cut_names_are_alike_are_told_apart_by_their_titles(tmp_path: Path) -> None:
    one, two = (
        "a very long name that goes on and on, sunrise 1.jpg",
        "a very long name that goes on and on, sunrise 2.jpg",
    )
    record(tmp_path, "a very long name that goes on and on, sunri.json", one)
    (tmp_path / one).touch()
    (tmp_path / two).touch()
    found = read(tmp_path)
    assert found.keys() == {one}
    record(tmp_path, "a very long name that goes on and on, sunris.json", "another.jpg")
    assert {name: each.file for name, each in read(tmp_path).items()} == {one: tmp_path / one, "another.jpg": None}


def test_what_a_record_says(tmp_path: Path) -> None:
    year, album, plain = (tmp_path / "Google Photos" / name for name in ("Fotos von 2019", "Rom", "Ohne Titel"))
    for name in ("a.jpg", "b.jpg", "trashed.jpg"):
        record(
            year, f"{name}.json", name, description="Nonna\nam Meer", people=[{"name": "Rosa"}, {"name": ""}, 3],
            favorited=True, geoData={"latitude": 41.9, "longitude": 12.5, "altitude": 20.0},
            **({"trashed": True} if name == "trashed.jpg" else {}),
        )  # fmt: skip
        (year / name).touch()
    (year / "Metadaten.json").write_text('{"title": "Fotos von 2019"}')
    album.mkdir()
    (album / "a.jpg").touch()
    (album / "métadonnées(1).json").write_text('{"title": "Rom, im Juni 2019", "description": ""}')
    record(plain, "gone.jpg.supplemental-me.json", "gone.jpg", description="", photoTakenTime={"timestamp": "-86400"})
    (plain / "metadata.json").write_text('{"title": ""}')
    (plain / "cut.jpg.json").write_text('{"title": "cut.jp')
    (plain / "list.json").write_text("[" * 100_000)
    found = list(of_takeout(tmp_path))
    problems = {each.path.name for each in found if isinstance(each, Problem)}
    assert problems == {"cut.jpg.json", "list.json"}
    by_file = {each.file: each for each in found if isinstance(each, Finding)}
    assert by_file.keys() == {year / "a.jpg", year / "b.jpg", album / "a.jpg", None}
    one = by_file[year / "a.jpg"]
    assert (one.caption, one.title, one.moment) == ("Nonna\nam Meer", None, "2019-06-08T13:20:00Z")
    assert (one.tags, one.albums) == (("Rosa", "favorite"), ())
    assert one.point is not None and (one.point.latitude, one.point.altitude) == (41.9, 20.0)
    # The picture in the album has no record there: its bytes will tell which one it is.
    assert by_file[album / "a.jpg"].albums == ("Rom, im Juni 2019",)
    assert (by_file[None].name, by_file[None].moment) == ("gone.jpg", "1969-12-31T00:00:00Z")
