"""What bounds each part of an examination."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.finding import Finding, Verdict

log = logging.getLogger(__name__)

# Loading a large model into memory is what takes longest; each part has its own, shorter limits within.
PART_SECONDS = 120.0


async def bounded(subject: str, part: Awaitable[list[Finding]]) -> list[Finding]:
    """What a part of the examination found, or that it could not be finished."""
    try:
        async with asyncio.timeout(PART_SECONDS):
            return await part
    except TimeoutError:
        return [Finding(Verdict.BAD, subject, f"not known: it took longer than {PART_SECONDS:.0f} seconds")]
    except VuemanticsError as error:
        return [Finding(Verdict.BAD, subject, error.message, error.hint)]
    except Exception as error:
        log.exception("the examination of %s failed", subject)
        return [Finding(Verdict.BAD, subject, f"not known: {type(error).__name__}: {error}", "The log tells more.")]
