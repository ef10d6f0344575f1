"""Undoing and redoing what a person changed: also after a restart, and only what is still as it was left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.moment import DateEdit
from vuemantics_tui.library import Library
from vuemantics_tui.store import undo as steps

Act = Callable[[Library, list[str], list[int]], Awaitable[object]]


async def _library(open_library: OpenLibrary, draw: DrawPicture) -> tuple[Library, list[str], list[int]]:
    """Three uploads, and a library that was closed since."""
    library = await open_library()
    await add_all(library, *(draw(name) for name in ("cat.png", "dog.png", "sea.png")))
    return await _again(library, open_library)


async def _again(library: Library, open_library: OpenLibrary) -> tuple[Library, list[str], list[int]]:
    await library.close()
    library = await open_library()
    uploads = [
        *await library.uploads.newest(show_hidden=True),
        *(one.upload for one in await library.trash.store.contents()),
    ]
    uploads.sort(key=lambda upload: upload.number)
    return library, [upload.id for upload in uploads], [upload.number for upload in uploads]


async def _state(library: Library) -> Mapping[str, Any]:
    """All that a step may change."""
    uploads = await library.uploads.newest(show_hidden=True)
    return {
        "uploads": {
            upload.filename: (
                upload.hidden, upload.own_tags, upload.rating, upload.rated_by_hand, upload.taken_at,
                upload.place_words, len(upload.stack_members),
            )
            for upload in uploads
        },
        "albums": {tag.name for tag in await library.tags.own() if tag.album},
        "saved": await library.search.saved.all(),
    }  # fmt: skip


ACTS: dict[str, tuple[Act, str, str]] = {
    "trash": (
        lambda library, ids, _: library.trash.put(ids[:2]),
        "Restored 2 uploads.",
        "Moved 2 uploads to the trash.",
    ),
    "name": (
        lambda library, ids, _: library.rename(ids[0], "tiger"),
        "Restored the name of cat.png.",
        "Renamed tiger.png again.",
    ),
    "hide": (lambda library, ids, _: library.uploads.set_hidden(ids[:1], True), "Unhid cat.png.", "Hid cat.png."),
    "tag": (
        lambda library, ids, _: library.tags.change(ids[:2], add=["beach"]),
        "Removed the tag beach from 2 uploads.",
        "Added the tag beach to 2 uploads.",
    ),
    "album": (
        lambda library, ids, _: library.tags.change(ids[:1], albums=["Rome 2024"]),
        "Removed the tag Rome 2024 from cat.png.",
        "Added the tag Rome 2024 to cat.png.",
    ),
    "rate": (
        lambda library, ids, _: library.ratings.rate(ids, 4),
        "Restored the rating of 3 uploads.",
        "Rated 3 uploads again.",
    ),
    "date": (
        lambda library, ids, _: library.dates.edit(ids[:1], DateEdit.of("1985-06-15")),
        "Restored the date of cat.png.",
        "Changed the date of cat.png again.",
    ),
    "place": (
        lambda library, ids, _: library.set_place(ids[:1], "Rome, Italy"),
        "Restored the place of cat.png.",
        "Changed the place of cat.png again.",
    ),
    "stack": (
        lambda library, _, numbers: library.stacks.make(numbers[:2]),
        "Restored the stacks of 2 uploads.",
        "Changed the stacks of 2 uploads again.",
    ),
    "save": (
        lambda library, ids, _: library.search.saved.save("Cats", "cat"),
        "Removed the saved search Cats.",
        "Restored the saved search Cats.",
    ),
}


@pytest.mark.parametrize("kind", ACTS)
async def test_a_step_is_undone_and_redone_across_restarts(
    open_library: OpenLibrary, draw_picture: DrawPicture, kind: str
) -> None:
    act, undone, redone = ACTS[kind]
    library, ids, numbers = await _library(open_library, draw_picture)
    before = await _state(library)
    await act(library, ids, numbers)
    after = await _state(library)
    assert after != before
    library, _, _ = await _again(library, open_library)
    outcome = await library.undo.undo()
    assert outcome is not None
    assert (outcome.words, outcome.left) == (undone, 0)
    assert await _state(library) == before
    assert await library.undo.undo() is None
    library, _, _ = await _again(library, open_library)
    outcome = await library.undo.redo()
    assert outcome is not None
    assert outcome.words == redone
    assert await _state(library) == after
    assert await library.undo.redo() is None


async def test_an_edited_description_comes_back_and_is_searched_again(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer())
    (added,) = await add_all(library, draw_picture("cat.png"))
    assert added.upload is not None
    cat = added.upload.id
    await library.queue.start()
    await settled(library)
    before = (await library.uploads.find(cat)).description
    await library.descriptions.edit(cat, "Grandma and her bicycle")
    await settled(library)
    outcome = await library.undo.undo()
    assert outcome is not None
    assert outcome.words == "Restored the description of cat.png."
    await settled(library)
    assert (await library.uploads.find(cat)).description == before
    await library.undo.redo()
    await settled(library)
    assert (await library.uploads.find(cat)).description == "Grandma and her bicycle"


async def test_only_what_is_as_the_step_left_it_is_undone(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library, ids, _ = await _library(open_library, draw_picture)
    await library.ratings.rate(ids, 4)
    # As another program would: without a step.
    async with library.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET rating = 1 WHERE id = ?", (ids[0],))
    outcome = await library.undo.undo()
    assert outcome is not None
    assert outcome.words == "Restored the rating of 2 uploads. 1 has changed since and stays as it is."
    assert [(await library.uploads.find(upload_id)).rating for upload_id in ids] == [1, None, None]
    await library.ratings.rate(ids[1:2], 5)
    async with library.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET rating = 2")
    outcome = await library.undo.undo()
    assert outcome is not None
    assert (outcome.words, outcome.count) == ("Nothing was undone: it has changed since.", 0)


async def test_what_is_deleted_for_good_leaves_its_steps(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library, ids, _ = await _library(open_library, draw_picture)
    await library.tags.change(ids[:1], add=["beach"])
    await library.trash.put(ids[1:])
    await library.trash.empty()
    outcome = await library.undo.undo()
    assert outcome is not None
    assert outcome.words == "Removed the tag beach from cat.png."


async def test_a_new_step_ends_what_could_be_redone_and_the_oldest_are_forgotten(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "MOST_STEPS", 3)
    library, ids, _ = await _library(open_library, draw_picture)
    for stars in (1, 2, 3, 4):
        await library.ratings.rate(ids, stars)
    await library.undo.undo()
    await library.uploads.set_hidden(ids[:1], True)
    assert await library.undo.redo() is None
    undone = []
    while (outcome := await library.undo.undo()) is not None:
        undone.append(outcome.kind)
    assert undone == ["hide", "rate", "rate"]


async def test_a_saved_search_that_was_renamed_or_removed_comes_back(open_library: OpenLibrary, tmp_path: Path) -> None:
    library = await open_library()
    saved = library.search.saved
    await saved.save("Cats", "cat")
    await saved.save("Dogs", "dog")
    assert not await saved.rename("Cats", "dogs"), "that name is taken"
    assert await saved.rename("Cats", "Kittens")
    await saved.forget("kittens")
    told = [outcome.words for _ in range(2) if (outcome := await library.undo.undo())]
    assert told == ["Restored the saved search Kittens.", "Renamed the saved search Kittens to Cats."]
    assert [one.name for one in await saved.all()] == ["Cats", "Dogs"]
