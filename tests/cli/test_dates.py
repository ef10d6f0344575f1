"""When uploads were taken, from the files to what the commands print, in a zone far from UTC."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cli.conftest import Run, objects
from tests.conftest import DrawPicture
from tests.media.test_dates import BASE, clip, exif_of, photo


def test_dates_from_the_file_to_the_answer(run: Run, draw_picture: DrawPicture, tmp_path: Path) -> None:
    zone = {"TZ": "Asia/Tokyo"}
    folder = draw_picture("IMG_20200101_123456.png").parent
    os.utime(draw_picture("plain.png"), (1_500_000_000, 1_500_000_000))
    tags = {BASE.DateTimeOriginal: "2007/06/30 23:45:17", BASE.SubsecTimeOriginal: "34"}
    photo(folder / "shot.jpg", exif_of(photo=tags))
    clip(folder / "clip.mp4", creation_time="2024-06-30T20:00:00Z")
    assert run("add", "--recursive", folder, **zone).returncode == 0

    documents = {document["filename"]: document for document in objects(run("list", "--json", **zone))}
    assert {name: (found["taken_at"], found["taken_from"]) for name, found in documents.items()} == {
        "IMG_20200101_123456.png": ("2020-01-01T12:34:56", "name"),
        "plain.png": ("2017-07-14T11:40:00+09:00", "file"),
        "shot.jpg": ("2007-06-30T23:45:17.34", "exif"),
        "clip.mp4": ("2024-07-01T05:00:00+09:00", "container"),
    }
    assert documents["plain.png"]["modified_at"] == "2017-07-14T02:40:00Z"

    def found(query: str) -> list[str]:
        return [each["filename"] for each in objects(run("search", query, "--json", **zone))]

    assert found("on:2024-07-01") == ["clip.mp4"]
    assert found("on:2007-06-30") == found("taken:2007") == ["shot.jpg"]
    assert found("dated:name") == ["IMG_20200101_123456.png"]
    assert found("sort:oldest") == ["shot.jpg", "plain.png", "IMG_20200101_123456.png", "clip.mp4"]
    assert (
        "14 Jul 2017 11:40:00 UTC+09:00, from the file's own time"
        in run("show", documents["plain.png"]["id"], **zone).stdout
    )

    one, other = documents["plain.png"]["id"], documents["shot.jpg"]["id"]
    edited = run("edit", one, other, "--taken", "+1d", "--json", **zone)
    assert edited.stderr == "Changed the date of 2 uploads.\n"
    assert [each["taken_at"] for each in objects(edited)] == ["2017-07-15T11:40:00+09:00", "2007-07-01T23:45:17.34"]
    assert found("dated:hand sort:oldest") == ["shot.jpg", "plain.png"]
    assert run("edit", one, "--taken", "24:10", **zone).returncode == 2
    assert run("edit", one, other, "--text", "both", **zone).returncode == 2
    assert "15 Jul 2017 11:40" in run("edit", one, "--taken", "2017-07-15 11:40 +09:00", **zone).stdout
    assert run("edit", one, "--taken", "2017-07-15 11:40 +09:00", **zone).stderr == "No changes.\n"
    # What a person set is kept when it is described again.
    (again,) = objects(run("retry", other, "--json", **zone))
    assert (again["taken_at"], again["taken_from"]) == ("2007-07-01T23:45:17.34", "hand")
    (back,) = objects(run("edit", other, "--taken", "file", "--json", **zone))
    assert (back["taken_at"], back["taken_from"]) == ("2007-06-30T23:45:17.34", "exif")
