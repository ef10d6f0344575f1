"""A library that is searched by what its pictures show: real networks, real files, a real database."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import cast

import av
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.analyzers.joint_model import draw
from tests.analyzers.stranger_model import DIMENSION, StrangerModel
from tests.conftest import JointModel, OpenLibrary, add_all, settled
from tests.doubles import Result, ScriptedAnalyzer, ThreadCompute
from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.analyzers.joint.layout import model_folder, read_layout
from vuemantics_tui.analyzers.joint.towers import TEMPLATES, embed_pictures, embed_query, embed_words, see
from vuemantics_tui.doctor.analyzers import examine_model
from vuemantics_tui.domain.errors import AnalyzerError, UsageError
from vuemantics_tui.domain.media import SmallPicture
from vuemantics_tui.library import Library
from vuemantics_tui.library.models import QueryEmbedder
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.store.embeddings import EmbeddingStore, Vectors
from vuemantics_tui.store.pictures import FrameVector

DRAWN = [(colour, shape) for colour in ("red", "green", "blue", "yellow") for shape in ("circle", "square", "triangle")]
Filled = Callable[[], Awaitable[Library]]


class WatchedCompute(ThreadCompute):
    """Keeps what the joint model is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Picture] = []

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Await `function(*arguments)` in a thread."""
        if function is see:
            self.shown.append(cast(Picture, arguments[1]))
        return await super().run(function, *arguments)


def name_of(colour: str, shape: str) -> str:
    return f"{DRAWN.index((colour, shape)):02}.png"


@pytest.fixture
def filled(open_library: OpenLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Filled:
    """Open a library of drawn shapes, whose descriptions say nothing of them; its models are in the test's folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    async def fill() -> Library:
        # The model knows none of these words, so that no tags say what it sees.
        (tmp_path / "words.txt").write_text("a dog, a cat")
        library = await open_library(tag_list=str(tmp_path / "words.txt"))
        for colour, shape in DRAWN:
            draw(colour, shape, DRAWN.index((colour, shape))).save(tmp_path / name_of(colour, shape))
        await add_all(library, *(tmp_path / name_of(*drawn) for drawn in DRAWN))
        await library.queue.start()
        await settled(library)
        return library

    return fill


async def use(library: Library, folder: Path, name: str) -> None:
    """Add a model, put it to use, and wait until it has seen everything."""
    await library.models.add(folder, name)
    model = await library.models.use(name)
    library.queue.look_at_pictures()
    async for _ in library.queue.pictures_left(model.key):
        pass
    # The words for tags are embedded by a process that would be taken for another one.
    await library.queue.tag_pictures()


async def found(library: Library, query: str) -> list[str]:
    """The names of what a search finds, best first."""
    return [hit.upload.filename for hit in await library.search.run(query)]


async def test_what_a_picture_shows_is_found_and_ranked_as_the_models_own_arithmetic_says(
    filled: Filled, joint_model: JointModel, tmp_path: Path
) -> None:
    library = await filled()
    folder = joint_model()
    await use(library, folder, "small")
    (state,) = await library.models.states()
    assert (state.is_in_use, state.seen, state.unseen) == (True, len(DRAWN), 0)
    results = await library.search.run("a yellow triangle")
    assert results[0].upload.filename == name_of("yellow", "triangle")
    assert results[0].looks_share > 0.5
    files = [tmp_path / name_of(*drawn) for drawn in DRAWN]
    cosines = embed_pictures(folder, files) @ embed_query(folder, "a yellow triangle")
    wanted = {file.name: float(cosine) for file, cosine in zip(files, cosines, strict=True)}
    for hit in await library.search.run("a yellow triangle", all=True):
        assert hit.look_cosine == pytest.approx(wanted[hit.upload.filename], abs=1e-3)


async def test_looks_alone_rank_while_the_server_for_texts_is_offline(
    filled: Filled, joint_model: JointModel, open_library: OpenLibrary
) -> None:
    library = await filled()
    await use(library, joint_model(), "small")
    offline = await open_library(ScriptedAnalyzer(down=True))
    results = await offline.search.run("a yellow triangle", all=True)
    assert results[0].upload.filename == name_of("yellow", "triangle")
    assert results.note
    assert all(hit.looks_share == 1 and hit.look_cosine is not None for hit in results)


async def test_pictures_are_compared_and_added_up_by_their_looks(filled: Filled, joint_model: JointModel) -> None:
    library = await filled()
    await use(library, joint_model(), "small")
    by_name = {upload.filename: upload for upload in await library.uploads.newest()}
    red = by_name[name_of("red", "circle")]
    assert (await found(library, f"like:{red.id} - red + blue"))[0] == name_of("blue", "circle")
    similar = await found(library, f"like:{red.id}")
    assert name_of("red", "circle") not in similar
    assert set(similar[:2]) & {name_of("red", "square"), name_of("red", "triangle")}


