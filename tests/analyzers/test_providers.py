"""Where networks run: what is tried for each setting, and the way back to the processor, with real sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.analyzers.joint_model import draw
from tests.conftest import JointModel
from vuemantics_tui.analyzers.joint import providers
from vuemantics_tui.analyzers.joint.providers import PROVIDERS, Provider, open_on, reported, to_try
from vuemantics_tui.analyzers.joint.towers import PictureTower


@pytest.mark.parametrize(
    ("wanted", "there", "tried"),
    [
        ("auto", ["cuda", "openvino", "cpu"], ["cuda", "openvino", "cpu"]),
        ("auto", ["cpu"], ["cpu"]),
        ("openvino", ["cuda", "openvino", "cpu"], ["openvino", "cpu"]),
        ("directml", ["cuda", "cpu"], ["cpu"]),
        ("cpu", ["coreml", "cpu"], ["cpu"]),
    ],
)
def test_a_setting_says_what_is_tried(wanted: str, there: list[str], tried: list[str]) -> None:
    assert [provider.name for provider in to_try(wanted, there)] == tried


def test_what_is_reported_is_what_onnxruntime_has() -> None:
    named = {provider.name: provider.runtime for provider in PROVIDERS}
    assert {named[name] for name in reported()} <= set(onnxruntime.get_available_providers())
    assert reported()[-1] == "cpu"


def test_one_that_is_not_there_falls_back_and_says_what_to_install(joint_model: JointModel) -> None:
    opened = open_on(joint_model() / "visual" / "model.onnx", "directml")
    assert opened.provider.name == "cpu"
    assert opened.fault == (
        "DirectML is not available to onnxruntime. Install onnxruntime-directml in place of onnxruntime. "
        "The model runs on the CPU."
    )
    assert open_on(joint_model() / "visual" / "model.onnx", "auto").fault == ""


def test_one_that_does_not_load_falls_back_and_gives_the_same_vectors(
    joint_model: JointModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ONNX Runtime is asked for a provider that it does not have, as where a driver is missing."""
    picture = tmp_path / "a.png"
    draw("red", "circle").save(picture)
    expected = PictureTower(joint_model()).embed([picture])
    broken = Provider("cuda", "CUDA", "CUDAExecutionProvider", "onnxruntime-gpu", {"device_id": "99"})
    monkeypatch.setattr(providers, "PROVIDERS", (broken, PROVIDERS[-1]))
    monkeypatch.setattr(providers, "reported", lambda: ["cuda", "cpu"])
    monkeypatch.setenv(providers.PROVIDER_VARIABLE, "auto")
    tower = PictureTower(joint_model())
    assert tower.provider == "CPU"
    assert tower.fault.startswith("CUDA cannot be used: ")
    assert tower.fault.endswith("The model runs on the CPU.")
    np.testing.assert_array_equal(tower.embed([picture]), expected)
