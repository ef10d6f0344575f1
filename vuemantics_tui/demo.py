"""The demo: a temporary library of drawn pictures, and its run without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vuemantics_tui.config import Settings
from vuemantics_tui.demo_pictures import BROKEN_NAME, draw_demo
from vuemantics_tui.domain.upload import ProcessingStatus, Upload
from vuemantics_tui.library import Library


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """The result of a demo without a screen."""

    uploads: list[Upload]
    as_it_should: bool
    verdict: str


def demo_settings(settings: Settings, library: Path) -> Settings:
    """Return the settings of a demo in this folder: always the built-in analyzer."""
    return replace(settings, library=library, keep_free_mib=0, analyzer="builtin", embedder="same")


def draw(folder: Path) -> list[Path]:
    """Draw the demo's pictures, its clip and its broken file into a new folder; return their paths."""
    folder.mkdir(parents=True)
    return draw_demo(folder)


async def run_without_screen(settings: Settings, pictures: Sequence[Path]) -> DemoOutcome:
    """Add the demo's pictures and process them. Everything but the broken file should complete."""
    library = await Library.open(settings)
    try:
        feed = library.changes()
        await feed.skip_to_now()
        await library.queue.start()
        candidates = await library.gather(pictures, recursive=False)
        added = [result.upload async for result in library.add(candidates) if result.upload is not None]
        mine = {upload.number for upload in added}
        async for _ in library.queue.ended(feed, mine):
            pass
        uploads = await library.uploads.newest()
    finally:
        await library.close()
    broken = [upload for upload in uploads if upload.filename == BROKEN_NAME]
    completed = [upload for upload in uploads if upload.status is ProcessingStatus.COMPLETED]
    as_it_should = (
        len(uploads) == len(pictures)
        and len(completed) == len(uploads) - 1
        and all(upload.status is ProcessingStatus.FAILED and upload.error_message for upload in broken)
    )
    verdict = f"{len(completed)} of {len(uploads)} completed. {BROKEN_NAME!r} failed, as expected."
    return DemoOutcome(
        uploads, as_it_should, verdict if as_it_should else "The demo failed: some uploads did not end as expected."
    )
