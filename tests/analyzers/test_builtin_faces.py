"""Faces are found, other things are not taken for faces. Needs the extra `vision`, as `dev` has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.analyzers.builtin import vision
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer
from vuemantics_tui.analyzers.builtin.eyes import FaceFinder
from vuemantics_tui.analyzers.builtin.pictures import load_detailed_pixels

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def finder() -> FaceFinder:
    loaded = vision.face_finder()
    assert isinstance(loaded, FaceFinder), f"the extra `vision` is needed here: {loaded.reason}"
    return loaded


def row_of_faces(photos: Path, count: int) -> Image.Image:
    """The first faces of scikit-image's selection from "Labeled Faces in the Wild", side by side on grey."""
    portraits = np.load(photos / "lfw_subset.npy")[:count]
    row = Image.new("RGB", (200 * count + 100, 400), (128, 128, 128))
    for number, portrait in enumerate(portraits):
        face = Image.fromarray((portrait * 255).astype(np.uint8)).resize((150, 150), Image.Resampling.BICUBIC)
        row.paste(face.convert("RGB"), (75 + 200 * number, 125))
    return row


def test_one_face_and_its_height(finder: FaceFinder, photos: Path) -> None:
    (height,) = finder.find(load_detailed_pixels(photos / "astronaut.png"))
    assert height == pytest.approx(97 / 512, abs=0.03)


def test_faces_are_counted(finder: FaceFinder, photos: Path) -> None:
    assert len(finder.find(np.asarray(row_of_faces(photos, 3)))) == 3


@pytest.mark.parametrize(
    "name", ["chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "camera.png", "coins.png", "grass.png"]
)
def test_what_is_no_face_is_not_found(finder: FaceFinder, photos: Path, name: str) -> None:
    assert finder.find(load_detailed_pixels(photos / name)) == ()


@pytest.mark.parametrize("shape", [(1, 1), (5, 4000), (25, 25), (30, 3000)])
def test_odd_shapes_have_no_face_and_no_error(finder: FaceFinder, shape: tuple[int, int]) -> None:
    assert finder.find(np.full((*shape, 3), 200, np.uint8)) == ()


@pytest.mark.usefixtures("finder")
async def test_a_portrait_is_one_of_a_person_and_of_no_object(analyzer: BuiltinAnalyzer, photos: Path) -> None:
    description = await analyzer.describe_image(photos / "astronaut.png")
    assert description.text.startswith("A photo of a person")
    assert {"people", "person", "face", "portrait"} <= set(description.tags)
    assert sum(description.labels.values()) <= 0.5, "labels beside a face count half"
    assert not {name.lower() for name in description.labels} & set(description.tags)


@pytest.mark.usefixtures("finder")
async def test_people_are_found_by_words_for_them(analyzer: BuiltinAnalyzer, photos: Path, encode: Encode) -> None:
    names = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "page.png"]
    described = [await analyzer.describe_image(photos / name) for name in names]
    described.append(await analyzer.describe_image(encode(row_of_faces(photos, 3))))
    vectors = [await analyzer.embed_document(each.full_text, each.labels) for each in described]
    for query in ("people", "a human being", "somebody smiling at the camera", "a group of friends"):
        scores = np.stack(vectors) @ await analyzer.embed_query(query)
        assert set(np.argsort(-scores)[:2].tolist()) == {0, 6}, query


@pytest.mark.usefixtures("finder")
async def test_of_a_clip_the_frame_with_most_faces_counts(
    analyzer: BuiltinAnalyzer, photos: Path, encode: Encode
) -> None:
    frames: list[Picture] = [photos / "astronaut.png", encode(row_of_faces(photos, 2)), photos / "coffee.png"]
    clip = await analyzer.describe_video(frames, lambda *_: None)
    assert clip.text.startswith("A video clip of two people")
    assert "espresso" in clip.text
