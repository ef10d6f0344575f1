"""The extra `vision` is used where it is, missed by nobody where it is not, and says what is wrong where it is broken.

Missing and broken ones are made: packages in a folder that comes first, or a finder that knows none.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import ThreadCompute
from vuemantics_tui.analyzers.builtin import vision
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer, describe_picture
from vuemantics_tui.analyzers.builtin.vision import VisionPart

BLOCKED = """
import importlib.abc, sys
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("cv2", "rapidocr"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in ("cv2", "rapidocr") else real(name, package)
"""


def run(program: str, *first: Path) -> str:
    """What a program prints that finds modules in these folders first."""
    paths = "".join(f"import sys; sys.path.insert(0, {str(folder)!r})\n" for folder in first)
    result = subprocess.run([sys.executable, "-c", paths + program], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.strip()


def describing(picture: Path, cache_dir: Path) -> str:
    """A program that describes a picture and prints the description's beginning, what was read, and the faults."""
    return f"""
from pathlib import Path
from vuemantics_tui.analyzers.builtin import analyzer, vision
description, faults = analyzer.describe_picture(Path({str(picture)!r}), Path({str(cache_dir)!r}))
print(description.text[:20], repr(description.read_text), len(faults))
for fault in faults:
    print(fault)
for part in analyzer.try_vision():
    print(part.name, part.installed, part.reason)
"""


def broken_cv2(folder: Path) -> Path:
    """A package `cv2` that cannot be imported, as where a shared library is missing."""
    (folder / "cv2" / "data").mkdir(parents=True)
    (folder / "cv2" / "__init__.py").write_text('raise ImportError("libGL.so.1: cannot open shared object file")\n')
    (folder / "cv2" / "data" / "haarcascade_frontalface_alt2.xml").write_text("<opencv_storage/>")
    return folder


def rapidocr_without(folder: Path, *missing: str) -> Path:
    """A package `rapidocr` with model files of no content, without some of them."""
    (folder / "rapidocr" / "models").mkdir(parents=True)
    (folder / "rapidocr" / "__init__.py").write_text("class RapidOCR:\n    def __init__(self, params): 1 / 0\n")
    for path in vision._READING_MODELS:
        if Path(path).name not in missing:
            (folder / "rapidocr" / path).touch()
    return folder


def test_without_the_extra_a_picture_is_described_by_the_rest(photos: Path, cache_dir: Path) -> None:
    program = BLOCKED + describing(photos / "astronaut.png", cache_dir)
    first, *parts = run(program).splitlines()
    assert first.startswith("A photo")
    assert first.endswith("'' 0")
    assert parts == ["text in pictures False not installed", "faces False not installed"]


def test_a_broken_extra_counts_as_missing_and_tells_why(tmp_path: Path, photos: Path, cache_dir: Path) -> None:
    folder = rapidocr_without(broken_cv2(tmp_path))
    lines = run(describing(photos / "coffee.png", cache_dir), folder).splitlines()
    assert lines[0] == "A photo of espresso: '' 2"
    assert lines[1].startswith("text in pictures: the extra is installed but does not work: ImportError: libGL.so.1")
    assert lines[2].startswith("faces: the extra is installed but does not work: ImportError: libGL.so.1")
    assert [line.split(" ImportError")[0] for line in lines[3:]] == ["text in pictures False", "faces False"]


def test_a_missing_model_file_is_seen_without_loading_anything(tmp_path: Path) -> None:
    folder = rapidocr_without(tmp_path, "PP-OCRv6_rec_small.onnx")
    (folder / "cv2").mkdir()
    (folder / "cv2" / "__init__.py").touch()
    program = """
import sys
from vuemantics_tui.analyzers.builtin.vision import vision_parts
for part in vision_parts():
    print(part.name, part.installed, part.broken, part.reason)
print({"cv2", "rapidocr", "onnxruntime", "PIL", "numpy"} & set(sys.modules))
"""
    assert run(program, folder).splitlines() == [
        "text in pictures False True its model PP-OCRv6_rec_small.onnx is missing",
        "faces False True it has no haarcascade_frontalface_alt2.xml: versions from 5 on have none",
        "set()",
    ]


async def test_a_fault_is_logged_once_and_the_upload_goes_on(
    cache_dir: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = VisionPart(vision.READING, "rapidocr", False, "3.10.0", "its model is torn")
    absent = VisionPart(vision.FACES, "opencv-python-headless", False, "", "not installed")
    monkeypatch.setattr(vision, "reader", lambda: broken)
    monkeypatch.setattr(vision, "face_finder", lambda: absent)
    analyzer = BuiltinAnalyzer(ThreadCompute(), cache_dir)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert (await analyzer.describe_image(photos / "coffee.png")).read_text == ""
        await analyzer.describe_video([photos / "coffee.png"] * 2, lambda *_: None)
    assert [record.getMessage() for record in caplog.records] == [
        "text in pictures: the extra is installed but does not work: its model is torn"
    ]


async def test_a_part_that_fails_at_a_picture_leaves_out_its_findings(
    cache_dir: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        def read(self, pixels: object) -> tuple[str, ...]:
            raise vision.VisionError("ONNXRuntimeError: out of memory")

        def find(self, pixels: object) -> tuple[float, ...]:
            return ()

    monkeypatch.setattr(vision, "reader", Failing)
    monkeypatch.setattr(vision, "face_finder", Failing)
    description, faults = describe_picture(photos / "coffee.png", cache_dir)
    assert description.text.startswith("A photo of espresso")
    assert [fault.split(": ")[0] for fault in faults] == ["text in pictures"]


async def test_the_state_names_what_is_in_use(analyzer: BuiltinAnalyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [VisionPart("a", "one", True, "1.0"), VisionPart("b", "two", False, "", "not installed")]
    monkeypatch.setattr("vuemantics_tui.analyzers.builtin.analyzer.vision_parts", lambda: parts)
    (state,) = await analyzer.states()
    assert state.answers
    assert state.detail.endswith("+ a (one 1.0)")


def test_the_command_fits_the_way_of_installing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Origin:
        def __init__(self, text: str | None) -> None:
            self.text = text

        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return self.text

    for text, command in (
        (None, "pip install 'vuemantics-tui[vision]'"),
        ('{"url": "file:///src", "dir_info": {"editable": true}}', ".venv/bin/pip install '.[vision]'"),
    ):
        monkeypatch.setattr(
            "vuemantics_tui.analyzers.builtin.vision.metadata.distribution", lambda _, t=text: Origin(t)
        )
        assert vision.install_command() == command