async def test_a_clip_is_found_by_its_best_moment(filled: Filled, joint_model: JointModel, tmp_path: Path) -> None:
    library = await filled()
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("mpeg4", rate=4)
        stream.width, stream.height, stream.gop_size = 160, 120, 1
        stream.bit_rate = 2_000_000
        for number in range(40):
            shown = draw("white", "cross") if number < 30 else draw("purple", "circle")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(shown), format="rgb24")))
        container.mux(stream.encode())
    await add_all(library, clip)
    await settled(library)
    await use(library, joint_model(), "small")
    first = (await library.search.run("purple circle"))[0]
    assert first.upload.filename == "clip.mp4"
    assert first.second is not None
    assert 7.5 <= first.second <= 10
    early = (await library.search.run("white cross"))[0]
    assert early.upload.filename == "clip.mp4"
    assert early.second is not None
    assert early.second < 7.5


async def test_the_old_model_is_searched_until_the_new_one_has_seen_everything(
    filled: Filled, joint_model: JointModel
) -> None:
    library = await filled()
    await use(library, joint_model("immich"), "first")
    second = await library.models.add(joint_model("rclip"), "second")
    await library.queue.stop()
    await library.models.use("second")
    store = library.models.store
    assert str(await store.searched()).startswith("first@")
    assert (await found(library, "green square"))[0] == name_of("green", "square")
    await library.queue.start()
    library.queue.look_at_pictures()
    async for _ in library.queue.pictures_left(second.key):
        pass
    assert await store.searched() == second.key
    assert (await found(library, "green square"))[0] == name_of("green", "square")
    await library.models.use("first")
    assert str(await store.searched()).startswith("first@"), "what it saw was kept"
    await store.use_none()
    assert await store.searched() is None
    assert all(hit.looks_share == 0 for hit in await library.search.run("green square", all=True))


async def test_a_model_that_is_gone_from_this_machine_leaves_the_search_as_it_is_without_one(
    filled: Filled, joint_model: JointModel
) -> None:
    library = await filled()
    await use(library, joint_model(), "small")
    assert await library.models.remove("small") > 0
    assert await library.models.states() == []
    assert len(await library.search.run("a picture", all=True)) == len(DRAWN)
    with pytest.raises(UsageError, match="small"):
        await library.models.use("small")


async def test_an_upload_from_the_trash_is_found_again(filled: Filled, joint_model: JointModel) -> None:
    library = await filled()
    await use(library, joint_model(), "small")
    wanted = name_of("blue", "square")
    (upload,) = [each for each in await library.uploads.newest() if each.filename == wanted]
    assert (await found(library, "blue square"))[0] == wanted
    await library.trash.put([upload.id])
    assert wanted not in await found(library, "blue square")
    await library.trash.restore([upload.id])
    assert (await found(library, "blue square"))[0] == wanted


async def test_a_file_that_cannot_be_seen_is_left_out_and_not_tried_again(
    filled: Filled, joint_model: JointModel
) -> None:
    library = await filled()
    (upload,) = [each for each in await library.uploads.newest() if each.filename == name_of("red", "square")]
    library.original(upload).write_bytes(b"no picture")
    await use(library, joint_model(), "small")
    (state,) = await library.models.states()
    assert (state.seen, state.unseen) == (len(DRAWN) - 1, 0)


