"""Make the README's pictures from a real run: `python screenshots/make.py`.

Opens the app on the demo's pictures and the built-in analyzer, and saves what it shows in the middle of the work.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from vuemantics_tui.config import Settings
from vuemantics_tui.demo import draw
from vuemantics_tui.library import Compute, Library, warm_compute
from vuemantics_tui.ui.app import VuemanticsApp

HERE = Path(__file__).parent
SIZES = ((120, 36), (80, 24))
COMPLETED_WHEN_TAKEN = 6


async def take(settings: Settings, pictures: list[Path], size: tuple[int, int], compute: Compute) -> None:
    """Run the app in a window of this size, and save its picture once a few uploads are completed."""
    library = await Library.open(settings, compute=compute)
    app = VuemanticsApp(library, paths=pictures)
    async with app.run_test(size=size) as pilot:
        while (await library.queue.counts()).completed < COMPLETED_WHEN_TAKEN:
            await pilot.pause(0.02)
        await pilot.pause(0.2)
        target = HERE / f"main-{size[0]}x{size[1]}.svg"
        target.write_text(app.export_screenshot(title="vuemantics-tui"), "utf-8")
        await library.queue.stop()
    await library.close()


def main() -> None:
    """Take all pictures."""
    logging.getLogger("vuemantics_tui").addHandler(logging.NullHandler())
    with tempfile.TemporaryDirectory() as folder:
        pictures = draw(Path(folder) / "pictures")
        for size in SIZES:
            settings = replace(Settings(), library=Path(folder) / f"library-{size[0]}", keep_free_mib=0)
            compute = warm_compute(settings)
            asyncio.run(take(settings, pictures, size, compute))


if __name__ == "__main__":
    main()
