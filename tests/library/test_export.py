"""What is exported is read by others as it was meant, and nothing else is written."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.media import REJECTED, FileWords
from vuemantics_tui.domain.moment import DateEdit
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.files import WholeFile
from vuemantics_tui.library import ExportFormat, FileResult, Library, SidecarStyle
from vuemantics_tui.library.xmp import TOOLKIT, owner_of
from vuemantics_tui.media.captions import words_of_xmp
from vuemantics_tui.media.xmp import parse_xmp
from vuemantics_tui.store.tags import save_words

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


async def sidecars(library: Library, folder: Path, overwrite: bool = False) -> list[FileResult]:
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
    async with library.database.transaction() as connection:
        await save_words(connection, upload.number, FileWords(keywords=("=sea", "Boats"), rating=3))
    ((row),) = csv.DictReader(io.StringIO("".join([line async for line in library.export.lines(ExportFormat.CSV)])))
    assert (row["keywords"], row["rating"], row["rated_by_hand"]) == ("'=sea; Boats", "3", "no")


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


DARKTABLE = b"""\
<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xap="http://ns.adobe.com/xap/1.0/" xmlns:darktable="http://darktable.sf.net/"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:odd="http://example.org/odd/"
    xap:Rating="1" xap:CreateDate="2001-02-03" darktable:xmp_version="5">
   <darktable:history><rdf:Seq><rdf:li darktable:num="0" darktable:params="gz48eJ=="/></rdf:Seq></darktable:history>
   <darktable:colorlabels><rdf:Seq><rdf:li>3</rdf:li></rdf:Seq></darktable:colorlabels>
   <dc:subject><rdf:Bag><rdf:li>theirs</rdf:li><rdf:li>Rome</rdf:li></rdf:Bag></dc:subject>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Old</rdf:li><rdf:li xml:lang="de">Alt</rdf:li></rdf:Alt></dc:title>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">A person wrote this.</rdf:li></rdf:Alt></dc:description>
   <odd:note odd:by="&quot;me&quot;">a &lt;b&gt; &amp; c</odd:note>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


