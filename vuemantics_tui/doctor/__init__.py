"""What is installed, reachable and possible."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vuemantics_tui import paths
from vuemantics_tui.config import MIB, Settings
from vuemantics_tui.doctor import bounds, machine, terminals
from vuemantics_tui.doctor.analyzers import examine_analyzers
from vuemantics_tui.doctor.libraries import LIBRARY, examine_library, unusable
from vuemantics_tui.doctor.privacy import PRIVACY, examine_privacy
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.finding import Finding, Verdict
from vuemantics_tui.library import Library
from vuemantics_tui.processing.compute import ProcessCompute

__all__ = ["PRIVACY", "examine", "is_ok"]

IN_USE = "analyzer"
"""The subject of the finding about the analyzer in use."""


async def examine(settings: Settings, library: Library | None = None) -> list[Finding]:
    """Look at everything that the program needs; each part takes a bounded time, and none raises.

    Without an open `library`, that of the settings is opened where there is one, and none is made where there is none.
    """
    if library is not None:
        return await _examine(settings, library, [])
    if not await asyncio.to_thread(paths.database_file(settings.library).exists):
        nothing = Finding(Verdict.NEUTRAL, LIBRARY, f"{settings.library}: not made yet; the first add makes it")
        return await _examine(settings, None, [nothing])
    try:
        library = await Library.open(settings)
    except VuemanticsError as error:
        return await _examine(settings, None, [unusable(error)])
    try:
        return await _examine(settings, library, [])
    finally:
        await library.close()


def is_ok(findings: Sequence[Finding]) -> bool:
    """Whether nothing is wrong with the analyzer in use and with the library."""
    return not any(finding.is_problem and finding.subject in (IN_USE, LIBRARY) for finding in findings)


async def _examine(settings: Settings, library: Library | None, about_library: list[Finding]) -> list[Finding]:
    """All parts side by side; `about_library` is what is known where it is not open."""
    compute = library.compute if library else ProcessCompute(1, settings.worker_memory_mib * MIB)
    try:
        parts = await asyncio.gather(
            bounds.bounded("program", machine.examine_program()),
            bounds.bounded(IN_USE, examine_analyzers(settings, library, compute, IN_USE)),
            bounds.bounded("vision", machine.examine_vision(compute, settings)),
            bounds.bounded(LIBRARY, examine_library(library) if library else _known(about_library)),
            bounds.bounded("workers", machine.examine_workers(compute, settings)),
            bounds.bounded(PRIVACY, examine_privacy(settings)),
            bounds.bounded("disk", machine.examine_disk(settings)),
            bounds.bounded("terminal", terminals.examine_terminal(settings)),
        )
    finally:
        if library is None:
            await compute.close()
    problems = [Finding(Verdict.BAD, "settings", problem) for problem in settings.problems]
    return [finding for part in parts for finding in part] + problems


async def _known(findings: list[Finding]) -> list[Finding]:
    return findings
