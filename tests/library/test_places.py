"""Where uploads were taken: found, set by hand, kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tests.conftest import OpenLibrary, add_all, settled
from vuemantics_tui.domain.media import Place
from vuemantics_tui.library import Library
from vuemantics_tui.media.xmp import parse_xmp

ROME, NEW_YORK, KOELN, OUTBACK, NOWHERE = (41.8902, 12.4922), (40.758, -73.9855), (50.9413, 6.9583), (-25, 137), (0, 0)
HOME = Place("Grandma's garden", "", "Italy", "IT")

Photo = Callable[[str, tuple[float, float]], Path]


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """Return a function that draws a picture with coordinates, each of another colour."""
    drawn = iter(range(30, 250, 20))

    def draw(name: str, point: tuple[float, float]) -> Path:
        exif = Image.Exif()
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        for tag, value, letters in zip((1, 3), point, ("NS", "EW"), strict=True):
            gps.update({tag: letters[value < 0], tag + 1: (abs(float(value)), 0.0, 0.0)})
        Image.new("RGB", (60, 40), (next(drawn), 90, 160)).save(tmp_path / name, exif=exif)
        return tmp_path / name

    return draw


async def library_of(open_library: OpenLibrary, *files: Path) -> Library:
    """A library of completed uploads."""
    library = await open_library()
    await add_all(library, *files)
    await library.queue.start()
    await settled(library)
    return library


async def found(library: Library, line: str) -> set[str]:
    """The names of the uploads that a line of filters finds."""
    return {hit.upload.filename for hit in await library.search.run(line, all=False)}


async def places(library: Library) -> dict[str, tuple[str, bool]]:
    """The place of each upload in words, and whether a person set it, by the name of its file."""
    return {each.filename: (each.place_words, each.place_edited) for each in await library.uploads.newest()}


async def ids(library: Library) -> dict[str, str]:
    """The ID of each upload by the name of its file."""
    return {each.filename: each.id for each in await library.uploads.newest()}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("place:rome", {"a.jpg"}),
        ("place:ROMA", {"a.jpg"}),
        ("place:Rzym", {"a.jpg"}),
        ("place:ローマ", {"a.jpg"}),
        ("place:om", set()),
        ("place:lazio", {"a.jpg"}),
        ("place:ital", {"a.jpg"}),
        ('place:"new york"', {"b.jpg"}),
        ("place:york", {"b.jpg"}),
        ("place:NYC", {"b.jpg"}),
        ("place:new*city", {"b.jpg"}),
        ("place:koln", {"c.jpg"}),
        ("place:KÖLN", {"c.jpg"}),
        ("place:cologne", {"c.jpg"}),
        ("place:Ko\u0308ln", {"c.jpg"}),
        ("country:it", {"a.jpg"}),
        ("country:IT", {"a.jpg"}),
        ("country:italy", {"a.jpg"}),
        ("country:italia", {"a.jpg"}),
        ("country:us", {"b.jpg"}),
        ("country:USA", {"b.jpg"}),
        ('country:"united states"', {"b.jpg"}),
        ("country:de", {"c.jpg"}),
        ("country:deutschland", {"c.jpg"}),
        ("country:au", {"d.jpg"}),
        ("country:st", set()),
        ("-country:it", {"b.jpg", "c.jpg", "d.jpg", "e.jpg"}),
        ("-place:*", {"e.jpg"}),
        ("near:0,0,5", set()),
        ("near:41.9,12.5,5", {"a.jpg"}),
    ],
)
async def test_places_and_countries_are_searched(
    open_library: OpenLibrary, photo: Photo, line: str, names: set[str]
) -> None:
    points = (ROME, NEW_YORK, KOELN, OUTBACK, NOWHERE)
    library = await library_of(
        open_library, *(photo(f"{name}.jpg", at) for name, at in zip("abcde", points, strict=True))
    )
    assert await found(library, line) == names


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("rome", "a.jpg"),
        ("roma", "a.jpg"),
        ("lazio", "a.jpg"),
        ("italy", "a.jpg"),
        ("cologne", "c.jpg"),
        ("köln", "c.jpg"),
    ],
)
async def test_plain_words_find_places(open_library: OpenLibrary, photo: Photo, words: str, name: str) -> None:
    library = await library_of(open_library, photo("a.jpg", ROME), photo("c.jpg", KOELN), photo("e.jpg", NOWHERE))
    assert (await library.search.words(words))[0].upload.filename == name
    assert len(await library.search.words(words)) == 1


async def test_a_place_set_by_hand_is_searched_shown_and_kept(open_library: OpenLibrary, photo: Photo) -> None:
    library = await library_of(open_library, photo("a.jpg", ROME), photo("e.jpg", NOWHERE))
    known = await ids(library)
    before = await library.places.set(list(known.values()), HOME)
    assert before.keys() == set(known.values())
    assert await library.places.set(list(known.values()), HOME) == {}
    assert await found(library, "place:grandma") == await found(library, "country:it") == {"a.jpg", "e.jpg"}
    assert await found(library, "place:rome") == set()
    assert {hit.upload.filename for hit in await library.search.words("garden")} == {"a.jpg", "e.jpg"}
    expected = {"a.jpg": ("Grandma's garden, Italy", True), "e.jpg": ("Grandma's garden, Italy", True)}
    assert await places(library) == expected

    await library.queue.retry(list(known.values()))
    await settled(library)
    assert await places(library) == expected, "described again"

    assert await library.places.use_file(list(known.values()))
    assert await places(library) == {"a.jpg": ("Rome, Lazio, Italy", False), "e.jpg": ("", False)}
    assert await found(library, "place:grandma") == set()
    await library.places.set(list(known.values()), None)
    for _ in range(3):
        await library.undo.undo()
    assert await places(library) == {"a.jpg": ("Rome, Lazio, Italy", False), "e.jpg": ("", False)}


async def test_a_place_removed_by_hand_stays_away(open_library: OpenLibrary, photo: Photo) -> None:
    library = await library_of(open_library, photo("a.jpg", ROME))
    known = await ids(library)
    assert await library.set_place([known["a.jpg"]], "none")
    await library.queue.retry(list(known.values()))
    await settled(library)
    assert await places(library) == {"a.jpg": ("", True)}
    assert await found(library, "place:rome") == set()


async def test_reading_older_files_again_fills_places_in_and_leaves_those_of_a_person(
    open_library: OpenLibrary, photo: Photo
) -> None:
    library = await library_of(open_library, photo("a.jpg", ROME), photo("b.jpg", NEW_YORK))
    known = await ids(library)
    await library.places.set([known["b.jpg"]], HOME)
    await library.queue.stop()
    async with library.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET traits_read = 0, file_place = NULL")
        await connection.execute("UPDATE uploads SET place = NULL WHERE filename = 'a.jpg'")
    await library.queue.start()

    async def read_again() -> bool:
        rows = await library.database.fetch("SELECT 1 FROM uploads WHERE traits_read = 0")
        return not rows

    from tests.conftest import until

    await until(read_again)
    assert await places(library) == {"a.jpg": ("Rome, Lazio, Italy", False), "b.jpg": ("Grandma's garden, Italy", True)}
    assert await library.set_place([known["b.jpg"]], "file")
    assert (await places(library))["b.jpg"] == ("New York City, New York, United States", False)


async def test_names_are_suggested_while_they_are_typed(open_library: OpenLibrary, photo: Photo) -> None:
    library = await library_of(open_library, photo("a.jpg", ROME), photo("b.jpg", NEW_YORK))
    suggest = library.search.suggester.suggest
    assert [each.line for each in await suggest("place:ro", 8)] == ["place:Rome "]
    assert 'place:"New York City" ' in [each.line for each in await suggest("place:new", 9)]
    assert [each.line for each in await suggest("country:it", 10)] == ["country:Italy "]


async def test_side_cars_name_the_place_and_leave_that_of_another_program(
    open_library: OpenLibrary, photo: Photo, tmp_path: Path
) -> None:
    library = await library_of(open_library, photo("a.jpg", ROME), photo("b.jpg", NEW_YORK), photo("e.jpg", NOWHERE))
    (out := tmp_path / "out").mkdir()
    theirs = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Brooklyn"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    (out / "b.jpg.xmp").write_text(theirs)

    async def written() -> dict[str, tuple[str | None, ...]]:
        async for _ in library.export.sidecars(out):
            pass
        names = ("photoshop:City", "photoshop:State", "photoshop:Country", "Iptc4xmpCore:CountryCode")
        found = {path.name: parse_xmp(path.read_bytes()) for path in out.iterdir()}
        return {name: tuple(xmp.text(each) for each in names) for name, xmp in found.items()}

    assert await written() == {
        "a.jpg.xmp": ("Rome", "Lazio", "Italy", "IT"),
        "b.jpg.xmp": ("Brooklyn", None, None, None),
        "e.jpg.xmp": (None, None, None, None),
    }
    await library.set_place(list((await ids(library)).values()), "Paris, FR")
    assert set((await written()).values()) == {("Paris", "Île-de-France", "France", "FR")}