async def test_what_another_program_wrote_into_a_sidecar_stays(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, (upload,) = await library_of(open_library, draw_picture("a.png"), text="A cat sleeps.")
    await library.tags.add([upload.id], ["Rome", "mine"])
    folder = tmp_path / "side"
    folder.mkdir()
    path = folder / "a.png.xmp"
    path.write_bytes(DARKTABLE)
    (result,) = await sidecars(library, folder)
    assert (result.written, result.path) == (True, path)
    before, after = parse_xmp(DARKTABLE).properties, parse_xmp(path.read_bytes()).properties
    assert {name: after[name] for name in before.keys() - {"dc:subject"}} == {
        name: before[name] for name in before.keys() - {"dc:subject"}
    }
    assert items(path, "dc:subject") == ["theirs", "Rome", "mine", "cat & <dog>", "a|b/c", "=tag"]
    assert b"xap:Rating" in path.read_bytes() and b"odd:note" in path.read_bytes(), "prefixes stay, too"
    alternative = parse_xmp(path.read_bytes()).text("Iptc4xmpCore:AltTextAccessibility")
    assert alternative == "A cat sleeps."
    again = path.read_bytes()
    await sidecars(library, folder)
    assert path.read_bytes() == again


async def test_what_the_file_brings_fills_only_what_the_sidecar_lacks(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, (upload,) = await library_of(open_library, draw_picture("a.png"))
    folder = tmp_path / "side"
    folder.mkdir()
    path = folder / "a.png.xmp"
    path.write_bytes(DARKTABLE)

    async def exported(words: FileWords) -> FileWords:
        async with library.database.transaction() as connection:
            await save_words(connection, upload.number, words)
        await sidecars(library, folder)
        return words_of_xmp(parse_xmp(path.read_bytes()))

    first = await exported(FileWords("New", "In the file", "Anna", "red", 4))
    assert (first.title, first.caption, first.rating, first.label) == ("Old", "A person wrote this.", 1, "blue")
    assert first.creator == "Anna"
    again = await exported(FileWords("New", "In the file", "Ben", "red", 4))
    assert again.creator == "Ben", "what we wrote is ours to change"
    path.write_bytes(path.read_bytes().replace(b"<rdf:li>Ben<", b"<rdf:li>Cleo<"))
    assert (await exported(FileWords(creator="Dora"))).creator == "Cleo", "another program changed it"


async def test_what_a_person_decides_is_in_the_sidecar(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, (upload,) = await library_of(open_library, draw_picture("a.png"))
    folder = tmp_path / "side"
    folder.mkdir()
    path = folder / "a.png.xmp"
    path.write_bytes(DARKTABLE)
    await library.tags.add([upload.id], ["mine"])
    await library.ratings.rate([upload.id], 5)
    await sidecars(library, folder)
    xmp = parse_xmp(path.read_bytes())
    assert (xmp.texts("xmp:Rating"), xmp.text("MicrosoftPhoto:Rating")) == (("5",), "99")
    assert "mine" in xmp.texts("dc:subject")
    await library.tags.change([upload.id], remove=["mine"])
    await library.ratings.rate([upload.id], None)
    await sidecars(library, folder)
    xmp = parse_xmp(path.read_bytes())
    assert (xmp.texts("xmp:Rating"), xmp.text("MicrosoftPhoto:Rating")) == (("0",), None)
    assert not {"mine"} & {*xmp.texts("dc:subject"), *xmp.texts("digiKam:TagsList")}
    assert xmp.texts("dc:subject")[:2] == ("theirs", "Rome")
    await library.ratings.rate([upload.id], REJECTED)
    await sidecars(library, folder)
    xmp = parse_xmp(path.read_bytes())
    assert (xmp.text("xmp:Rating"), xmp.text("digiKam:PickLabel")) == ("-1", "1")


async def test_a_date_set_by_hand_is_in_the_sidecar_until_it_is_taken_back(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, (upload,) = await library_of(open_library, draw_picture("a.png"))
    folder = tmp_path / "side"
    folder.mkdir()
    path, names = folder / "a.png.xmp", ("exif:DateTimeOriginal", "photoshop:DateCreated")
    await sidecars(library, folder)
    assert parse_xmp(path.read_bytes()).texts(*names) == (), "the own time of the file is a guess"
    await library.dates.edit([upload.id], DateEdit.of("1985-06-15 10:00 +02:00"))
    await sidecars(library, folder)
    assert [parse_xmp(path.read_bytes()).text(name) for name in names] == ["1985-06-15T10:00:00+02:00"] * 2
    changed = path.read_bytes().replace(b"<photoshop:DateCreated>1985", b"<photoshop:DateCreated>1984")
    path.write_bytes(changed.replace(f'xmptk="{TOOLKIT}"'.encode(), b'xmptk="XMP Core"'))
    await library.dates.edit([upload.id], DateEdit.of("file"))
    await sidecars(library, folder)
    xmp = parse_xmp(path.read_bytes())
    assert [xmp.text(name) for name in names] == [None, "1984-06-15T10:00:00+02:00"], "another program's stays"


async def test_a_sidecar_is_replaced_when_told_and_ours_without_being_told(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, (upload,) = await library_of(open_library, draw_picture("a.png"), text="A cat sleeps.")
    folder = tmp_path / "side"
    folder.mkdir()
    path = folder / "a.png.xmp"
    path.write_bytes(DARKTABLE)
    await sidecars(library, folder, overwrite=True)
    fresh = path.read_bytes()
    assert b"theirs" not in fresh
    await library.tags.add([upload.id], ["mine"])
    await sidecars(library, folder)
    await library.tags.change([upload.id], remove=["mine"])
    await sidecars(library, folder)
    assert path.read_bytes() == fresh
    added = fresh.replace(b"<dc:identifier>", b'<odd:x xmlns:odd="urn:odd">1</odd:x><dc:identifier>')
    path.write_bytes(added)
    await sidecars(library, folder)
    assert parse_xmp(path.read_bytes()).text("{urn:odd}x") == "1"


async def test_what_was_exported_is_read_again(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    brought = FileWords(
        title="Am Meer",
        caption="Käthe & <Ben>\nam Strand",
        creator="Anna; Kühn, Ben",
        label="purple",
        rating=4,
        keywords=("Ostsee", "Meer"),
        keyword_paths=("Meer|Ostsee",),
    )
    library, (upload,) = await library_of(open_library, draw_picture("a.png"))
    async with library.database.transaction() as connection:
        await save_words(connection, upload.number, brought)
    folder = tmp_path / "side"
    folder.mkdir()
    (result,) = await sidecars(library, folder)
    read = words_of_xmp(parse_xmp(result.path.read_bytes()))
    assert replace(read, keywords=()) == replace(brought, keywords=())
    assert set(read.keywords) == set(brought.keywords), "what an analyzer saw is no keyword"
    xmp = parse_xmp(result.path.read_bytes())
    assert xmp.texts("dc:creator") == ("Anna", "Kühn, Ben")
    assert xmp.texts("lr:hierarchicalSubject")[0] == "Meer|Ostsee"
    assert xmp.texts("digiKam:TagsList")[0] == "Meer/Ostsee"
    assert xmp.text("xmp:Label") == "Purple"
    assert (xmp.text("digiKam:ColorLabel"), xmp.text("darktable:colorlabels")) == ("6", "4")


@pytest.mark.parametrize(
    ("style", "names"),
    [
        (SidecarStyle.DIGIKAM, {"a.b.png.xmp", "bare.xmp"}),
        (SidecarStyle.DARKTABLE, {"a.b.png.xmp", "bare.xmp"}),
        (SidecarStyle.LIGHTROOM, {"a.b.xmp", "bare.xmp"}),
    ],
)
async def test_sidecars_are_named_as_each_program_wants(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path, style: SidecarStyle, names: set[str]
) -> None:
    bare = draw_picture("b.png").rename(tmp_path / "bare")
    library, _ = await library_of(open_library, draw_picture("a.b.png"), bare)
    folder = tmp_path / "side"
    folder.mkdir()
    assert {result.path.name async for result in library.export.sidecars(folder, style=style)} == names


async def test_one_sidecar_that_cannot_be_written_stops_none(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    long = f"{'x' * 250}.png"
    library, _ = await library_of(
        open_library, *(draw_picture(name) for name in (long, "a.png", "b.png", "c.png", "d.png"))
    )
    folder = tmp_path / "side"
    folder.mkdir()
    (folder / "a.png.xmp").mkdir()
    (folder / "b.png.xmp").write_bytes(DARKTABLE[:-60])
    (folder / "c.png.xmp").write_bytes(b"<html>not XMP</html>")
    results = {result.upload.filename: result for result in await sidecars(library, folder)}
    assert {name for name, result in results.items() if result.written} == {"d.png"}
    assert "too long" in results[long].reason
    assert "directory" in results["a.png"].reason
    assert "damaged" in results["b.png"].reason
    assert (folder / "c.png.xmp").read_bytes() == b"<html>not XMP</html>"
    assert (folder / "d.png.xmp").is_file()


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
    with pytest.raises(UsageError, match="link is broken"):
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


async def test_originals_are_copied_under_free_names_and_a_missing_one_stops_none(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library, uploads = await library_of(
        open_library, *(draw_picture(f"{name}.png") for name in ("one", "two", "three"))
    )
    folder = tmp_path / "chosen"
    folder.mkdir()
    (folder / "one.png").write_bytes(b"of somebody else")
    library.original(uploads[1]).unlink()
    results = [result async for result in library.export.originals(folder)]
    assert sorted(result.upload.filename for result in results if result.written) == ["one.png", "three.png"]
    assert {result.reason for result in results if not result.written} == {"Its original is missing."}
    assert sorted(path.name for path in folder.iterdir()) == ["one (2).png", "one.png", "three.png"]
    assert (folder / "one.png").read_bytes() == b"of somebody else"
    assert (folder / "one (2).png").read_bytes() == library.original(uploads[0]).read_bytes()
    with pytest.raises(UsageError, match="belongs to the library"):
        async for _ in library.export.originals(library.root):
            pass
