"""Thumbnails and frames of videos."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageStat

from tests.media import drawing
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media import clips, frames
from vuemantics_tui.media.frames import extract_frames
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.thumbnail import make_thumbnail

# What a viewer shows for each matrix, as the transposition that stores the picture so that it comes out upright.
TURNS: list[tuple[drawing.Matrix, Image.Transpose | None]] = [
    ((1, 0, 0, 1), None),
    ((0, 1, -1, 0), Image.Transpose.ROTATE_90),
    ((-1, 0, 0, -1), Image.Transpose.ROTATE_180),
    ((0, -1, 1, 0), Image.Transpose.ROTATE_270),
    ((-1, 0, 0, 1), Image.Transpose.FLIP_LEFT_RIGHT),
    ((1, 0, 0, -1), Image.Transpose.FLIP_TOP_BOTTOM),
    ((0, 1, 1, 0), Image.Transpose.TRANSPOSE),
    ((0, -1, -1, 0), Image.Transpose.TRANSVERSE),
]


def _open(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


def _grey(data: bytes) -> float:
    return float(ImageStat.Stat(_open(data).convert("L")).mean[0])


@pytest.mark.parametrize(("matrix", "stored"), TURNS)
def test_a_turned_film_comes_out_upright(
    tmp_path: Path, matrix: drawing.Matrix, stored: Image.Transpose | None
) -> None:
    picture = drawing.four_corners(320, 192)
    kept = picture if stored is None else picture.transpose(stored)
    source = drawing.clip(tmp_path / "a.mp4", [kept] * 6)
    drawing.turn_clip(source, matrix)
    assert make_thumbnail(source, FileType.VIDEO, tmp_path / "t.jpg").size == (256, 154)
    with Image.open(tmp_path / "t.jpg") as found:
        assert drawing.corners_of(found) == drawing.CORNERS
    for data in extract_frames(source, 3):
        assert _open(data).size == (320, 192)
        assert drawing.corners_of(_open(data)) == drawing.CORNERS


@pytest.mark.parametrize("key_every", [6, 1000])
def test_a_film_that_begins_black_shows_a_later_frame(tmp_path: Path, key_every: int) -> None:
    black = Image.new("RGB", (120, 80))
    pictures = [black] * 15 + [drawing.four_corners()] * 30
    source = drawing.clip(tmp_path / "a.mp4", pictures, key_every=key_every)
    make_thumbnail(source, FileType.VIDEO, tmp_path / "t.jpg")
    with Image.open(tmp_path / "t.jpg") as found:
        assert drawing.corners_of(found) == drawing.CORNERS


def test_a_film_of_one_colour_has_a_thumbnail_nevertheless(tmp_path: Path) -> None:
    source = drawing.clip(tmp_path / "a.avi", [Image.new("RGB", (64, 48), (0, 0, 200))] * 20)
    assert make_thumbnail(source, FileType.VIDEO, tmp_path / "t.jpg").size == (64, 48)


@pytest.mark.parametrize("key_every", [1, 1000])
def test_frames_are_spread_over_the_whole_clip(tmp_path: Path, key_every: int) -> None:
    source = drawing.clip(tmp_path / "a.mp4", drawing.shades(60), key_every=key_every)
    greys = [_grey(data) for data in extract_frames(source, 6)]
    # The middles of six equal parts of 20..197: 5, 15, ... of 60 frames, 3 brighter each.
    assert greys == pytest.approx([20 + 3 * (5 + 10 * n) for n in range(6)], abs=8)


def test_moments_that_share_a_key_frame_are_decoded(tmp_path: Path) -> None:
    """60 frames with a key frame at every 20th, nine of them wanted."""
    source = drawing.clip(tmp_path / "a.mp4", drawing.shades(60), "libx264", key_every=20)
    greys = [_grey(data) for data in extract_frames(source, 9)]
    assert len(greys) == 9
    assert greys == sorted(set(greys))
    assert max(np.diff(greys)) < 3 * 60 / 9 * 2


def test_a_frame_after_a_seek_is_decoded_as_the_first_one(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    coarse = Image.fromarray(np.random.default_rng(5).integers(0, 256, (8, 12, 3), np.uint8)).resize((96, 64))
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", 10, options={"g": "1", "crf": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv444p"
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(coarse), format="rgb24")))
        container.mux(stream.encode())
    # Who made it stands only in the first packet, and old films of 4:4:4 are decoded in another way.
    data = source.read_bytes()
    begin = data.index(b"x264 - core ") + len(b"x264 - core ")
    source.write_bytes(data[:begin] + b"150" + data[begin + 3 :])
    with clips.open_clip(source) as clip:
        first = next(clips.frames_from_start(clip))
    with clips.open_clip(source) as clip:
        sought = clips.key_frame_at(clip, 1.0)
        assert sought is not None and sought.pts
    assert (sought.to_ndarray() == first.to_ndarray()).all()


def test_a_clip_shorter_than_asked_gives_each_frame_once(tmp_path: Path) -> None:
    source = drawing.clip(tmp_path / "a.mp4", drawing.shades(3))
    greys = [_grey(data) for data in extract_frames(source, 10)]
    assert greys == pytest.approx([20, 127, 234], abs=8)


def test_a_clip_of_one_frame(tmp_path: Path) -> None:
    source = drawing.clip(tmp_path / "a.mp4", [drawing.four_corners()])
    (data,) = extract_frames(source, 10)
    assert drawing.corners_of(_open(data)) == drawing.CORNERS


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [("a.avi", "avi", "mpeg4"), ("a.mkv", "matroska", "mpeg4"), ("a.flv", "flv", "flv"),
     ("a.ts", "mpegts", "mpeg2video"), ("a.mpg", "mpeg", "mpeg1video"), ("a.m1v", "mpeg1video", "mpeg1video")],
)  # fmt: skip
def test_every_container_gives_frames_in_order(tmp_path: Path, name: str, container: str, codec: str) -> None:
    source = drawing.clip(tmp_path / name, drawing.shades(50), codec, 5, rate=25, container=container)
    greys = [_grey(data) for data in extract_frames(source, 5)]
    assert len(greys) >= 4
    assert greys == sorted(greys)
    assert greys[-1] - greys[0] > 100


def test_an_unknown_length_keeps_frames_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vuemantics_tui.media.clips.Clip.duration", None)
    source = drawing.clip(tmp_path / "a.mp4", drawing.shades(60))
    greys = [_grey(data) for data in extract_frames(source, 4)]
    assert len(greys) == 4
    assert greys == sorted(greys)
    assert greys[0] < 40
    assert greys[-1] > 120


def test_frames_are_scaled_but_never_enlarged(tmp_path: Path) -> None:
    source = drawing.clip(tmp_path / "a.mp4", [drawing.four_corners(320, 192)] * 3)
    assert _open(extract_frames(source, 1, long_side=100)[0]).size == (100, 60)
    assert _open(extract_frames(source, 1, long_side=1024)[0]).size == (320, 192)


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 120, 80, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        frame = av.VideoFrame.from_ndarray(np.zeros((80, 120, 3), np.uint8), format="rgb24")
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert _open(extract_frames(tmp_path / "a.mp4", 1)[0]).size == (240, 80)


def test_decoding_stops_at_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "TIME_BUDGET", -1.0)
    source = drawing.clip(tmp_path / "a.mp4", drawing.shades(60), key_every=1)
    assert len(extract_frames(source, 6)) == 1


def test_a_count_below_one_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="count"):
        extract_frames(tmp_path / "a.mp4", 0)


def _sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=44100, layout="mono")
        for number in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 44100, number * 1024
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def test_what_is_no_film_is_a_media_error(tmp_path: Path) -> None:
    whole = drawing.clip(tmp_path / "whole.mp4", drawing.shades(30)).read_bytes()
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "no index.mp4").write_bytes(whole[: whole.index(b"moov") - 4])
    (bad / "text.avi").write_text("not a film")
    (bad / "empty.mkv").touch()
    start = whole.index(b"mdat") + 4
    end = whole.index(b"moov") - 4
    (bad / "zeros.mp4").write_bytes(whole[:start] + bytes(end - start) + whole[end:])
    _sound_only(bad / "sound.mp4")
    names = sorted(each.name for each in bad.iterdir())
    for name in names:
        with pytest.raises(MediaError):
            extract_frames(bad / name, 3)
        with pytest.raises(MediaError) as caught:
            make_thumbnail(bad / name, FileType.VIDEO, bad / "t.jpg")
        assert ("no video track" in caught.value.message) == (name == "sound.mp4")
    assert sorted(each.name for each in bad.iterdir()) == names


def test_a_film_that_was_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    source = drawing.clip(tmp_path / "a.mkv", [drawing.four_corners()] * 60, container="matroska")
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 2 // 3])
    found = extract_frames(source, 4)
    assert found
    assert all(drawing.corners_of(_open(each)) == drawing.CORNERS for each in found)


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
@pytest.mark.parametrize(("count", "rate"), [(30, 10), (1, 5), (250, 25)])
def test_a_duration_that_the_header_lacks_is_measured(tmp_path: Path, codec: str, count: int, rate: int) -> None:
    path = tmp_path / "recorded.webm"
    with path.open("wb") as file:
        drawing.stream_clip(file, drawing.shades(count), codec, rate)
    found = read_metadata(path, FileType.VIDEO)
    assert found.duration == pytest.approx(count / rate, abs=0.002 if count > 1 else 0.3)


def test_only_the_end_of_a_long_film_is_read_for_it(tmp_path: Path) -> None:
    path = tmp_path / "recorded.webm"
    rng = np.random.default_rng(1)
    noise = [Image.fromarray(rng.integers(0, 255, (240, 320, 3), np.uint8)) for _ in range(4)]
    with path.open("wb") as file:
        drawing.stream_clip(file, noise * 50, "libvpx", 10, bit_rate=8_000_000)
    whole = path.read_bytes()
    assert len(whole) > 3 * 1024**2
    # A film with a hole is as long as one without.
    path.write_bytes(whole[: 1024**2] + bytes(len(whole) - 2 * 1024**2) + whole[-(1024**2) :])
    with clips.open_clip(path) as clip:
        assert clip.duration == pytest.approx(20, abs=0.01)
