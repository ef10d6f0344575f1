"""Joint models on servers: Immich's machine-learning container, spoken to over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.analyzers.joint_model import draw
from tests.conftest import JointModel, OpenLibrary, add_all, settled
from tests.doubles import ThreadCompute
from tests.servers import Drop, FakeImmich, Stall, Status
from vuemantics_tui.analyzers.joint.immich import ServedModel
from vuemantics_tui.analyzers.joint.served import ServedCompute, ServedModels, ServedName, parse_served, served_in
from vuemantics_tui.analyzers.joint.towers import embed_pictures, embed_query, embed_words, see
from vuemantics_tui.config import Settings
from vuemantics_tui.doctor.analyzers import examine_model
from vuemantics_tui.domain.errors import AnalyzerError, MediaError, ServerDownError, UsageError
from vuemantics_tui.domain.findings import Verdict
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.library import Library

# Long enough to be judged by itself: beside a shorter one the program's own words are embedded, too.
LONG_LIST = "a red circle = circle\na blue square = square\n" + "\n".join(f"thing {number}" for number in range(200))
DRAWN = [(colour, shape) for colour in ("red", "green", "blue") for shape in ("circle", "square")]


@pytest.fixture
def served(joint_model: JointModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeImmich:
    """A container that has the small model; this machine does not."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = joint_model()

    def of_picture(image: Image.Image) -> list[float]:
        stream = BytesIO()
        image.save(stream, "PNG")
        # The container does not normalise.
        return list(3.0 * embed_pictures(folder, [stream.getvalue()])[0])

    def of_text(text: str) -> list[float]:
        vector = embed_words(folder, [text])[0]
        # The small model has nothing to say of texts without a colour or a shape; a real one always has.
        return list(vector if vector.any() else np.ones_like(vector))

    return FakeImmich(of_picture=of_picture, of_text=of_text)


async def look(library: Library) -> None:
    """Wait until the model in use has seen everything."""
    library.queue.look_at_pictures()
    model = await library.models.store.in_use()
    assert model is not None
    async for _ in library.queue.pictures_left(model):
        pass


@pytest.fixture
async def filled(open_library: OpenLibrary, tmp_path: Path) -> AsyncIterator[Library]:
    words = tmp_path / "words.txt"
    words.write_text(LONG_LIST)
    library = await open_library(tag_list=str(words))
    for number, drawn in enumerate(DRAWN):
        draw(*drawn, number).save(tmp_path / f"{number}.png")
    await add_all(library, *(tmp_path / f"{number}.png" for number in range(len(DRAWN))))
    await library.queue.start()
    await settled(library)
    yield library


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("immich:http://gpu:3003#ViT-B-32__openai", ServedName("ViT-B-32__openai", "http://gpu:3003")),
        ("immich:gpu, nas:3004 weight=2#x", ServedName("x", "gpu, nas:3004 weight=2")),
        ("immich:ViT-B-32__openai", ServedName("ViT-B-32__openai")),
    ],
)
def test_how_a_model_on_servers_is_written(text: str, name: ServedName) -> None:
    assert parse_served(text) == name


@pytest.mark.parametrize("text", ["immich:", "immich:gpu#", "immich:#x", "immich:gpu:port#x", "immich:two words"])
def test_what_names_no_model_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_served(text)


async def test_a_library_is_searched_by_what_a_server_sees(
    served: FakeImmich, filled: Library, joint_model: JointModel, tmp_path: Path
) -> None:
    async with served:
        model = await filled.models.use(f"immich:{served.url}#ViT-B-32__openai")
        assert (model.name, model.dimension) == ("vit-b-32__openai", 48)
        assert served_in(model.folder) == ServedName("ViT-B-32__openai", served.url)
        served.pictures.clear()
        await look(filled)
        await filled.queue.tag_pictures()
        assert len(served.pictures) == len(DRAWN)
        results = await filled.search.run("a blue square", all=True)
        assert results[0].upload.filename == f"{DRAWN.index(('blue', 'square'))}.png"
        # The same as if the model were here, but for what JPEG loses.
        folder = joint_model()
        cosines = embed_pictures(folder, [tmp_path / hit.upload.filename for hit in results]) @ embed_query(
            folder, "a blue square"
        )
        for hit, cosine in zip(results, cosines, strict=True):
            assert hit.look_cosine == pytest.approx(float(cosine), abs=0.03)
        # One or two words are embedded in captions.
        served.texts.clear()
        await filled.search.run("circle")
        assert "a photo of a circle" in served.texts
        # By a picture that is not in the library.
        draw("green", "circle", 99).save(tmp_path / "new.png")
        results = await filled.search.run(f"like:{tmp_path / 'new.png'}")
        assert results[0].upload.filename == f"{DRAWN.index(('green', 'circle'))}.png"
        (finding,) = await examine_model(filled.settings, filled, filled.compute)
        assert (finding.verdict, finding.subject) == (Verdict.GOOD, "model")
        assert f"Immich at {served.url}: text in " in finding.text
        (state,) = await filled.models.states()
        assert (state.is_in_use, state.seen, state.unseen) == (True, len(DRAWN), 0)
        # It is the same model, wherever it is written.
        assert (await filled.models.use(f"immich:{served.url}#ViT-B-32__openai")).key == model.key
        await filled.models.remove("vit-b-32__openai")
        assert not await filled.models.states()


