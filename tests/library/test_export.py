"""What is exported is read by others as it was meant, and nothing else is written."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.files import WholeFile
from vuemantics_tui.library import ExportFormat, Library, SidecarResult
from vuemantics_tui.library.xmp import owner_of

NAMES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
}
NASTY = 'Cats & <dogs> "quoted" ]]> \x0b\x00 =1+1 \u2028 ünï \U0001f408 </rdf:li>'


async def library_of(open_library: OpenLibrary, *pictures: Path, text: str = NASTY) -> tuple[Library, list[Upload]]:
    """A library of completed uploads, described so."""
    library = await open_library(analyzer=ScriptedAnalyzer(text=text, tags=("cat & <dog>", "a|b/c", "=tag")))
    results = await add_all(library, *pictures)
    await library.queue.start()
    await settled(library)
    uploads = [await library.uploads.get(result.upload.id) for result in results if result.upload]
    return library, [upload for upload in uploads if upload]


async def sidecars(library: Library, folder: Path, overwrite: bool = False) -> list[SidecarResult]:
    """Write them all."""
    return [result async for result in library.export.sidecars(folder, overwrite=overwrite)]


def items(path: Path, name: str) -> list[str | None]:
    """The values of a property of a side-car."""
    root = ElementTree.fromstring(path.read_bytes())
    return [item.text for item in root.findall(f".//{name}/*/rdf:li", NAMES)]


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but what the database and its locks write of themselves."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "uploads" in path.parts
    }


async def test_each_line_of_json_is_an_upload(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, uploads = await library_of(open_library, draw_picture("a.png"), draw_picture("b.png"))
    await library.tags.add([uploads[0].id], ["my own"])
    target = tmp_path / "out.jsonl"
    progress = [step async for step in library.export.to_file(target, ExportFormat.JSON_LINES)]
    assert (progress[-1].done, progress[-1].of) == (2, 2)
    text = target.read_text("utf-8")
    assert len(text.splitlines()) == 2, "whatever else Unicode takes for a line break"
    first, second = (json.loads(line) for line in text.split("\n")[:2])
    assert (first["id"], first["description"], first["filename"]) == (uploads[0].id, uploads[0].description, "a.png")
    assert first["tags"] == ["my own", "cat & <dog>", "a|b/c", "=tag"]
    assert Path(second["file"]).read_bytes() == draw_picture("b.png").read_bytes()
    assert "".join([line async for line in library.export.lines(ExportFormat.JSON_LINES)]) == text


async def test_csv_holds_no_formulas_and_every_character(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, (upload,) = await library_of(open_library, draw_picture("=HYPERLINK(1).png"))
    harmless = ('A line\r\nand "another", too', "plain - text")
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", *harmless):
        async with library.database.transaction() as connection:
            await connection.execute("UPDATE descriptions SET text = ? WHERE current = 1", (text,))
        target = tmp_path / "out.csv"
        async for _ in library.export.to_file(target, ExportFormat.CSV, overwrite=True):
            pass
        data = target.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        assert data.endswith(b"\r\n")
        ((row),) = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        assert row["filename"] == "'=HYPERLINK(1).png"
        assert row["description"] == (text if text in harmless else f"'{text}")
        assert (row["tags"], row["width"], row["edited"]) == ("cat & <dog>; a|b/c; =tag", "64", "no")
        assert not any(cell.lstrip().startswith(("=", "+", "@")) for cell in row.values())
    assert upload.filename == "=HYPERLINK(1).png"


async def test_only_what_is_asked_for_is_exported(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library, uploads = await library_of(open_library, *(draw_picture(f"{name}.png") for name in "abcd"))
    await library.uploads.set_hidden([uploads[1].id], True)
    await library.trash.put([uploads[2].id])

    async def names(**how: object) -> list[str]:
        lines = library.export.lines(ExportFormat.JSON_LINES, **how)  # type: ignore[arg-type]
        return [json.loads(line)["filename"] async for line in lines]

    assert await names() == ["a.png", "d.png"]
    assert await names(include_hidden=True) == ["a.png", "b.png", "d.png"]
    assert await names(numbers=[uploads[3].number, uploads[2].number, uploads[1].number]) == ["d.png", "b.png"]
    assert await names(numbers=[]) == []


async def test_a_sidecar_says_what_others_read(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, (upload,) = await library_of(open_library, draw_picture("a.png"))
    await library.tags.add([upload.id], ["Rome"])
    folder = tmp_path / "side"
    folder.mkdir()
    before = content(library.root)
    (result,) = await sidecars(library, folder)
    assert (result.path, result.written, result.done, result.of) == (folder / "a.png.xmp", True, 1, 1)
    assert content(library.root) == before, "originals and thumbnails are as they were"
    legal = NASTY.replace("\x0b", "").replace("\x00", "")
    assert items(result.path, "dc:description") == [legal.strip()] or items(result.path, "dc:description") == [legal]
    assert items(result.path, "dc:subject") == ["Rome", "cat & <dog>", "a|b/c", "=tag"]
    assert items(result.path, "lr:hierarchicalSubject") == ["Rome", "cat & <dog>", "a b/c", "=tag"]
    assert items(result.path, "digiKam:TagsList") == ["Rome", "cat & <dog>", "a|b c", "=tag"]
    root = ElementTree.fromstring(result.path.read_bytes())
    (description,) = root.findall(".//dc:description/rdf:Alt/rdf:li", NAMES)
    assert description.get("{http://www.w3.org/XML/1998/namespace}lang") == "x-default"
    assert root.find(".//dc:subject/rdf:Bag", NAMES) is not None
    assert root.find(".//digiKam:TagsList/rdf:Seq", NAMES) is not None


async def test_names_are_told_apart_and_stay_the_same(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    pictures = []
    for number, name in enumerate(("same.png", "same.png", "SAME.png")):
        picture = draw_picture(f"{number}-{name}")
        (tmp_path / str(number)).mkdir()
        pictures.append(picture.rename(tmp_path / str(number) / name))
    library, uploads = await library_of(open_library, *pictures)
    folder = tmp_path / "side"
    folder.mkdir()
    first = {result.upload.id: result.path.name for result in await sidecars(library, folder)}
    assert list(first.values()) == ["same.png.xmp", "same (2).png.xmp", "SAME (3).png.xmp"]
    assert {result.upload.id: result.path.name for result in await sidecars(library, folder)} == first
    last = [result async for result in library.export.sidecars(folder, [uploads[1].number])]
    assert [result.path.name for result in last] == ["same (2).png.xmp"], "alone it still finds its own"
    assert {owner_of(folder / name) for name in first.values()} == set(first)
    assert len(list(folder.iterdir())) == 3


async def test_a_sidecar_of_another_program_is_left_alone_unless_told(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, _ = await library_of(open_library, draw_picture("a.png"))
    theirs = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2"></x:xmpmeta>'
    path = tmp_path / "a.png.xmp"
    path.write_bytes(theirs)
    (result,) = await sidecars(library, tmp_path)
    assert (result.written, result.path, path.read_bytes()) == (False, path, theirs)
    assert "Another program" in result.reason
    (result,) = await sidecars(library, tmp_path, overwrite=True)
    assert result.written
    ours = path.read_bytes()
    assert ElementTree.fromstring(ours) is not None
    path.write_bytes(ours.replace(b'"vuemantics-tui"', b'"darktable"'))
    (result,) = await sidecars(library, tmp_path)
    assert not result.written, "another program changed it"


async def test_nothing_is_written_into_the_library_or_over_a_file(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, _ = await library_of(open_library, draw_picture())
    link = tmp_path / "link"
    link.symlink_to(library.root / "uploads")
    for folder in (library.root, library.root / "uploads", link, tmp_path / "missing"):
        with pytest.raises(UsageError):
            await sidecars(library, folder)
        with pytest.raises(UsageError):
            async for _step in library.export.to_file(folder / "out.csv", ExportFormat.CSV):
                pass
    there = tmp_path / "there.csv"
    there.write_text("mine")
    with pytest.raises(UsageError, match="already"):
        async for _step in library.export.to_file(there, ExportFormat.CSV):
            pass
    assert there.read_text() == "mine"
    with pytest.raises(UsageError, match="not a regular file"):
        async for _step in library.export.to_file(Path(os.devnull), ExportFormat.CSV, overwrite=True):
            pass
    assert Path(os.devnull).is_char_device()


async def test_an_export_goes_where_a_link_leads(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, _ = await library_of(open_library, draw_picture())
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("before")
    link.symlink_to(real)
    async for _step in library.export.to_file(link, ExportFormat.CSV, overwrite=True):
        pass
    ring = tmp_path / "ring.csv"
    ring.symlink_to(ring)
    with pytest.raises(UsageError, match="leads nowhere"):
        async for _step in library.export.to_file(ring, ExportFormat.CSV, overwrite=True):
            pass
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"\xef\xbb\xbf")


async def test_a_sidecar_of_another_upload_is_never_replaced(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    first, second = draw_picture("same.png"), draw_picture("1.png")
    (tmp_path / "other").mkdir()
    library, uploads = await library_of(open_library, first, second.rename(tmp_path / "other" / "same.png"))
    folder = tmp_path / "side"
    folder.mkdir()
    for upload, name in ((uploads[0], "same.png.xmp"), (uploads[1], "same (2).png.xmp")):
        (result,) = [one async for one in library.export.sidecars(folder, [upload.number], overwrite=True)]
        assert result.path.name == name
        assert owner_of(result.path) == upload.id
    assert owner_of(folder / "same.png.xmp") == uploads[0].id


async def test_an_export_that_breaks_off_leaves_what_was_there(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, _ = await library_of(open_library, draw_picture())
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "all.csv"
    target.write_text("before")

    def full(self: WholeFile, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WholeFile, "write", full)
    with pytest.raises(UsageError, match="No space left"):
        async for _step in library.export.to_file(target, ExportFormat.CSV, overwrite=True):
            pass
    with pytest.raises(UsageError, match="No space left"):
        await sidecars(library, folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"all.csv": "before"}
