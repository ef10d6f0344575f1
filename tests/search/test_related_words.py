"""Tags that say in other words what a query asks for."""

from __future__ import annotations

import pytest

from tests.conftest import OpenLibrary
from tests.doubles import ScriptedAnalyzer
from tests.search.test_searching import DownEmbedder, numbers, put
from vuemantics_tui.library import Library
from vuemantics_tui.search.related_words import Term, narrowed, related_terms, singular

UNRELATED = "Something stands in front of something else, and nothing more can be said of it."


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("canine", "dog"),  # a general name
        ("Canines", "dog"),
        ("automobile", "car"),  # a synonym
        ("puppies", "dog"),  # a kind
        ("airplane", "aeroplane"),
        ("feline", "cat"),
        ("hot air balloon", "hot-air balloon"),
        ("seashore", "coast"),
    ],
)
def test_words_are_related_to_tags(word: str, tag: str) -> None:
    assert any(tag in term.tags for term in related_terms(word.split()))


def test_only_the_sense_that_a_picture_shows_is_meant() -> None:
    assert "construction crane" in related_terms(["crane"])[0].tags
    (term,) = related_terms(["fast", "food"])
    assert term.words == ("fast", "food")
    assert related_terms(["xyzzy"]) == [Term(("xyzzy",))]
    assert narrowed(related_terms(["canine", "xyzzy"]), {"dog"}) == [Term(("canine",), ("dog",)), Term(("xyzzy",))]
    assert narrowed(related_terms(["canine"]), {"sofa"}) == []


@pytest.mark.parametrize(
    ("plural", "word"),
    [("dogs", "dog"), ("cherries", "cherry"), ("beaches", "beach"), ("grass", "grass"), ("bus", "bus")],
)
def test_a_plural_is_told_by_its_letters(plural: str, word: str) -> None:
    assert singular(plural) == word


@pytest.fixture
async def kennel(open_library: OpenLibrary) -> Library:
    """Uploads 1 to 5: tagged dog, with the word, tagged otherwise, tagged dog and beach, a dog in words alone."""
    analyzer = DownEmbedder()
    library = await open_library(analyzer)
    await put(library, analyzer, UNRELATED, tags=["dog"])
    await put(library, analyzer, "A canine, as an old book would call it, looks at the one who draws it.")
    await put(library, analyzer, UNRELATED, tags=["sofa"])
    await put(library, analyzer, UNRELATED, tags=["dog", "beach"])
    await put(library, analyzer, "A dog sleeps on a sofa in the light of the afternoon, and dreams of running.")
    return library


async def test_a_tag_in_other_words_is_found_below_the_words_themselves(kennel: Library) -> None:
    results = await kennel.search.run("canine")
    assert numbers(results)[0] == 2
    assert set(numbers(results)) == {1, 2, 4}, "tags alone: a word of a description has many senses"
    assert results[0].score > results[1].score
    found = numbers(await kennel.search.run("canine beach"))
    assert found == [4, 2], "each word there, or a tag for it, comes before one of the words"
    assert numbers(await kennel.search.run("canine tag:beach")) == [4]
    assert numbers(await kennel.search.run('"canine"')) == [2], "a phrase is meant as it stands"
    mine = (await kennel.uploads.by_numbers([3]))[0]
    await kennel.tags.add([mine.id], ["Poodle"])
    assert 3 in numbers(await kennel.search.run("canine")), "and tags of one's own"


async def test_no_tag_in_other_words_lifts_an_upload_over_one_with_the_words(open_library: OpenLibrary) -> None:
    """Meaning may have put it there before; the tag alone does not."""
    over = []
    for tag in ("sofa", "dog"):
        analyzer = ScriptedAnalyzer()
        library = await open_library(analyzer, folder=tag)
        for number in range(40):
            await put(library, analyzer, f"{UNRELATED} {number}", tags=[tag])
        await put(library, analyzer, "canine")
        for number in range(20):
            await put(library, analyzer, f"A canine, number {number}.")
        results = await library.search.run("canine", 100, all=True)
        lowest = min(hit.score for hit in results if hit.upload.number > 40)
        over.append({hit.upload.number for hit in results if hit.upload.number <= 40 and hit.score >= lowest})
        assert any(hit.words_share > 0 for hit in results if hit.upload.number <= 40) == (tag == "dog")
    assert over[0] >= over[1]
