"""Joint models: their layouts, preprocessing equal to others', and whether they find what is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.analyzers.joint_model import COLOURS, DIMENSION, LAYOUTS, SHAPES, draw
from tests.conftest import JointModel
from vuemantics_tui.analyzers.joint.layout import BPE_NAME, Preprocessing, Resize, TextRules, read_layout
from vuemantics_tui.analyzers.joint.tokens import TextTokens, canonical
from vuemantics_tui.analyzers.joint.towers import (
    embed_pictures,
    embed_query,
    embed_words,
    prepare,
    query_texts,
    try_model,
)
from vuemantics_tui.domain.errors import AnalyzerError, MediaError

CLIP = Path(__file__).parent / "clip"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_model_in_every_layout_finds_what_is_drawn(layout: str, tmp_path: Path, joint_model: JointModel) -> None:
    folder = joint_model(layout)
    shape = try_model(folder)
    assert (shape.dimension, shape.size) == (DIMENSION, 64)
    drawn = [(colour, kind) for colour in COLOURS for kind in SHAPES]
    files = []
    for number, (colour, kind) in enumerate(drawn):
        files.append(tmp_path / f"{number}.png")
        draw(colour, kind, number).save(files[-1])
    seen = embed_pictures(folder, files)
    np.testing.assert_allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-5)
    found = [drawn[int((seen @ embed_query(folder, f"a {colour} {kind}")).argmax())] for colour, kind in drawn]
    assert sum(one == wanted for one, wanted in zip(found, drawn, strict=True)) >= 30


def test_pictures_that_are_squashed_keep_their_edges(joint_model: JointModel) -> None:
    folder = joint_model("immich", squash=True)
    assert read_layout(folder).preprocessing.resize is Resize.SQUASH
    assert read_layout(joint_model("transformers", squash=True)).rules.canonical
    wide = Image.new("RGB", (300, 100), (0, 0, 0))
    wide.paste((255, 255, 255), (0, 0, 60, 100))
    how = Preprocessing(64, (0.0,) * 3, (1.0,) * 3, "bilinear", Resize.SQUASH)
    assert prepare(wide, how)[0, :, 2].mean() > 0.9
    assert prepare(wide, Preprocessing(64, (0.0,) * 3, (1.0,) * 3))[0].max() < 0.1


def test_preprocessing_equals_that_of_another_implementation() -> None:
    expected = np.load(CLIP / "expected_preprocessed_image.npy")
    prepared = prepare(Image.open(CLIP / "franz-kafka.jpg"), Preprocessing(224))
    np.testing.assert_allclose(prepared[None], expected, atol=1e-5)


def test_tokens_in_many_scripts_equal_those_of_another_implementation() -> None:
    tokens = TextTokens(TextRules(CLIP / BPE_NAME))
    wanted = json.loads((CLIP / "tokens.json").read_text("utf-8"))
    assert len(wanted) > 200
    rows, mask = tokens.rows([text for text, _ in wanted])
    for row, used, (text, expected) in zip(rows.tolist(), mask.sum(axis=1).tolist(), wanted, strict=True):
        assert row[:used] == expected, text
        assert not any(row[used:]), text


def test_siglip_reads_no_punctuation() -> None:
    assert canonical("  A Dog's  day-out, at_the BEACH! ") == "a dogs dayout at the beach"


def test_short_queries_are_averaged_over_captions(joint_model: JointModel) -> None:
    assert query_texts("a dog on a beach") == ["a dog on a beach"]
    folder = joint_model("immich")
    mean = embed_words(folder, query_texts("red circle")).mean(axis=0)
    np.testing.assert_allclose(embed_query(folder, "red circle"), mean / np.linalg.norm(mean), atol=1e-5)


def test_a_folder_without_a_model_is_refused_with_what_was_looked_for_and_found(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(AnalyzerError) as caught:
        read_layout(tmp_path)
    assert "notes.txt" in caught.value.message
    assert "visual/model.onnx" in caught.value.hint
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(AnalyzerError, match="nothing"):
        read_layout(empty)


def test_settings_that_no_model_has_are_refused(tmp_path: Path, joint_model: JointModel) -> None:
    folder = joint_model("immich", copy_to=tmp_path)
    config = json.loads((folder / "visual" / "preprocess_cfg.json").read_text())
    (folder / "visual" / "preprocess_cfg.json").write_text(json.dumps({**config, "mean": [0.5]}))
    with pytest.raises(AnalyzerError, match=r"preprocess_cfg\.json"):
        read_layout(folder)


@pytest.mark.parametrize("damaged", ["visual/model.onnx", "textual/model.onnx", "textual/tokenizer.json"])
def test_a_damaged_model_is_an_analyzer_error(tmp_path: Path, damaged: str, joint_model: JointModel) -> None:
    folder = joint_model("immich", copy_to=tmp_path)
    content = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(content[: len(content) // 2])
    with pytest.raises(AnalyzerError):
        try_model(folder)


def test_a_broken_picture_is_a_media_error(joint_model: JointModel) -> None:
    folder = joint_model("immich")
    with pytest.raises(MediaError):
        embed_pictures(folder, [b"\xff\xd8\xff nothing"])