async def test_words_alone_rank_while_the_server_is_offline(served: FakeImmich, filled: Library) -> None:
    async with served:
        await filled.models.use(f"immich:{served.url}#ViT-B-32__openai")
        await look(filled)
        await filled.queue.tag_pictures()
        await served.stop()
        (finding,) = await examine_model(filled.settings, filled, filled.compute)
        assert (finding.verdict, "machine-learning container" in finding.hint) == (Verdict.BAD, True)
        results = await filled.search.run("a blue square", all=True)
        assert len(results) == len(DRAWN)
        await served.start()
        results = await filled.search.run("a red circle", all=True)
        assert results[0].upload.filename == "0.png"


async def test_an_interrupted_pass_goes_on_when_the_server_is_back(
    served: FakeImmich, filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vuemantics_tui.processing.picture_vectors._REST_SECONDS", 0.1)
    async with served:
        await filled.models.add(f"immich:{served.url}#ViT-B-32__openai", "looks")
        served.fail_next(Drop(), path="/predict")
        key = (await filled.models.use("looks")).key
        while await filled.models.store.left(key):
            await look(filled)
        await filled.queue.tag_pictures()
        (state,) = await filled.models.states()
        assert (state.name, state.seen, state.unseen) == ("looks", len(DRAWN), 0)


async def test_a_clip_is_seen_by_its_frames(served: FakeImmich, draw_clip: Callable[[], Path], tmp_path: Path) -> None:
    clip = draw_clip()
    async with served:
        settings = Settings(immich_host=served.url)
        models = ServedModels(settings)
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / "model.json").write_text('{"served": "ViT-B-32__openai", "hosts": ""}')
        seen = await ServedCompute(ThreadCompute(), models).run(see, folder, clip, FileType.VIDEO, 4)
        assert seen.vectors.shape == (len(seen.seconds), 48)
        assert list(seen.seconds) == sorted(seen.seconds)
        assert np.linalg.norm(seen.vectors, axis=1) == pytest.approx(1, abs=1e-5)

        def embed_query(folder: Path) -> str:
            return f"here, not on a server: {folder.name}"

        # By name alone nothing goes to a server.
        assert await ServedCompute(ThreadCompute(), models).run(embed_query, folder) == "here, not on a server: model"
        (folder / "model.json").write_text('{"served": "ViT-B-32__openai", "hosts": "ftp://gpu"}')
        with pytest.raises(AnalyzerError, match="ftp://gpu"):
            await ServedCompute(ThreadCompute(), models).run(see, folder, clip, FileType.VIDEO, 4)
        await models.close()


@asynccontextmanager
async def using(*servers: FakeImmich, options: str = "", name: str = "ViT-B-32__openai") -> AsyncIterator[ServedModel]:
    hosts = ", ".join(f"{server.url} {options}" for server in servers)
    model = ServedModel(ServedName(name, hosts), Settings(connect_seconds=1))
    try:
        yield model
    finally:
        await model.close()


async def dimension(*servers: FakeImmich, name: str = "ViT-B-32__openai") -> int:
    async with using(*servers, name=name) as used:
        return await used.dimension()


async def test_a_picture_that_no_server_can_read_is_the_pictures_fault() -> None:
    async with FakeImmich() as server, using(server) as used:
        with pytest.raises(MediaError, match="cannot read this picture"):
            await used.picture(b"no picture")
        # And while the server can read none, it is the server's.
        server.fail_next(Status(500, "Internal Server Error"), times=2)
        with pytest.raises(AnalyzerError, match="Internal Server Error"):
            await used.picture(b"no picture")


async def test_what_is_no_container_or_lacks_the_model_is_refused_when_it_is_added() -> None:
    async with FakeImmich() as server:
        with pytest.raises(AnalyzerError, match=r"model wrong.*HTTP 500") as raised:
            await dimension(server, name="wrong")
        assert "a model called wrong" in raised.value.hint
        # What Immich itself answers.
        for answer in (Status(404, {"message": "Cannot GET /ping"}), Status(200, "<!doctype html>")):
            server.fail_next(answer)
            with pytest.raises(AnalyzerError) as raised:
                await dimension(server)
            assert "3003" in raised.value.hint
        assert await dimension(server) == 2
    with pytest.raises(ServerDownError) as gone:
        await dimension(server)
    assert "machine-learning container" in gone.value.hint


async def test_containers_whose_vectors_differ_are_refused() -> None:
    async with FakeImmich() as one, FakeImmich(of_picture=lambda image: [0.0, 1.0]) as other:
        with pytest.raises(AnalyzerError, match="different vectors"):
            await dimension(one, other)
    async with FakeImmich(of_text=lambda text: [1.0, 0.0, 0.0]) as server:
        with pytest.raises(AnalyzerError, match="2 and 3 dimensions"):
            await dimension(server)


async def test_pictures_are_shared_by_speed_and_a_container_that_hangs_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = BytesIO()
    draw("red", "circle").save(stream, "JPEG")
    jpeg = stream.getvalue()
    async with (
        # Slow enough that what a busy machine adds to both does not count.
        FakeImmich(pace=0.1) as fast,
        FakeImmich(pace=0.3) as slow,
        using(slow, fast, options="limit=1") as used,
    ):
        assert (used.at_once, await used.dimension()) == (2, 2)
        before = fast.count("/predict")
        await asyncio.gather(*(used.picture(jpeg) for _ in range(40)))
        assert (fast.count("/predict") - before) / 40 == pytest.approx(0.75, rel=0.15)
        assert [state.answers for state in await used.states()] == [True, True]
        monkeypatch.setattr("vuemantics_tui.analyzers.joint.immich._PICTURE_SECONDS", 1.0)
        fast.fail_next(Stall())
        await asyncio.gather(*(used.picture(jpeg) for _ in range(4)))
        await fast.stop()
        await asyncio.gather(*(used.picture(jpeg) for _ in range(4)))
        assert [state.answers for state in await used.states()] == [True, False]
