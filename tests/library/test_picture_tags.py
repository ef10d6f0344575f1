"""Tags that a joint model sees in pictures: real networks, real files, a real database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.analyzers.joint_model import COLOURS, SHAPES, draw
from tests.conftest import JointModel, OpenLibrary, add_all, settled
from tests.doubles import GOOD_TEXT, ScriptedAnalyzer
from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Analyzer
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer
from vuemantics_tui.doctor.analyzers import examine_model
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.library import Library
from vuemantics_tui.processing.compute import ProcessCompute

DRAWN = [(colour, shape) for colour in ("red", "blue", "yellow") for shape in SHAPES]
Filled = Callable[..., Awaitable[Library]]


@pytest.fixture
def filled(open_library: OpenLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Filled:
    """Open a library of drawn shapes, with a list of colours and shapes to look for."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    words = tmp_path / "words.txt"
    words.write_text(f"# for tests\n[colours]\n{', '.join(COLOURS)}\n[shapes]\n{', '.join(f'a {s}' for s in SHAPES)}\n")

    async def fill(analyzer: Analyzer | None = None, **settings: object) -> Library:
        library = await open_library(analyzer, **{"tag_list": str(words), **settings})
        for colour, shape in DRAWN:
            draw(colour, shape, DRAWN.index((colour, shape))).save(tmp_path / f"{colour}-{shape}.png")
        await add_all(library, *(tmp_path / f"{colour}-{shape}.png" for colour, shape in DRAWN))
        await library.queue.start()
        await settled(library)
        return library

    return fill


async def use(library: Library, folder: Path, name: str) -> None:
    """Add a model, put it to use, and wait until it has seen everything and its tags are there."""
    await library.models.add(folder, name)
    await seen_by(library, name)


async def seen_by(library: Library, name: str) -> None:
    model = await library.models.use(name)
    library.queue.look_at_pictures()
    async for _ in library.queue.pictures_left(model.key):
        pass
    await library.queue.tag_pictures()


async def uploads(library: Library) -> dict[str, Upload]:
    return {Path(upload.filename).stem: upload for upload in await library.uploads.newest()}


async def found(library: Library, query: str) -> set[str]:
    return {Path(hit.upload.filename).stem for hit in await library.search.run(query)}


async def test_what_a_model_sees_replaces_the_guesses_and_goes_with_it(filled: Filled, joint_model: JointModel) -> None:
    compute = ProcessCompute(1)
    library = await filled(BuiltinAnalyzer(compute, paths.cache_dir()), compute=compute)
    guessed = await uploads(library)
    square = guessed["red-square"]
    await library.tags.add([square.id], ["mine"])
    await use(library, joint_model(), "small")
    tagged = await uploads(library)
    shapes = {name: set(upload.tags) & set(SHAPES) for name, upload in tagged.items()}
    right = {f"{colour}-{shape}": {shape} for colour, shape in DRAWN}
    # Nothing is wrong; of two pictures this small model is not sure enough.
    assert shapes == right | {"blue-circle": set(), "blue-cross": set()}
    assert {"red", "square"} <= set(tagged["red-square"].tags)
    assert not set(tagged["red-square"].tags) & (set(COLOURS) - {"red"}), "the ground is grey"
    description = str(tagged["red-square"].description)
    assert description.startswith("A photo of ")
    assert "a square" in description
    assert "The main colours are" in description or ", in " in description
    assert tagged["red-square"].own_tags == ("mine",)
    assert await found(library, "tag:square") == {"red-square", "blue-square", "yellow-square"}
    assert tagged["red-square"].revision > square.revision, "screens and caches notice"
    await library.models.use_none()
    assert {name: (upload.tags, upload.description) for name, upload in (await uploads(library)).items()} == {
        name: (upload.tags, upload.description) for name, upload in guessed.items()
    }
    assert (await uploads(library))["red-square"].own_tags == ("mine",)
    assert "red-circle" not in await found(library, "tag:circle") or "circle" in guessed["red-circle"].tags
    await seen_by(library, "small")
    assert (await uploads(library))["blue-square"].tags == tagged["blue-square"].tags, "what it saw was kept"


async def test_what_a_server_said_stays_and_is_not_asked_again(filled: Filled, joint_model: JointModel) -> None:
    analyzer = ScriptedAnalyzer(tags=("sofa",))
    library = await filled(analyzer, tag_words="a red square = fire")
    written = (await uploads(library))["blue-circle"]
    await library.descriptions.edit(written.id, "What I say.", ["my tag"])
    await settled(library)
    await use(library, joint_model("rclip"), "first")
    tagged = await uploads(library)
    assert tagged["blue-square"].description == GOOD_TEXT
    assert set(tagged["blue-square"].tags) == {"sofa", "blue", "square"}
    assert "fire" in tagged["red-square"].tags, "a word that the setting adds"
    assert (tagged["blue-circle"].description, tagged["blue-circle"].tags) == ("What I say.", ("my tag",))
    assert len(analyzer.described) == len(DRAWN)
    # Another one is used, and taken away again.
    await use(library, joint_model("immich"), "second")
    await library.models.remove("second")
    assert set((await uploads(library))["blue-square"].tags) == {"sofa"}
    await library.queue.tag_pictures()
    assert set((await uploads(library))["blue-square"].tags) == {"sofa", "blue", "square"}, "of the model before"
    # Described again, it gets them again.
    square = tagged["blue-square"]
    analyzer.tags = ("bed",)
    await library.queue.retry([square.id])
    await settled(library)
    await library.queue.tag_pictures()
    assert set((await uploads(library))["blue-square"].tags) == {"bed", "blue", "square"}


async def test_a_list_that_cannot_be_read_says_so_and_changes_nothing(
    filled: Filled, joint_model: JointModel, tmp_path: Path
) -> None:
    library = await filled(ScriptedAnalyzer(tags=("sofa",)), tag_list=str(tmp_path / "nowhere.txt"))
    await library.models.add(joint_model(), "small")
    with pytest.raises(UsageError, match=r"nowhere\.txt cannot be read"):
        await seen_by(library, "small")
    assert (await uploads(library))["red-square"].tags == ("sofa",)
    findings = await examine_model(library.settings, library, library.compute)
    assert [(finding.subject, finding.is_problem) for finding in findings] == [("model", False), ("tags", True)]
    assert "nowhere.txt cannot be read" in findings[1].text
    assert "tag_list" in findings[1].hint
