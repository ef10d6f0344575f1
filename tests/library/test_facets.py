"""What a search line can be narrowed by, and what it says once it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tests.conftest import OpenLibrary, add_all, settled
from vuemantics_tui.library import Facet, Facets, FacetSection, Library

Photo = Callable[..., Path]


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """Return a function that draws a picture of a camera and a day, each of another colour."""
    drawn = iter(range(30, 250, 7))

    def draw(name: str, day: str = "", camera: str = "") -> Path:
        exif = Image.Exif()
        if camera:
            exif[ExifTags.Base.Model] = camera
        if day:
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{day.replace('-', ':')} 10:00:00"
        Image.new("RGB", (60, 40), (next(drawn), 90, 160)).save(tmp_path / name, exif=exif)
        return tmp_path / name

    return draw


async def journey(open_library: OpenLibrary, photo: Photo) -> Library:
    """A library of two journeys: to Nice and Antibes in June, and to Rome in May."""
    library = await open_library()
    await add_all(
        library,
        photo("beach.jpg", "2024-06-03", "Pixel 8"),
        photo("harbour.jpg", "2024-06-04", "Pixel 8"),
        photo("castle.jpg", "2024-06-05", "Pixel 8 Pro"),
        photo("forum.jpg", "2023-05-01", "Pixel 8"),
        photo("Screenshot 2023-05-02.png", "2023-05-02"),
    )
    await library.queue.start()
    await settled(library)
    ids = {each.filename: each.id for each in await library.uploads.newest()}
    for place, names in (("Nice, France", ("beach.jpg", "harbour.jpg")), ("Antibes, France", ("castle.jpg",))):
        await library.set_place([ids[name] for name in names], place)
    await library.set_place([ids["forum.jpg"]], "Rome, Italy")
    await library.tags.add([ids["beach.jpg"], ids["forum.jpg"]], ["holiday"])
    await library.tags.add([ids["beach.jpg"]], ["Summer 2024"], album=True)
    await library.ratings.rate([ids["castle.jpg"]], 4)
    return library


def counted(facets: Facets) -> Mapping[str, Mapping[str, int | None]]:
    """The counts by section and name, what is inside others behind a slash."""
    found: dict[str, dict[str, int | None]] = {}
    for section, entries in facets.items():
        for facet in entries:
            found.setdefault(section.value, {})[facet.name] = facet.count
            found[section.value].update({f"{facet.name}/{each.name}": each.count for each in facet.within})
    return found


def facet_of(facets: Facets, section: FacetSection, name: str) -> Facet:
    """The facet of that name, wherever it is."""
    every = [each for facet in facets[section] for each in (facet, *facet.within)]
    return next(facet for facet in every if facet.name.casefold() == name.casefold())


async def press(library: Library, text: str, section: FacetSection, name: str) -> str:
    """The line after an entry is pressed."""
    facets = await library.search.facets.of(text)
    return await library.search.facets.toggled(text, section, facet_of(facets, section, name), facets[section])


async def found(library: Library, text: str) -> set[str]:
    """The names of the uploads that a line finds."""
    return {hit.upload.filename for hit in await library.search.run(text)}


async def test_every_section_counts_what_each_entry_would_leave(open_library: OpenLibrary, photo: Photo) -> None:
    library = await journey(open_library, photo)
    await library.search.save("best", "rating:>=4")
    assert counted(await library.search.facets.of("")) == {
        "Places": {"France": 3, "France/Nice": 2, "France/Antibes": 1, "Italy": 1, "Italy/Rome": 1},
        "Dates": {"2024": 3, "2024/June": 3, "2023": 2, "2023/May": 2},
        "Tags": {"holiday": 2, "cat": 5, "sofa": 5},
        "Albums": {"Summer 2024": 1},
        "Cameras": {"Pixel 8": 3, "Pixel 8 Pro": 1},
        "Types": {"photos": 5, "screenshots": 1},
        "Ratings": {"★★★★☆": 1},
        "Saved searches": {"best": 1},
    }


async def test_counts_are_those_within_what_the_line_leaves(open_library: OpenLibrary, photo: Photo) -> None:
    library = await journey(open_library, photo)
    within = counted(await library.search.facets.of("place:nice"))
    assert within["Places"] == {"France": 3, "France/Nice": 2, "France/Antibes": 1, "Italy": 1, "Italy/Rome": 1}, (
        "places are alternatives: what each would find"
    )
    assert (within["Dates"], within["Tags"], within["Cameras"]) == (
        {"2024": 2, "2024/June": 2},
        {"holiday": 1, "cat": 2, "sofa": 2},
        {"Pixel 8": 2},
    )
    assert "Ratings" not in within
    assert counted(await library.search.facets.of("tag:holiday"))["Albums"] == {"Summer 2024": 1}


async def test_pressing_adds_its_part_to_the_line_and_pressing_again_removes_it(
    open_library: OpenLibrary, photo: Photo
) -> None:
    library = await journey(open_library, photo)
    line = await press(library, 'sort:oldest -name:"blue sea"', FacetSection.PLACES, "Nice")
    assert line == 'sort:oldest -name:"blue sea" place:nice'
    line = await press(library, line, FacetSection.DATES, "June")
    assert line == 'sort:oldest -name:"blue sea" place:nice taken:2024-06'
    line = await press(library, line, FacetSection.PLACES, "Antibes")
    assert line == 'sort:oldest -name:"blue sea" place:nice,antibes taken:2024-06', "places are alternatives"
    line = await press(library, line, FacetSection.TAGS, "holiday")
    line = await press(library, line, FacetSection.ALBUMS, "Summer 2024")
    assert line.endswith('tag:holiday tag:"Summer 2024"'), "an upload has to have both tags"
    line = await press(library, line, FacetSection.PLACES, "Nice")
    assert line == 'sort:oldest -name:"blue sea" place:antibes taken:2024-06 tag:holiday tag:"Summer 2024"'
    chosen = await library.search.facets.of(line)
    for section, name in (
        (FacetSection.DATES, "June 2024"),
        (FacetSection.PLACES, "Antibes"),
        (FacetSection.TAGS, "holiday"),
    ):
        assert facet_of(chosen, section, name).chosen
        line = await press(library, line, section, name)
    assert line == 'sort:oldest -name:"blue sea" tag:"Summer 2024"'


async def test_a_month_goes_in_place_of_its_year_and_a_country_in_place_of_its_towns(
    open_library: OpenLibrary, photo: Photo
) -> None:
    library = await journey(open_library, photo)
    assert await press(library, "taken:2024 sort:name", FacetSection.DATES, "June") == "sort:name taken:2024-06"
    assert await press(library, "place:nice,antibes", FacetSection.PLACES, "France") == "place:france"
    assert await press(library, "place:france", FacetSection.PLACES, "Italy") == "place:france,italy"


async def test_each_entry_finds_as_many_as_it_says(open_library: OpenLibrary, photo: Photo) -> None:
    library = await journey(open_library, photo)
    # A second Nice, a town that begins so, and a country within whose name another one is.
    ids = [each.id for each in await library.uploads.newest()]
    for upload_id, place in zip(ids, ("Nice, Italy", "Niceville, France", "Rome, Italy"), strict=False):
        await library.set_place([upload_id], place)
    facets = await library.search.facets.of("")
    for section in (FacetSection.PLACES, FacetSection.DATES, FacetSection.CAMERAS, FacetSection.TYPES):
        for facet in facets[section]:
            for each in (facet, *facet.within):
                line = await library.search.facets.toggled("", section, each, facets[section])
                assert len(await found(library, line)) == each.count, line


async def test_a_part_of_the_line_that_finds_nothing_is_there_to_be_removed(
    open_library: OpenLibrary, photo: Photo
) -> None:
    library = await journey(open_library, photo)
    facets = await library.search.facets.of("place:atlantis tag:nothing -place:rome")
    assert [facet.name for facet in facets[FacetSection.PLACES] if facet.chosen] == ["atlantis"]
    assert await press(library, "place:atlantis", FacetSection.PLACES, "atlantis") == ""


async def test_a_saved_search_joins_the_line(open_library: OpenLibrary, photo: Photo) -> None:
    library = await journey(open_library, photo)
    await library.search.save("good ones", "rating:>=4")
    line = await press(library, "place:france", FacetSection.SAVED, "good ones")
    assert line == "place:france rating:>=4"
    assert await found(library, line) == {"castle.jpg"}
    assert await press(library, line, FacetSection.SAVED, "good ones") == "place:france"


async def test_counts_in_memory_are_those_of_the_database_and_follow_what_changes(
    open_library: OpenLibrary, photo: Photo
) -> None:
    library = await journey(open_library, photo)
    other = await open_library()
    lines = ("", "holiday", "taken:2024-06", "place:france tag:holiday", "camera:pixel type:image")

    async def compare() -> None:
        for line in lines:
            assert await library.search.facets.of(line) == await other.search.facets.of(line), line

    await library.search.facets.get_ready()
    await compare()
    uploads = {each.filename: each for each in await library.uploads.newest()}
    # Each in a way of its own, by this process and by another one, seen by the next count.
    await other.tags.add([uploads["castle.jpg"].id], ["holiday", "stones"])
    await library.tags.change([uploads["beach.jpg"].id], remove=["holiday"])
    await library.set_place([uploads["forum.jpg"].id], "Antibes, France")
    await compare()
    await other.ratings.rate([uploads["beach.jpg"].id], 2)
    await library.stacks.make([uploads[name].number for name in ("beach.jpg", "harbour.jpg")])
    await compare()
    assert counted(await library.search.facets.of(""))["Tags"]["stones"] == 1
    await library.trash.put([uploads["castle.jpg"].id])
    await compare()
    assert "stones" not in counted(await library.search.facets.of("")).get("Tags", {})


async def test_a_stack_counts_once_and_what_is_hidden_or_deleted_does_not(
    open_library: OpenLibrary, photo: Photo
) -> None:
    library = await journey(open_library, photo)
    uploads = {each.filename: each for each in await library.uploads.newest()}
    await library.stacks.make([uploads[name].number for name in ("beach.jpg", "harbour.jpg")])
    await library.uploads.set_hidden([uploads["castle.jpg"].id], True)
    await library.trash.put([uploads["forum.jpg"].id])
    facets = counted(await library.search.facets.of(""))
    assert facets["Places"] == {"France": 1, "France/Nice": 1}
    assert facets["Types"] == {"photos": 2, "screenshots": 1, "stacks": 1}
    assert facets["Tags"]["holiday"] == 1


async def test_a_value_behind_a_comma_is_suggested(open_library: OpenLibrary, photo: Photo) -> None:
    library = await journey(open_library, photo)
    suggestions = await library.search.suggester.suggest("place:nice,ant", 14)
    assert suggestions[0].line.strip() == "place:nice,Antibes"


async def test_none_of_several_values(open_library: OpenLibrary, photo: Photo) -> None:
    library = await journey(open_library, photo)
    assert await found(library, "-place:nice,rome") == {"castle.jpg", "Screenshot 2023-05-02.png"}
    assert await found(library, 'place:"rome, italy",antibes') == {"forum.jpg", "castle.jpg"}
