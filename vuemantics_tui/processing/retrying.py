"""How long a failed attempt waits for the next one."""

from __future__ import annotations

import random
from collections.abc import Callable

MOST_SECONDS = 60.0
# A server may ask for any pause; what asks for longer than this is looked at again all the same.
MOST_SECONDS_ASKED_FOR = 600.0
# So that uploads which failed together do not come back together.
JITTER = (0.75, 1.25)


def retry_delay(
    attempts: int, retry_after: float | None = None, jitter: Callable[[float, float], float] = random.uniform
) -> float:
    """Seconds until the next attempt after so many: 2, 4, 8 ... with jitter, and no less than the server asked for."""
    delay = min(MOST_SECONDS, 2.0**attempts * jitter(*JITTER))
    return max(delay, min(retry_after or 0.0, MOST_SECONDS_ASKED_FOR))
