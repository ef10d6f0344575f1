"""What a file brings is found, and what a person decides about it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled, until
from tests.doubles import ScriptedAnalyzer
from tests.media.test_captions import bag, packet
from vuemantics_tui.domain.media import REJECTED
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.library import IntakeOutcome, Library

TITLE = "<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Harbour</rdf:li></rdf:Alt></dc:title>"
CAPTION = "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>Before the tempest</rdf:li></rdf:Alt></dc:description>"
SIDECAR = packet(
    TITLE
    + CAPTION
    + "<dc:creator><rdf:Seq><rdf:li>Käthe Kollwitz</rdf:li></rdf:Seq></dc:creator>"
    + bag("dc:subject", "sea", "Boats")
    + bag("lr:hierarchicalSubject", "places|Zanzibar")
    + "<xmp:Rating>4</xmp:Rating><xmp:Label>Rot</xmp:Label>"
)


async def completed(library: Library, *files: Path) -> Upload:
    """Add files and process them; return the first of them."""
    (first, *_) = await add_all(library, *files)
    assert first.upload is not None
    await library.queue.start()
    await settled(library)
    return await read(library, first.upload)


async def read(library: Library, upload: Upload) -> Upload:
    """The upload as it is now."""
    found = await library.uploads.get(upload.id)
    assert found is not None
    return found


async def found(library: Library, query: str) -> list[str]:
    """The names that a search finds."""
    return sorted(hit.upload.filename for hit in (await library.search.run(query, 9)).hits)


async def described_again(library: Library, upload: Upload) -> Upload:
    """The upload after it was described, and so read, again."""
    assert await library.queue.retry([upload.id])
    await settled(library)
    return await read(library, upload)


@pytest.mark.parametrize("name", ["photo.png.xmp", "photo.xmp", "photo.XMP"])
async def test_the_words_of_a_sidecar_are_found(
    open_library: OpenLibrary, draw_picture: DrawPicture, name: str
) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer(text="A red sofa.", tags=("sofa",)))
    picture = draw_picture("photo.png")
    picture.with_name(name).write_bytes(SIDECAR)
    upload = await completed(library, picture, draw_picture("other.png"))
    assert (upload.title, upload.caption, upload.creator) == ("Harbour", "Before the tempest", "Käthe Kollwitz")
    assert (upload.rating, upload.label, upload.rated_by_hand) == (4, "red", False)
    assert (set(upload.keywords), upload.tags) == ({"sea", "Boats", "places", "Zanzibar"}, ("sofa",))
    assert upload.own_tags == ()
    for query in (
        *("tag:zanzibar", "tag:boats", "tag:places", "title:harb", "creator:kollwitz", "label:red", "label:Rouge"),
        *("rating:4", "rating:>=4", "rating:>3", "rating:1..5", "-rating:0", '"harbour"', '"tempest"', '"before the"'),
    ):
        assert await found(library, query) == ["photo.png"], query
    for query in ("rating:5", "rating:<4", "rating:0", "label:blue", "-label:red", "title:tempest"):
        assert "photo.png" not in await found(library, query), query
    assert await found(library, "rating:0") == ["other.png"]


async def test_sidecars_are_kept_with_the_original(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer())
    picture = draw_picture("photo.png")
    for name in ("photo.xmp", "photo.png.xmp"):
        picture.with_name(name).write_bytes(SIDECAR)
    upload = await completed(library, picture)
    folder = library.original(upload).parent
    assert {path.name for path in folder.glob("*.xmp")} == {"original.xmp", "original.png.xmp"}
    for path in picture.parent.glob("*.xmp"):
        path.unlink()
    assert (await described_again(library, upload)).title == "Harbour"
    assert (await add_all(library, picture))[0].reread is False
    assert (await read(library, upload)).title == "Harbour"
    await library.trash.put([upload.id])
    await library.trash.empty()
    assert not folder.exists()


async def test_a_picture_added_again_with_another_sidecar_is_read_again(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer())
    picture = draw_picture("photo.png")
    upload = await completed(library, picture)
    picture.with_name("photo.png.xmp").write_bytes(SIDECAR)
    (result,) = await add_all(library, picture)
    assert (result.outcome, result.reread) == (IntakeOutcome.DUPLICATE, True)
    assert result.upload is not None and result.upload.rating == 4
    assert await found(library, "tag:boats") == ["photo.png"]
    picture.with_name("photo.png.xmp").write_bytes(SIDECAR.replace(b"Boats", b"Ships"))
    await add_all(library, picture)
    assert (await found(library, "tag:boats"), await found(library, "tag:ships")) == ([], ["photo.png"])
    assert upload.keywords == ()


async def test_what_a_person_decides_stays(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer(tags=("sofa",)))
    picture = draw_picture("photo.png")
    picture.with_name("photo.xmp").write_bytes(SIDECAR)
    upload = await completed(library, picture)
    await library.tags.change([upload.id], remove=["BOATS"])
    await library.ratings.rate([upload.id], 1)
    for _ in range(2):
        after = await read(library, upload)
        assert (after.rating, after.rated_by_hand, "Boats" in after.keywords) == (1, True, False)
        assert (await found(library, "tag:boats"), await found(library, '"boats"')) == ([], [])
        assert await found(library, "tag:sea") == ["photo.png"]
        await described_again(library, upload)
    await library.queue.read_again(upload.number)
    after = await read(library, upload)
    assert (after.rating, "Boats" in after.keywords, after.label) == (1, False, "red")
    await library.tags.add([upload.id], ["boats"])
    await library.queue.read_again(upload.number)
    after = await read(library, upload)
    assert ("boats" in after.own_tags, "boats" in after.keywords) == (True, True), "asked for again, it is back"


async def test_no_rating_is_a_decision_too(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer())
    picture = draw_picture("photo.png")
    picture.with_name("photo.xmp").write_bytes(SIDECAR)
    upload = await completed(library, picture)
    await library.ratings.rate([upload.id], None)
    await library.queue.read_again(upload.number)
    assert (await read(library, upload)).rating is None
    assert await library.ratings.rate([upload.id], None) == {}, "nothing to change"
    await library.undo.undo()
    assert (await read(library, upload)).rated_by_hand is False
    await library.ratings.rate([upload.id], REJECTED)
    assert await found(library, "rating:-1") == await found(library, "rating:<0") == ["photo.png"]


async def test_sidecars_are_not_offered_as_pictures(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    folder = tmp_path / "in"
    folder.mkdir()
    draw_picture("photo.png").rename(folder / "photo.png")
    (folder / "photo.png.xmp").write_bytes(SIDECAR)
    results = await add_all(library, folder, recursive=True)
    assert [(result.path.name, result.outcome) for result in results] == [("photo.png", IntakeOutcome.ADDED)]
    (named,) = await add_all(library, folder / "photo.png.xmp")
    assert (named.outcome, named.reason) == (IntakeOutcome.SKIPPED, "This is a side-car")


async def test_a_sidecar_that_cannot_be_read_is_named_and_the_picture_added(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer())
    picture = draw_picture("photo.png")
    sidecar = picture.with_name("photo.xmp")
    sidecar.write_bytes(SIDECAR)
    real = Path.read_bytes

    def refuse(self: Path) -> bytes:
        if self == sidecar:
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (result,) = await add_all(library, picture)
    assert result.outcome is IntakeOutcome.ADDED
    assert result.reason == "Its side-car photo.xmp cannot be read: Permission denied"


async def test_older_uploads_get_their_words_in_the_background(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer())
    picture = draw_picture("photo.png")
    picture.with_name("photo.xmp").write_bytes(SIDECAR)
    upload = await completed(library, picture)
    async with library.database.transaction() as connection:
        await connection.execute("DELETE FROM tagged WHERE own = 2")
        await connection.execute("UPDATE uploads SET title = NULL, rating = NULL, traits_read = 0")

    async def has_words() -> bool:
        now = await read(library, upload)
        return (now.title, now.rating, "sea" in now.keywords) == ("Harbour", 4, True)

    await until(has_words)
