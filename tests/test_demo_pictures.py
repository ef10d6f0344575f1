from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from vuemantics_tui.demo_pictures import BROKEN_NAME, draw_demo
from vuemantics_tui.domain import formats
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.media.frames import extract_frames
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.probe import probe
from vuemantics_tui.media.thumbnail import make_thumbnail


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_demo(tmp_path_factory.mktemp("demo") / "pictures")


def test_everything_is_drawn_and_accepted(drawn: list[Path]) -> None:
    probes = [probe(path, MediaLimits()) for path in drawn]
    assert len(drawn) == len(set(drawn)) == 20
    assert {found.format for found in probes} == {formats.JPEG, formats.PNG, formats.WEBP, formats.GIF, formats.MP4}
    assert all(path.suffix == f".{found.format.extension}" for path, found in zip(drawn, probes, strict=True))
    shapes = [(found.width or 0) / (found.height or 1) for found in probes]
    assert min(shapes) < 0.8 and max(shapes) > 2 and 1.0 in shapes, "portraits, panoramas and squares among them"


def test_they_are_from_several_years_and_places_and_some_have_stars_and_keywords(drawn: list[Path]) -> None:
    read = [
        read_metadata(path, probe(path, MediaLimits()).format.file_type) for path in drawn if path.name != BROKEN_NAME
    ]
    days = [each.taken_at[:10] for each in read if each.taken_at]
    assert len({day[:4] for day in days}) >= 5
    assert max(Counter(days).values()) >= 2, "a day with several, as a heading of the gallery has them"
    assert len({each.place for each in read if each.place}) >= 6
    assert {each.words.rating for each in read} >= {3, 4, 5}
    assert any(each.words.keywords for each in read)


def test_all_but_one_decode(drawn: list[Path], tmp_path: Path) -> None:
    failed = []
    for path in drawn:
        file_type = probe(path, MediaLimits()).format.file_type
        try:
            make_thumbnail(path, file_type, tmp_path / f"{path.name}.jpg")
        except MediaError:
            failed.append(path.name)
    assert failed == [BROKEN_NAME]
    assert drawn[-1].name != BROKEN_NAME != drawn[0].name


def test_the_clip_moves(drawn: list[Path]) -> None:
    clip = next(path for path in drawn if path.suffix == ".mp4")
    assert read_metadata(clip, FileType.VIDEO).duration == pytest.approx(3.0, abs=0.1)
    assert len(set(extract_frames(clip, 10))) == 10


def test_the_drawing_is_the_same_every_time(drawn: list[Path], tmp_path: Path) -> None:
    for first, second in zip(drawn, draw_demo(tmp_path), strict=True):
        assert first.name == second.name
        if first.suffix in (".png", ".gif"):
            with Image.open(first) as one, Image.open(second) as other:
                assert one.tobytes() == other.tobytes()
        elif first.suffix != ".mp4":
            assert first.read_bytes() == second.read_bytes()
