"""Pictures drawn for the demo library: the same ones every time, and nobody's property."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from vuemantics_tui.demo_pictures import scenes
from vuemantics_tui.demo_pictures.scenes import draw_clip

__all__ = ["BROKEN_NAME", "draw_demo"]

# A JPEG by its header, without the body: the demo shows what a failure looks like, too.
BROKEN_NAME = "broken photo.jpg"


@dataclass(frozen=True, slots=True)
class _Shot:
    """A picture of the demo: its name, who draws it, and what its camera says: when, where, stars, keywords."""

    name: str
    draw: Callable[[], Image.Image]
    taken: str = ""
    place: tuple[float, float] | None = None
    stars: int = 0
    keywords: tuple[str, ...] = ()


_SANTORINI, _ZERMATT, _BLACK_FOREST = (36.4618, 25.3753), (46.0207, 7.7491), (48.4637, 8.4111)
_MERZOUGA, _ANNECY, _LISSE = (31.0802, -4.0133), (45.8992, 6.1294), (52.2575, 4.5567)
_PLOUMANACH, _CHICAGO, _TOKYO, _TROMSO = (
    (48.8370, -3.4830),
    (41.8819, -87.6278),
    (35.6595, 139.7005),
    (69.6492, 18.9553),
)
_PICTURES = (
    _Shot("sunset over water.jpg", scenes.sunset, "2023:09:14 19:12:40", _SANTORINI, 5, ("holiday", "sea")),
    _Shot("harvest festival poster.png", scenes.poster),
    _Shot("tulip fields.jpg", scenes.tulips, "2024:04:21 11:05:18", _LISSE, 4, ("spring",)),
    _Shot("snowy mountains.jpg", scenes.mountains, "2022:02:05 11:30:02", _ZERMATT, 4, ("holiday", "skiing")),
    _Shot("mountains at dusk.jpg", scenes.ridges, "2022:02:05 17:41:55", _ZERMATT, 5, ("holiday",)),
    _Shot("northern lights.jpg", scenes.aurora, "2025:02:14 22:48:10", _TROMSO, 5, ("winter",)),
    _Shot("night sky with moon.webp", scenes.night, "2021:10:09 22:10:31", _BLACK_FOREST),
    _Shot("forest in the mist.jpg", scenes.forest, "2021:10:09 08:22:47", _BLACK_FOREST, 3, ("hiking",)),
    _Shot(BROKEN_NAME, scenes.skyline),
    _Shot("desert dunes.jpg", scenes.dunes, "2019:04:18 17:20:09", _MERZOUGA, 4, ("holiday", "desert")),
    _Shot("milky way.jpg", scenes.milky_way, "2019:04:18 23:31:44", _MERZOUGA, 5, ("desert", "stars")),
    _Shot("green meadow.webp", scenes.meadow, "2024:05:19 15:02:26", _ANNECY),
    _Shot("hot air balloon.jpg", scenes.balloon, "2024:05:19 16:40:12", _ANNECY, 3),
    _Shot("lighthouse.jpg", scenes.lighthouse, "2023:07:02 21:58:33", _PLOUMANACH, 4, ("holiday", "sea")),
    _Shot("city skyline at dusk.jpg", scenes.skyline, "2020:01:11 17:04:50", _CHICAGO, 2),
    _Shot("city lights in the rain.jpg", scenes.city_lights, "2025:03:28 20:15:07", _TOKYO, 3),
    _Shot("still life with fruit.jpg", scenes.fruit, "2025:10:03 09:47:21", None, 4),
    _Shot("bar chart.png", scenes.chart),
)


def draw_demo(folder: Path) -> list[Path]:
    """Draw the demo's files into a folder (made if need be) and return their paths in order.

    Pictures in several sizes and formats, most with a date, a place and stars of the camera, one of them BROKEN_NAME;
    a lighthouse that flashes, and a clip of three seconds. The drawing is the same every time. Raises OSError if
    the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    flashes, clip = folder / "lighthouse at night.gif", folder / "sailing boat.mp4"
    # NumPy and Pillow let each other work most of the time.
    with ThreadPoolExecutor() as pool:
        drawing = [pool.submit(draw_clip, clip), pool.submit(_draw_flashes, flashes)]
        drawing += [pool.submit(_save, shot, folder / shot.name) for shot in _PICTURES]
        for each in drawing:
            each.result()
    return [*(folder / shot.name for shot in _PICTURES), flashes, clip]


def _save(shot: _Shot, path: Path) -> None:
    if shot.name == BROKEN_NAME:
        path.write_bytes(_broken())
        return
    options: dict[str, dict[str, Any]] = {
        ".jpg": {"quality": 88},
        ".png": {"compress_level": 3},
        ".webp": {"quality": 85, "method": 1},
    }
    more: dict[str, Any] = {"exif": _exif(shot), "xmp": _xmp(shot)} if shot.taken else {}
    shot.draw().save(path, **options[path.suffix], **more)


def _exif(shot: _Shot) -> Image.Exif:
    """When and where it was taken, and with what."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "vuemantics", "Demo"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = shot.taken
    if shot.place is not None:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        for value, tag, names in zip(
            shot.place, (ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude), ("NS", "EW"), strict=True
        ):
            gps[tag - 1] = names[value < 0]
            gps[tag] = (abs(value), 0.0, 0.0)
    return exif


def _xmp(shot: _Shot) -> bytes:
    """How many stars it has, and its keywords."""
    stars = f"<xmp:Rating>{shot.stars}</xmp:Rating>" if shot.stars else ""
    words = "".join(f"<rdf:li>{word}</rdf:li>" for word in shot.keywords)
    subject = f"<dc:subject><rdf:Bag>{words}</rdf:Bag></dc:subject>" if words else ""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/">{stars}{subject}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def _draw_flashes(path: Path) -> None:
    lit = scenes.lighthouse().resize((240, 360))
    lit.save(path, save_all=True, append_images=[scenes.dark_lamp(lit)], duration=700, loop=0)


def _broken() -> bytes:
    buffer = io.BytesIO()
    scenes.skyline().save(buffer, "JPEG", quality=80)
    whole = buffer.getvalue()
    # The header with its dimensions stays; of the pixels nothing, or else what is there would be shown.
    return whole[: whole.index(b"\xff\xda")]
