"""The built-in analyzer as a whole: what it says of pictures and clips, and whether they are found by it."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vuemantics_tui.analyzers.base import Analyzer, Picture, Vector
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer, describe_clip, describe_picture, look_at_frame
from vuemantics_tui.domain.description import Description, audit_description
from vuemantics_tui.domain.errors import MediaError

Encode = Callable[..., bytes]
PHOTOS = (
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "page.png",
    "hubble_deep_field.jpg",
)


async def vector_of(analyzer: BuiltinAnalyzer, description: Description) -> Vector:
    return await analyzer.embed_document(description.full_text, description.labels)


def test_it_is_an_analyzer(analyzer: BuiltinAnalyzer) -> None:
    whole: Analyzer = analyzer
    assert (whole.name, whole.model) == ("builtin", "efficientnet-lite0")
    assert whole.embedding_model.startswith("all-MiniLM-L6-v2-int8")


def test_naming_the_analyzer_loads_no_heavy_package() -> None:
    program = (
        "import sys, vuemantics_tui.analyzers.builtin.analyzer\n"
        "print({'PIL', 'onnx', 'onnxruntime', 'tokenizers', 'textual', 'cv2', 'rapidocr'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


async def test_a_cat_is_called_a_cat(analyzer: BuiltinAnalyzer, photos: Path) -> None:
    description = await analyzer.describe_image(photos / "chelsea.png")
    assert "cat" in description.text
    assert "animal" in description.text
    assert "cat" in description.tags
    assert description.analyzer == "builtin"
    assert sum(p for name, p in description.labels.items() if "cat" in name or "Mau" in name) > 0.5
    assert description.text[0].isupper()
    assert description.text.endswith(".")


async def test_bytes_and_file_are_described_alike(analyzer: BuiltinAnalyzer, photos: Path) -> None:
    file = photos / "coffee.png"
    assert await analyzer.describe_image(file) == await analyzer.describe_image(file.read_bytes())


async def test_pictures_are_found_by_meaning(analyzer: BuiltinAnalyzer, photos: Path, encode: Encode) -> None:
    pictures = {name: photos / name for name in PHOTOS}
    described = {name: await analyzer.describe_image(picture) for name, picture in pictures.items()}
    described["blue"] = await analyzer.describe_image(encode((20, 60, 220)))
    names = list(described)
    matrix = np.stack([await vector_of(analyzer, description) for description in described.values()])
    wanted = {
        "kitten": "chelsea.png",
        "animal": "chelsea.png",
        "a hot drink": "coffee.png",
        "motorbike": "motorcycle_left.png",
        "space launch vehicle": "rocket.jpg",
        "plain blue image": "blue",
        "stars": "hubble_deep_field.jpg",
        "document": "page.png",
    }
    found = {query: names[int((matrix @ await analyzer.embed_query(query)).argmax())] for query in wanted}
    assert found == wanted


async def test_descriptions_pass_the_audit(analyzer: BuiltinAnalyzer, photos: Path, encode: Encode) -> None:
    pictures: list[Picture] = [
        *(photos / name for name in PHOTOS),
        encode((255, 255, 255)),
        encode(Image.new("RGB", (1, 1))),
    ]
    for picture in pictures:
        text = (await analyzer.describe_image(picture)).text
        assert audit_description(text).passed, text


@pytest.mark.parametrize(
    ("colour", "name"),
    [((20, 60, 220), "blue"), ((220, 20, 30), "red"), ((0, 0, 0), "black"), ((255,) * 3, "white")],
)
async def test_a_flat_picture_is_called_plain(
    analyzer: BuiltinAnalyzer, encode: Encode, colour: tuple[int, int, int], name: str
) -> None:
    description = await analyzer.describe_image(encode(colour, "JPEG"))
    assert f"plain solid {name}" in description.text
    assert description.tags == ("plain", name)
    assert description.labels == {}


async def test_noise_is_not_called_plain(analyzer: BuiltinAnalyzer, noise: Image.Image, encode: Encode) -> None:
    assert "plain" not in (await analyzer.describe_image(encode(noise))).text


async def test_a_broken_picture_is_a_media_error(analyzer: BuiltinAnalyzer) -> None:
    with pytest.raises(MediaError):
        await analyzer.describe_image(b"\xff\xd8\xff\xe0 nothing")


async def test_a_clip_is_told_from_all_its_frames(analyzer: BuiltinAnalyzer, photos: Path) -> None:
    calls: list[tuple[int, int]] = []
    frames = [photos / "chelsea.png", photos / "coffee.png"]
    clip = await analyzer.describe_video(frames, lambda number, total: calls.append((number, total)))
    assert calls == [(1, 2), (2, 2)]
    assert clip.text.startswith("A video clip")
    assert "cat" in clip.text
    assert "espresso" in clip.text
    alone = await analyzer.describe_image(photos / "coffee.png")
    assert clip.labels["espresso"] == pytest.approx(alone.labels["espresso"] / 2, abs=0.02)
    assert audit_description(clip.text).passed


async def test_on_frame_is_told_before_the_frame_is_looked_at(analyzer: BuiltinAnalyzer, encode: Encode) -> None:
    calls: list[int] = []
    with pytest.raises(MediaError):
        await analyzer.describe_video(
            [encode((1, 2, 3)), b"broken", encode((1, 2, 3))], lambda number, _: calls.append(number)
        )
    assert calls == [1, 2]


async def test_a_clip_of_one_colour_is_plain(analyzer: BuiltinAnalyzer, encode: Encode) -> None:
    clip = await analyzer.describe_video([encode((20, 60, 220))] * 3, lambda *_: None)
    assert "plain solid blue video clip" in clip.text
    other = await analyzer.describe_video([encode((20, 60, 220)), encode((220, 20, 30))], lambda *_: None)
    assert "plain" not in other.text


async def test_a_clip_without_frames_is_a_media_error(analyzer: BuiltinAnalyzer) -> None:
    with pytest.raises(MediaError, match="no frame"):
        await analyzer.describe_video([], lambda *_: None)


async def test_a_drawn_sunset_is_seen(analyzer: BuiltinAnalyzer, encode: Encode) -> None:
    image = Image.new("RGB", (400, 300))
    draw = ImageDraw.Draw(image)
    for row in range(300):
        share = row / 220
        draw.line([(0, row), (400, row)], (int(150 + 100 * min(share, 1)), int(60 + 110 * min(share, 1)), 60))
    draw.rectangle((0, 220, 400, 300), (25, 20, 30))
    description = await analyzer.describe_image(encode(image))
    assert "sunset" in description.tags
    assert "sunset" in description.text


async def test_labels_draw_the_vector_towards_them(analyzer: BuiltinAnalyzer) -> None:
    text = "A photo in brown and grey, evenly lit."
    bare = await analyzer.embed_document(text, {})
    drawn = await analyzer.embed_document(text, {"sports car": 0.9})
    unknown = await analyzer.embed_document(text, {"a label of another analyzer": 0.9})
    query = await analyzer.embed_query("sports car")
    assert drawn @ query > bare @ query + 0.1
    np.testing.assert_array_equal(bare, unknown)
    assert np.linalg.norm(drawn) == pytest.approx(1, abs=1e-5)


async def test_a_vector_is_the_same_whatever_was_embedded_before_it(analyzer: BuiltinAnalyzer) -> None:
    labels = {"tabby cat": 0.6, "sports car": 0.2}
    first = await analyzer.embed_document("A photo of a tabby cat.", labels)
    await analyzer.embed_document("A long text about other things that stand beside it.", {"goldfish": 0.9})
    np.testing.assert_array_equal(await analyzer.embed_document("A photo of a tabby cat.", labels), first)


async def test_what_runs_elsewhere_pickles(photos: Path, cache_dir: Path) -> None:
    sight = await asyncio.to_thread(look_at_frame, photos / "coffee.png", cache_dir)
    again = pickle.loads(pickle.dumps((describe_clip, [sight])))
    description, faults = again[0](again[1])
    assert description.text.startswith("A video clip of espresso")
    assert faults == ()
    assert pickle.loads(pickle.dumps(describe_picture)) is describe_picture
