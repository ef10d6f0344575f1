"""Clips as cameras, phones and browsers write them: frames of the whole length, upright, and what the file says."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.doubles import ThreadCompute
from tests.media import drawing
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.clips import frame_at, open_clip
from vuemantics_tui.media.frames import extract_frames
from vuemantics_tui.media.metadata import read_metadata

KINDS = [
    ("a.mp4", "libx264", "h264"),
    ("b.mp4", "mpeg4", "mpeg4"),
    ("c.mov", "libx264", "h264"),
    ("d.avi", "mpeg4", "mpeg4"),
    ("e.webm", "libvpx", "vp8"),
    ("f.webm", "libvpx-vp9", "vp9"),
]
RATE = 25


def red_then_blue(count: int, size: tuple[int, int] = (128, 96)) -> list[Image.Image]:
    """As many frames, the first half red and the second half blue."""
    return [Image.new("RGB", size, drawing.RED if n < count / 2 else drawing.BLUE) for n in range(count)]


def colours(frames: list[bytes]) -> list[str]:
    """The colour of each frame: "red" or "blue"."""
    found = []
    for data in frames:
        with Image.open(io.BytesIO(data)) as image:
            red, _, blue = np.asarray(image.convert("RGB")).mean(axis=(0, 1))
        assert abs(red - blue) > 80
        found.append("red" if red > blue else "blue")
    return found


@pytest.mark.parametrize("key_every", [10, 10_000])
@pytest.mark.parametrize(("name", "codec", "told"), KINDS)
def test_frames_come_from_the_whole_length(tmp_path: Path, name: str, codec: str, told: str, key_every: int) -> None:
    source = drawing.clip(tmp_path / name, red_then_blue(100), codec, key_every, RATE)
    assert colours(extract_frames(source, 10)) == ["red"] * 5 + ["blue"] * 5
    found = read_metadata(source, FileType.VIDEO)
    assert found.video_codec == told
    assert found.duration == pytest.approx(4.0, abs=0.1)
    assert (found.width, found.height) == (128, 96)
    assert found.extra is not None
    assert found.extra["frames_per_second"] == pytest.approx(RATE, abs=0.1)


@pytest.mark.parametrize(("name", "codec", "told"), KINDS)
def test_a_clip_of_less_than_half_a_second(tmp_path: Path, name: str, codec: str, told: str) -> None:
    source = drawing.clip(tmp_path / name, red_then_blue(10), codec, 10_000, RATE)
    assert colours(extract_frames(source, 10)) == ["red"] * 5 + ["blue"] * 5
    assert read_metadata(source, FileType.VIDEO).duration == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("name", ["a.mp4", "c.mov"])
def test_a_turned_clip_is_upright_in_frames_and_metadata(tmp_path: Path, name: str) -> None:
    stored = drawing.four_corners(192, 320).transpose(Image.Transpose.ROTATE_90)
    source = drawing.clip(tmp_path / name, [stored] * 20, "libx264", 5, RATE)
    drawing.turn_clip(source, (0, 1, -1, 0))
    found = read_metadata(source, FileType.VIDEO)
    assert (found.width, found.height) == (192, 320)
    for data in extract_frames(source, 4):
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (192, 320)
            assert drawing.corners_of(image) == drawing.CORNERS


def test_a_clip_of_unknown_length_is_described_from_its_whole(tmp_path: Path) -> None:
    """As a browser's recorder writes it: WebM to a pipe, without a duration."""
    with (tmp_path / "a.webm").open("wb") as file:
        drawing.stream_clip(file, red_then_blue(100), "libvpx", RATE)
    assert read_metadata(tmp_path / "a.webm", FileType.VIDEO).duration == pytest.approx(4.0, abs=0.1)
    assert colours(extract_frames(tmp_path / "a.webm", 10)) == ["red"] * 5 + ["blue"] * 5


def test_key_frames_at_the_beginning_alone_do_not_hide_the_rest(tmp_path: Path) -> None:
    """Key frames at 0 and 30 of 215: what is far from any is decoded."""
    source = drawing.clip(
        tmp_path / "a.mp4", drawing.shades(215, (64, 48)), "libx264", 10_000, key_at=frozenset({0, 30})
    )
    greys = []
    for data in extract_frames(source, 5):
        with Image.open(io.BytesIO(data)) as image:
            greys.append(float(np.asarray(image.convert("L")).mean()))
    # The key frame at 0 or 30 stands for the first moment only.
    assert greys[1:] == pytest.approx([20 + 215 * part for part in (0.3, 0.5, 0.7, 0.9)], abs=8)


def test_the_frame_at_a_moment_is_the_one_on_the_screen(tmp_path: Path) -> None:
    source = drawing.clip(tmp_path / "a.mp4", drawing.shades(40), "libx264", 20, 10)
    with open_clip(source) as clip:
        for moment in (0.05, 1.55, 2.55, 3.95):
            frame = frame_at(clip, moment, deadline=float("inf"))
            assert frame is not None
            assert frame.time == pytest.approx(int(moment * 10) / 10)
        late = frame_at(clip, 1.9, deadline=0.0)
        assert late is None or late.time < 1.9
        end = frame_at(clip, 99.0, deadline=float("inf"))
        assert end is not None
        assert end.time == pytest.approx(3.9)


async def test_the_built_in_analyzer_tells_of_both_halves(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = drawing.clip(tmp_path / "a.mp4", red_then_blue(50), "libx264", 10, RATE)
    analyzer = BuiltinAnalyzer(ThreadCompute(), tmp_path_factory.mktemp("models"))
    numbers: list[tuple[int, int]] = []
    frames = extract_frames(source, 10)
    description = await analyzer.describe_video(frames, lambda number, count: numbers.append((number, count)))
    assert numbers == [(number, 10) for number in range(1, 11)]
    assert "red" in description.tags
    assert "blue" in description.tags
