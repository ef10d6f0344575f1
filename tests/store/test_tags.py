"""Tags by hand, albums, and what the full text has of them."""

from __future__ import annotations

import pytest

from tests.conftest import insert_upload
from tests.store.test_uploads import complete
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.queue import QueueStore
from vuemantics_tui.store.search import FullText
from vuemantics_tui.store.tags import Tag, TagStore
from vuemantics_tui.store.trash import TrashStore
from vuemantics_tui.store.uploads import UploadStore


async def holds(database: Database, word: str) -> list[int]:
    """Which uploads a word finds."""
    return sorted(await FullText(database).search([word], every=True, limit=9))


async def test_tags_are_given_to_many_and_taken_away(database: Database) -> None:
    tags, store, feed = TagStore(database), UploadStore(database), ChangeFeed(database)
    ids = [await insert_upload(store) for _ in range(3)]
    await feed.skip_to_now()
    assert await tags.add(ids[:2], ["  Summer   2024 ", "Family"]) == 2
    changes = await feed.poll()
    assert changes is not None
    assert changes.changed == (1, 2)
    assert await tags.add(ids, ["summer 2024", "family"]) == 1, "only one lacked them"
    assert await tags.own() == [Tag("Family", 3), Tag("Summer 2024", 3)]
    assert (await store.by_numbers([1]))[0].own_tags == ("Family", "Summer 2024")
    assert (await tags.retag([ids[0], "none"], remove=["FAMILY", "unknown"])).taken == 1
    assert (await tags.retag([ids[0]], remove=["family"])).taken == 0
    assert (await store.by_numbers([1]))[0].own_tags == ("Summer 2024",)
    await tags.retag(ids, remove=["family", "summer 2024"])
    assert await tags.own() == []


async def test_a_tag_needs_a_name(database: Database) -> None:
    with pytest.raises(UsageError):
        await TagStore(database).add([await insert_upload(UploadStore(database))], ['  " '])
    assert await TagStore(database).own() == []


async def test_own_tags_are_words_and_outlive_descriptions(database: Database) -> None:
    tags, store = TagStore(database), UploadStore(database)
    described, bare = await insert_upload(store), await insert_upload(store, "bare.jpg")
    await complete(database, described, "A dog runs on the beach.", ("dog",))
    await tags.add([described, bare], ["Ostsee"])
    assert await holds(database, "ostsee") == [1, 2]
    await QueueStore(database).requeue([described])
    await complete(database, described, "A cat sits in the garden.", ("cat",))
    assert await holds(database, "ostsee") == [1, 2]
    assert await holds(database, "cat") == [1]
    assert await holds(database, "dog") == []
    assert [tag.name for tag in await tags.beginning("d", 8)] == [], "no description has it any more"
    await tags.retag([described, bare], remove=["ostsee"])
    assert await holds(database, "ostsee") == []
    assert await holds(database, "cat") == [1]
    assert await holds(database, "bare") == [2], "without a description or a tag its name finds it"
    await tags.add([bare], ["again"])
    await store.delete([bare])
    assert await holds(database, "again") == await holds(database, "bare") == []
    assert await tags.own() == []


async def test_an_album_is_a_tag_that_may_be_empty(database: Database) -> None:
    tags = TagStore(database)
    upload = await insert_upload(UploadStore(database))
    await tags.set_album("Rome", True)
    assert await tags.own() == [Tag("Rome", 0, album=True)]
    await tags.add([upload], ["beach", "rome"])
    await tags.add([upload], ["Best of"], album=True)
    assert await tags.own() == [Tag("Best of", 1, album=True), Tag("Rome", 1, album=True), Tag("beach", 1)]
    await tags.set_album("ROME", False)
    assert await tags.own() == [Tag("Best of", 1, album=True), Tag("beach", 1), Tag("Rome", 1)]


async def test_beginnings_give_own_tags_first_then_the_most_used(database: Database) -> None:
    tags, store = TagStore(database), UploadStore(database)
    for names in (("dog", "door"), ("dog",), ("cat",)):
        await complete(database, await insert_upload(store), tags=names)
    await tags.add([(await store.by_numbers([3]))[0].id], ["Dome"])
    assert await tags.beginning("DO", 8) == [Tag("Dome", 1), Tag("dog", 2, own=False), Tag("door", 1, own=False)]
    assert len(await tags.beginning("do", 2)) == 2


async def test_the_tags_of_a_description_are_kept_once_each(database: Database) -> None:
    await complete(database, await insert_upload(UploadStore(database)), tags=("Red Sofa", " ", "cat", "cat"))
    rows = await database.fetch("SELECT key, name FROM tags JOIN tagged ON tag = tags.number ORDER BY key")
    assert [tuple(row) for row in rows] == [("cat", "cat"), ("red sofa", "Red Sofa")]


async def test_what_is_in_the_trash_is_not_found_by_what_is_done_to_its_tags(database: Database) -> None:
    tags, store, trash = TagStore(database), UploadStore(database), TrashStore(database)
    upload = await insert_upload(store)
    await complete(database, upload, "A dog runs on the beach.", ("dog",))
    await tags.add([upload], ["rome", "summer"])
    await trash.trash([upload])
    assert (await tags.retag([upload], remove=["rome"])).taken == 0
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM tagged WHERE tag = (SELECT number FROM tags WHERE key = 'summer')")
    assert await holds(database, "dog") == []
    await trash.restore([upload])
    assert (await holds(database, "dog"), await holds(database, "rome")) == ([1], [1])
    assert await holds(database, "summer") == []


async def test_a_tag_of_a_description_and_a_person_is_one_in_every_alphabet(database: Database) -> None:
    tags, store = TagStore(database), UploadStore(database)
    upload = await insert_upload(store)
    await complete(database, upload, "A street.", ("straße", "čas"))
    await tags.add([upload], ["Straße", "ČAS"])
    assert {tag.name for tag in await tags.own()} == {"Straße", "ČAS"}
    (row,) = await database.fetch("SELECT count(*) FROM tags")
    assert row[0] == 2


async def test_a_change_of_tags_is_made_whole_or_not_at_all(database: Database) -> None:
    tags, upload = TagStore(database), await insert_upload(UploadStore(database))
    await tags.add([upload], ["old"])
    with pytest.raises(UsageError):
        await tags.change([upload], add=["new", " "], remove=["old"])
    assert await tags.own() == [Tag("old", 1)]
    assert await tags.change([upload], add=["new"], albums=["Trip"], remove=["old"]) == 1
    assert await tags.own() == [Tag("Trip", 1, album=True), Tag("new", 1)]


async def test_giving_and_taking_tags_is_one_step(database: Database) -> None:
    tags, feed = TagStore(database), ChangeFeed(database)
    first, second = [await insert_upload(UploadStore(database)) for _ in range(2)]
    await tags.add([first], ["old"])
    before = await feed.skip_to_now()
    assert tuple(await tags.retag([first, second], add=["new"], remove=["old"])) == (2, 2, 1)
    changes = await feed.poll()
    assert changes is not None
    assert (set(changes.changed), changes.revision) == ({1, 2}, before + 1)