async def test_pictures_are_seen_while_they_are_imported_without_reading_their_files_again(
    open_library: OpenLibrary, joint_model: JointModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    compute = WatchedCompute()
    library = await open_library(compute=compute)
    await library.models.add(joint_model(), "small")
    model = await library.models.use("small")
    for colour, shape in DRAWN:
        draw(colour, shape, DRAWN.index((colour, shape))).save(tmp_path / name_of(colour, shape))
    await add_all(library, *(tmp_path / name_of(*drawn) for drawn in DRAWN))
    await library.queue.start()
    await settled(library)
    assert [type(shown) for shown in compute.shown] == [SmallPicture] * len(DRAWN)
    assert await library.queue.pictures_left(model.key).__anext__() == 0
    by_files = embed_pictures(model.folder, [tmp_path / name_of(*drawn) for drawn in DRAWN])
    by_pixels = embed_pictures(model.folder, compute.shown)
    assert sorted(np.round(by_pixels, 5).tolist()) == sorted(np.round(by_files, 5).tolist())
    upload_ids = [upload.id for upload in await library.uploads.newest()]
    await library.queue.retry(upload_ids)
    await settled(library)
    assert len(compute.shown) == len(DRAWN), "describing again needs no new vectors of pictures"


async def test_what_is_no_model_is_refused_and_leaves_nothing(filled: Filled, tmp_path: Path) -> None:
    library = await filled()
    with pytest.raises(AnalyzerError, match="no joint model"):
        await library.models.add(tmp_path, "nothing")
    with pytest.raises(UsageError, match="not a folder"):
        await library.models.add(tmp_path / "nowhere")
    assert await library.models.installed() == []
    assert not list((tmp_path / "data").rglob("*.onnx"))


def test_the_model_is_not_trivial(joint_model: JointModel, tmp_path: Path) -> None:
    """It tells pictures apart that have the same colours in the same amounts."""
    draw("red", "circle", 1).save(tmp_path / "a.png")
    draw("red", "triangle", 1).save(tmp_path / "b.png")
    seen = embed_pictures(joint_model(), [tmp_path / "a.png", tmp_path / "b.png"])
    assert float(seen[0] @ seen[1]) < 0.9
    assert np.isfinite(seen).all()


def helpers() -> set[int]:
    """The processes that this one started, by their IDs."""
    return {each.pid for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE}


async def test_a_query_is_embedded_in_a_process_that_outlives_what_is_given_up_and_ends_when_idle(
    joint_model: JointModel,
) -> None:
    before = helpers()
    queries = QueryEmbedder(partial(ProcessCompute, 1), idle_seconds=0.3)
    folder = joint_model()
    await queries.load(folder)
    (process,) = helpers() - before
    for begun in ("y", "ye", "yel"):
        # As somebody who types does: each key gives up the query before.
        given_up = asyncio.create_task(queries.embed(folder, begun))
        await asyncio.sleep(0)
        given_up.cancel()
    vector = await queries.embed(folder, "yellow circle")
    assert float(vector @ embed_query(folder, "yellow circle")) == pytest.approx(1, abs=1e-5)
    assert helpers() - before == {process}
    quick = await queries.embed(folder, "red circle", 0.0)
    assert float(quick @ embed_words(folder, [TEMPLATES[0].format("red circle")])[0]) == pytest.approx(1, abs=1e-5)
    assert await queries.embed(folder, "yellow circle", 0.0) is vector, "what is known in full is not made again"
    while helpers() != before:
        await asyncio.sleep(0.01)
    assert (await queries.embed(folder, "blue circle")).shape == vector.shape, "it starts again"
    await queries.close()
    assert helpers() == before


async def test_a_process_that_dies_is_replaced_and_one_that_cannot_live_is_told(
    filled: Filled, joint_model: JointModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = await filled()
    await use(library, joint_model(), "small")
    before = helpers()
    await library.search.prepare()
    (process,) = helpers() - before
    psutil.Process(process).kill()
    while process in helpers():
        await asyncio.sleep(0.01)
    results = await library.search.run("a yellow triangle")
    assert (results[0].upload.filename, results.note) == (name_of("yellow", "triangle"), "")
    for helper in helpers() - before:
        psutil.Process(helper).kill()
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    results = await library.search.run("a picture of a yellow triangle", all=True)
    assert len(results) == len(DRAWN), "words and meaning still find"
    assert "Not compared with the pictures themselves: The model small cannot be used" in results.note
    assert "exit code 1" in results.note


async def test_a_model_that_nobody_here_made_ranks_as_its_own_arithmetic_says(
    open_library: OpenLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    model = StrangerModel()
    model.write(tmp_path / "cache" / "clip" / "Sea-B-8__stones")
    random = np.random.default_rng(4)
    pictures = [tmp_path / f"{number}.{'png' if number % 2 else 'jpg'}" for number in range(10)]
    sideways = Image.Exif()
    sideways[0x0112] = 6
    sizes = [(640, 481), (97, 300), (1000, 700), (64, 64)] * 2 + [(640, 481), (97, 300)]
    # Of the fifth and the ninth a decoder could make something smaller.
    sizes[4] = sizes[8] = (2800, 2100)
    for picture, size in zip(pictures, sizes, strict=True):
        # Fine and coarse at once: what is scaled in two steps comes out otherwise.
        coarse = Image.fromarray(random.integers(0, 256, (9, 9, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        fine = Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), np.uint8))
        Image.blend(coarse, fine, 0.5).save(picture, exif=sideways if picture.suffix == ".jpg" else b"")
    library = await open_library()
    await add_all(library, *pictures[:6])
    await library.queue.start()
    await settled(library)
    added = await library.models.add(tmp_path / "cache")
    assert (added.name, added.dimension) == ("sea-b-8__stones", DIMENSION)
    await library.models.use(added.name)
    library.queue.look_at_pictures()
    async for _ in library.queue.pictures_left(added.key):
        pass
    # These it sees while they are imported.
    await add_all(library, *pictures[6:])
    await settled(library)
    vectors = EmbeddingStore(library.database, Vectors.PICTURES)
    for upload in await library.uploads.newest():
        stored = await vectors.one(added.key, upload.number)
        assert stored is not None
        alike = np.frombuffer(stored.data, "<f4") @ model.picture(tmp_path / upload.filename)
        assert alike > 1 - 2e-6, "not a pixel is scaled in another way"
    query = "A photo of grey stones, at night"
    wanted = {each.name: float(model.picture(each) @ model.text(query)) for each in pictures}
    hits = [hit for hit in await library.search.run(query, all=True) if hit.look_cosine is not None]
    assert len(hits) == len(pictures)
    for hit in hits:
        assert hit.look_cosine == pytest.approx(wanted[hit.upload.filename], abs=1e-3)
    by_look = sorted(hits, key=lambda hit: -(hit.look_cosine or 0))
    assert [hit.upload.filename for hit in by_look] == sorted(wanted, key=lambda name: -wanted[name])


async def test_the_vectors_of_a_model_with_other_weights_are_told_from_its_own(tmp_path: Path) -> None:
    StrangerModel().write(tmp_path)
    before = read_layout(tmp_path).fingerprint
    weights = tmp_path / "visual" / "weights.bin"
    weights.write_bytes(weights.read_bytes()[::-1])
    assert read_layout(tmp_path).fingerprint != before
    with pytest.raises(AnalyzerError, match="2 joint models"):
        for name in ("one", "two"):
            StrangerModel().write(tmp_path / "both" / name)
        model_folder(tmp_path / "both")


async def test_a_provider_that_is_not_there_is_told_and_the_pictures_are_seen(
    open_library: OpenLibrary, joint_model: JointModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    library = await open_library(compute=ProcessCompute(1, provider="directml"), provider="directml")
    draw("red", "square").save(tmp_path / "red.png")
    await add_all(library, tmp_path / "red.png")
    await library.queue.start()
    await settled(library)
    (nothing,) = await examine_model(library.settings, library, library.compute)
    assert nothing.text.startswith("no joint model is in use")
    await use(library, joint_model(), "small")
    assert library.queue.provider_fault.startswith("DirectML is not available to onnxruntime.")
    (finding,) = await examine_model(library.settings, library, library.compute)
    assert finding.text.startswith("small: 1 of 1 pictures seen; on CPU, ")
    assert library.queue.provider_fault in finding.text
    assert float(str(finding.data["pictures_per_second"])) > 0


async def test_the_pass_goes_on_after_a_worker_was_killed_and_counts_the_whole_library(
    filled: Filled, joint_model: JointModel
) -> None:
    before = helpers()
    library = await filled()
    model = await library.models.add(joint_model(), "small")
    store = library.models.store
    # Half of the library was seen by a run before, which ended in the middle; the newest first.
    await library.queue.stop()
    await library.models.use("small")
    half = len(DRAWN) // 2
    newest = await store.next(model.key, half)
    assert [each.number for each in newest] == sorted((each.number for each in newest), reverse=True)
    for each in newest:
        seen = embed_pictures(model.folder, [library.root / each.file_path])[0]
        await store.save(each.number, model.key, len(seen), [FrameVector(seen.astype("<f4").tobytes())])
    assert await store.progress(model.key) == (half, len(DRAWN))
    by_name = {upload.number: upload.filename for upload in await library.uploads.newest()}
    known = by_name[newest[0].number]
    colour, shape = DRAWN[int(known.partition(".")[0])]
    results = await library.search.run(f"a {colour} {shape}", all=True)
    assert results[0].upload.filename == known, "half of the vectors rank"
    assert len(results) == len(DRAWN), "and what was not seen is found by its meaning"
    for process in helpers() - before:
        psutil.Process(process).kill()
    await library.queue.start()
    library.queue.look_at_pictures()
    counted = []
    async for _ in library.queue.pictures_left(model.key):
        if library.queue.pictures is not None:
            counted.append((library.queue.pictures.done, library.queue.pictures.of))
        for process in list(helpers() - before)[: 1 if len(counted) == 1 else 0]:
            psutil.Process(process).kill()
    assert counted[0][0] > half
    assert {of for _, of in counted} == {len(DRAWN)}
    (state,) = await library.models.states()
    assert state.unseen == 0
