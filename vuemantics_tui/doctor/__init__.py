"""The doctor: checks of the program, its servers, the library and the terminal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence

from vuemantics_tui import paths
from vuemantics_tui.config import MIB, Settings
from vuemantics_tui.doctor import machine, terminal
from vuemantics_tui.doctor.analyzers import MODEL, examine_analyzers, examine_model
from vuemantics_tui.doctor.library import LIBRARY, PRIVACY, examine_library, examine_privacy, unusable
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.library import Access, Library
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.terminal import Answers

__all__ = ["PRIVACY", "examine", "is_ok"]

log = logging.getLogger(__name__)

IN_USE = "analyzer"
"""The subject of the finding about the analyzer in use."""

# Loading a large model into memory takes longest; each part has shorter limits of its own.
PART_SECONDS = 120.0


async def examine(settings: Settings, library: Library | None = None, answers: Answers | None = None) -> list[Finding]:
    """Check everything that the program needs. Each part takes a bounded time, and none raises.

    Without an open `library`, that of the settings is opened for reading, if there is one. `answers` are those of the
    terminal; without them it is asked.
    """
    if library is not None:
        return await _examine(settings, library, [], answers)
    if not await asyncio.to_thread(paths.database_file(settings.library).exists):
        nothing = Finding(Verdict.NEUTRAL, LIBRARY, f"{settings.library}: not created yet; the first add creates it")
        return await _examine(settings, None, [nothing], answers)
    try:
        library = await Library.open(settings, Access.READ)
    except VuemanticsError as error:
        return await _examine(settings, None, [unusable(error)], answers)
    try:
        return await _examine(settings, library, [], answers)
    finally:
        await library.close()


def is_ok(findings: Sequence[Finding]) -> bool:
    """Return whether the analyzer in use and the library have no problem."""
    return not any(finding.is_problem and finding.subject in (IN_USE, LIBRARY) for finding in findings)


async def _examine(
    settings: Settings, library: Library | None, about_library: list[Finding], answers: Answers | None
) -> list[Finding]:
    """Check all parts side by side; `about_library` are the findings about a library that is not open."""
    memory = settings.worker_memory_mib * MIB
    compute = library.compute if library else ProcessCompute(1, memory, provider=settings.provider)
    try:
        parts = await asyncio.gather(
            _bounded("program", machine.examine_program()),
            _bounded(IN_USE, examine_analyzers(settings, library, compute, IN_USE)),
            _bounded(MODEL, examine_model(settings, library, compute)),
            _bounded("vision", machine.examine_vision(compute, settings)),
            _bounded(LIBRARY, examine_library(library) if library else _known(about_library)),
            _bounded(PRIVACY, examine_privacy(settings)),
            _bounded("workers", machine.examine_workers(compute, settings)),
            _bounded("cluster", machine.examine_cluster(settings)),
            _bounded("disk", machine.examine_disk(settings)),
            _bounded("terminal", terminal.examine_terminal(settings, answers)),
        )
    finally:
        if library is None:
            await compute.close()
    problems = [Finding(Verdict.BAD, "settings", problem) for problem in settings.problems]
    return [finding for part in parts for finding in part] + problems


async def _known(findings: list[Finding]) -> list[Finding]:
    return findings


async def _bounded(subject: str, part: Awaitable[list[Finding]]) -> list[Finding]:
    """Return what a part found, or that it could not be finished."""
    try:
        async with asyncio.timeout(PART_SECONDS):
            return await part
    except TimeoutError:
        return [Finding(Verdict.BAD, subject, f"unknown: no result within {PART_SECONDS:.0f} seconds")]
    except VuemanticsError as error:
        return [Finding(Verdict.BAD, subject, error.message, error.hint)]
    except Exception as error:
        log.exception("the examination of %s failed", subject)
        return [Finding(Verdict.BAD, subject, f"unknown: {type(error).__name__}: {error}", "Details are in the log.")]
