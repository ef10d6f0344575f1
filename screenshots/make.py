"""Take the documentation's pictures from a real run: `poe screenshots`, with names of scenes to take only those.

Opens the app on photos that scikit-image ships, with the built-in analyzer, presses keys, and saves the screen as PNG.
Needs the font DejaVu Sans Mono (Debian: fonts-dejavu-core).
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
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
from vuemantics_tui.library import Library
from vuemantics_tui.paths import cache_dir
from vuemantics_tui.terminal import Blocks
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.picker.preview import PreviewPicture
from vuemantics_tui.ui.picker.screen import PickerScreen
from vuemantics_tui.ui.pictures.loader import Graphics
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.uploads.table import UploadTable
from vuemantics_tui.ui.viewer.screen import ViewerScreen

HERE = Path(__file__).parent
FONT = "DejaVu Sans Mono"
LARGE, SMALL = (120, 36), (80, 24)
SIZES = (LARGE, SMALL)
ENOUGH_COMPLETED = 5
PATIENCE_SECONDS = 120.0
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
VIEWED = "cat on the blanket.png"


@dataclass(frozen=True)
class Stage:
    """A running app on a library of its own."""

    pilot: Pilot[None]
    library: Library
    folder: Path

    @property
    def table(self) -> UploadTable:
        """Return the table of the main screen."""
        return self.main.query_one(UploadTable)

    @property
    def main(self) -> UploadsScreen:
        """Return the main screen, whatever lies on top of it."""
        screen = self.pilot.app.screen_stack[0]
        assert isinstance(screen, UploadsScreen)
        return screen

    def text(self) -> str:
        """Return the text on the screen."""
        app = self.pilot.app
        # Textual draws the screens behind a modal one only while they are known to be visible.
        visible_screen_stack.set(app._background_screens)
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    async def until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        """Let the app go on until the condition holds. Raises TimeoutError, with the screen's text, after a while."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (met if isinstance(met := condition(), bool) else await met):
                    await self.pilot.pause(0.05)
        except TimeoutError:
            raise TimeoutError(self.text()) from None

    async def put_cursor_on(self, name: str) -> None:
        """Move down until the upload of this name is under the cursor, and wait for its pane."""
        await self.pilot.press("home")

        async def found() -> bool:
            number = self.main.uploads.cursor_number
            upload = await self.library.uploads.by_number(number) if number is not None else None
            if upload is not None and upload.filename == name:
                return True
            # Rows change places while uploads end, so one may be passed by.
            at_end = self.table.cursor_line >= self.table.line_count - 1
            await self.pilot.press("home" if at_end else "down")
            return False

        await self.until(found)
        await self.pilot.pause(0.5)


async def at_work(stage: Stage) -> None:
    """Wait until some are completed, and move to the first of them."""

    async def enough() -> bool:
        return (await stage.library.queue.store.counts()).completed >= ENOUGH_COMPLETED

    await stage.until(enough)
    await stage.pilot.press("end")
    await stage.until(lambda: "A photo of" in stage.text() or stage.pilot.app.size.width < PANE_WIDTH)
    await stage.pilot.pause(0.2)


async def ended(stage: Stage) -> None:
    """Wait until everything is completed or failed."""

    async def done() -> bool:
        counts = await stage.library.queue.store.counts()
        return counts.total == len(PHOTOS) + 1 and not counts.running and not counts.waiting

    await stage.until(done)


async def failed(stage: Stage) -> None:
    """Move to the failed upload."""
    await ended(stage)
    await stage.put_cursor_on(BROKEN)


async def searched(stage: Stage) -> None:
    """Search by meaning."""
    await ended(stage)
    await stage.pilot.press("slash", *"a kitten", "enter")
    await stage.until(lambda: "kitten" in stage.text() and stage.table.line_count > 0)
    await stage.pilot.pause(0.8)


async def in_gallery(stage: Stage) -> None:
    """Show the gallery."""
    await ended(stage)
    await stage.pilot.press("g", "end", "left")
    gallery = stage.pilot.app.screen_stack[0].query_one(Gallery)
    await stage.until(lambda: not gallery.loading_tiles)
    await stage.pilot.pause(0.3)


async def in_viewer(stage: Stage) -> None:
    """Look at a photo in the viewer."""
    await ended(stage)
    await stage.put_cursor_on(VIEWED)
    await stage.pilot.press("enter")
    await stage.until(lambda: isinstance(stage.pilot.app.screen, ViewerScreen) and VIEWED in stage.text())
    await stage.pilot.pause(1.5)


async def picking(stage: Stage) -> None:
    """Open the picker and mark some files."""
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
    "viewer": (in_viewer, True),
    "picker": (picking, False),
}
"""By name: what to play, and whether the photos are added first."""


def lay_out(folder: Path) -> list[Path]:
    """Copy the photos under their new names, with one that is torn; return the folder to add."""
    data = Path(skimage.__file__).parent / "data"
    folder.mkdir()
    for source, name in PHOTOS.items():
        shutil.copyfile(data / source, folder / name)
    (folder / BROKEN).write_bytes((data / "rocket.jpg").read_bytes()[:700])
    return [folder]


def save(name: str, svg: str) -> None:
    """Write one picture as PNG."""
    drawn = resvg_py.svg_to_bytes(svg_string=svg.replace("Fira Code", FONT), monospace_family=FONT)
    (HERE / f"{name}.png").write_bytes(bytes(drawn))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep log lines off the terminal."""
    handler = logging.NullHandler()
    logging.getLogger("vuemantics_tui").addHandler(handler)
    yield
    logging.getLogger("vuemantics_tui").removeHandler(handler)


async def take(name: str, size: tuple[int, int], settings: Settings, photos: list[Path]) -> None:
    """Run the app in a window of this size, play a scene, and save its picture."""
    play, add_first = SCENES[name]
    library = await Library.open(settings)
    try:
        app = VuemanticsApp(
            library, paths=photos if add_first else [], true_colour="yes", graphics=Graphics(blocks=Blocks.QUARTERS)
        )
        async with app.run_test(size=size) as pilot:
            await play(Stage(pilot, library, photos[0]))
            save(f"{name}-{size[0]}x{size[1]}", app.export_screenshot(title="vuemantics-tui"))
    finally:
        await library.close()


def main() -> None:
    """Take all pictures, or those of the scenes named."""
    chosen = [name for name in SCENES if name in sys.argv[1:]] or list(SCENES)
    # The models prepared before are used again; paths are shown as in a person's home folder.
    os.environ.setdefault("XDG_CACHE_HOME", str(cache_dir().parent))
    with quiet(), tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        photos = lay_out(Path(folder) / "photos")
        for name in chosen:
            for size in SIZES:
                library = Path(folder) / f"{name}-{size[0]}"
                settings = replace(Settings(), library=library, analyzer="builtin", keep_free_mib=0)
                # The picker starts in the working folder.
                with chdir(photos[0]):
                    asyncio.run(take(name, size, settings, photos))


if __name__ == "__main__":
    main()
