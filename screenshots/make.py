"""Make the README's pictures from a real run: `pip install '.[dev,screenshots]' && python screenshots/make.py`.

Opens the app on photos that scikit-image ships, with the built-in analyzer, presses keys, and saves what it shows as
SVG and as PNG. The PNGs need the font DejaVu Sans Mono (Debian: fonts-dejavu-core).
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import resvg_py
import skimage
from textual._context import visible_screen_stack
from textual.pilot import Pilot

from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library, start_process_server
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.picker.preview import PreviewPicture
from vuemantics_tui.ui.picker.screen import PickerScreen
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.table import UploadTable

HERE = Path(__file__).parent
FONT = "DejaVu Sans Mono"
LARGE, SMALL = (120, 36), (80, 24)
SIZES = (LARGE, SMALL)
ENOUGH_COMPLETED = 5
# From this many columns on, there is a pane beside the list.
PANE_WIDTH = 100

# From the file in scikit-image to the name that somebody would have given it.
PHOTOS = {
    "astronaut.png": "eileen collins.png",
    "chelsea.png": "cat on the blanket.png",
    "coffee.png": "a cup of coffee.png",
    "rocket.jpg": "rocket launch.jpg",
    "hubble_deep_field.jpg": "hubble deep field.jpg",
    "ihc.png": "microscope slide.png",
    "motorcycle_left.png": "motorcycle workshop.png",
    "camera.png": "photographer.png",
    "coins.png": "greek coins.png",
    "brick.png": "brick wall.png",
    "grass.png": "lawn.png",
    "gravel.png": "gravel path.png",
    "page.png": "scanned page.png",
    "horse.png": "horse silhouette.png",
}
BROKEN = "torn download.jpg"


@dataclass(frozen=True)
class Stage:
    """A running app on a library of its own."""

    pilot: Pilot[None]
    library: Library
    folder: Path

    @property
    def table(self) -> UploadTable:
        """The table of the first screen."""
        return self.pilot.app.screen_stack[0].query_one(UploadTable)

    def text(self) -> str:
        """What is on the screen."""
        app = self.pilot.app
        # What lies behind a screen is kept once it was drawn: it must be there when the text is looked at.
        visible_screen_stack.set(app._background_screens)
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    async def until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        """Let the app go on until the condition holds."""
        while not (met if isinstance(met := condition(), bool) else await met):
            await self.pilot.pause(0.05)

    async def put_cursor_on(self, name: str) -> None:
        """Go down until the upload of this name is under the cursor, and wait for its pane."""
        step = 0
        while True:
            number = self.table.cursor_number
            upload = await self.library.uploads.by_number(number) if number is not None else None
            if upload is not None and upload.filename == name:
                break
            # Rows change places while uploads end, so one may be passed by.
            await self.pilot.press("down" if step % self.table.line_count else "home")
            step += 1
        await self.pilot.pause(0.5)


async def at_work(stage: Stage) -> None:
    """In the middle of the work, with the one that was completed first under the cursor."""

    async def enough() -> bool:
        return (await stage.library.queue.counts()).completed >= ENOUGH_COMPLETED

    await stage.until(enough)
    await stage.pilot.press("end")
    await stage.until(lambda: "A photo of" in stage.text() or stage.pilot.app.size.width < PANE_WIDTH)
    await stage.pilot.pause(0.2)


async def ended(stage: Stage) -> None:
    """Everything is at its end."""

    async def done() -> bool:
        counts = await stage.library.queue.counts()
        return counts.total == len(PHOTOS) + 1 and not counts.running and not counts.waiting

    await stage.until(done)


async def failed(stage: Stage) -> None:
    """The one that failed, with what to do."""
    await ended(stage)
    await stage.put_cursor_on(BROKEN)


async def searched(stage: Stage) -> None:
    """A search by meaning."""
    await ended(stage)
    await stage.pilot.press("slash", *"a kitten", "enter")
    await stage.until(lambda: "kitten" in stage.text() and stage.table.line_count > 0)
    await stage.pilot.pause(0.8)


async def in_gallery(stage: Stage) -> None:
    """The thumbnails of everything."""
    await ended(stage)
    await stage.pilot.press("g", "end", "left")
    gallery = stage.pilot.app.screen_stack[0].query_one(Gallery)
    await stage.until(lambda: not gallery.loading_tiles)
    await stage.pilot.pause(0.3)


async def picking(stage: Stage) -> None:
    """The picker, with some files marked."""
    await stage.pilot.press("a")
    await stage.until(lambda: isinstance(stage.pilot.app.screen, PickerScreen) and "lawn.png" in stage.text())
    await stage.pilot.press("space", "space", "down", "space", "down", "down")
    picture = stage.pilot.app.screen.query_one(PreviewPicture)
    await stage.until(lambda: picture.display or stage.pilot.app.size.width < PANE_WIDTH)
    await stage.pilot.pause(0.3)


SCENES: dict[str, tuple[Callable[[Stage], Awaitable[None]], bool]] = {
    "main": (at_work, True),
    "failure": (failed, True),
    "search": (searched, True),
    "gallery": (in_gallery, True),
    "picker": (picking, False),
}
"""By name: what to do, and whether the photos are added before."""


def lay_out(folder: Path) -> list[Path]:
    """The photos under their names, and one that is torn."""
    data = Path(skimage.__file__).parent / "data"
    folder.mkdir()
    for source, name in PHOTOS.items():
        shutil.copyfile(data / source, folder / name)
    (folder / BROKEN).write_bytes((data / "rocket.jpg").read_bytes()[:700])
    return [folder]


def save(name: str, svg: str) -> None:
    """Write one picture as SVG and as PNG."""
    (HERE / f"{name}.svg").write_text(svg, "utf-8")
    drawn = resvg_py.svg_to_bytes(svg_string=svg.replace("Fira Code", FONT), monospace_family=FONT)
    (HERE / f"{name}.png").write_bytes(bytes(drawn))


@contextmanager
def quiet() -> Iterator[None]:
    """Without log lines on the terminal."""
    handler = logging.NullHandler()
    logging.getLogger("vuemantics_tui").addHandler(handler)
    yield
    logging.getLogger("vuemantics_tui").removeHandler(handler)


async def take(name: str, size: tuple[int, int], settings: Settings, photos: list[Path]) -> None:
    """Run the app in a window of this size, play a scene, and save its picture."""
    play, add_first = SCENES[name]
    # A pool cannot be begun from inside a running app.
    start_process_server()
    library = await Library.open(settings)
    app = VuemanticsApp(library, paths=photos if add_first else [], true_colour="yes")
    async with app.run_test(size=size) as pilot:
        await play(Stage(pilot, library, photos[0]))
        save(f"{name}-{size[0]}x{size[1]}", app.export_screenshot(title="vuemantics-tui"))
        await library.queue.stop()
    await library.close()


def main() -> None:
    """Take all pictures."""
    with quiet(), tempfile.TemporaryDirectory() as folder:
        photos = lay_out(Path(folder) / "photos")
        for name in SCENES:
            for size in SIZES:
                library = Path(folder) / f"{name}-{size[0]}"
                settings = replace(Settings(), library=library, analyzer="builtin", keep_free_mib=0)
                # The picker begins where the program was begun.
                with chdir(photos[0]):
                    asyncio.run(take(name, size, settings, photos))


if __name__ == "__main__":
    main()
