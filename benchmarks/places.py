"""Measure how long coordinates take to become places: ours against the package reverse_geocoder, in one run.

    python -m benchmarks.places [COUNT]

The coordinates are near towns, as those of pictures are, and on one processor. The peer looks for the nearest of
130,000 towns and knows no borders, sizes or time zones; it is asked for one point at a time, as a worker asks, and for
all at once, as it is meant to be used.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from collections.abc import Callable

import numpy as np
import reverse_geocoder

from vuemantics_tui.media.places import locate

MOST_SECONDS = 10.0
_ONE_AT_A_TIME = 2_000


def points(count: int) -> list[tuple[float, float]]:
    """Return points up to 30 km from towns, and some anywhere, even on the sea."""
    random = np.random.default_rng(5)
    towns = np.array([(float(row["lat"]), float(row["lon"])) for row in peer().locations])
    near = towns[random.integers(0, len(towns), count)] + random.uniform(-0.25, 0.25, (count, 2))
    anywhere = np.column_stack((random.uniform(-90, 90, count), random.uniform(-180, 180, count)))
    mixed = np.where(random.random((count, 1)) < 0.9, near, anywhere)
    return [(float(latitude), float(longitude)) for latitude, longitude in mixed.clip((-90, -180), (90, 180))]


def peer() -> reverse_geocoder.RGeocoder:
    """Return the peer on one processor, without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return reverse_geocoder.RGeocoder(mode=1, verbose=False)


def microseconds(work: Callable[[], object], count: int) -> float:
    """Return how long each of `count` look-ups took, in processor time."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / count * 1e6


def main() -> int:
    """Print a table; 1 if 100,000 of ours take more than 10 s."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    count = parser.parse_args().count
    geocoder, asked = peer(), points(count)
    locate(0.5, 0.5)
    ours = microseconds(lambda: [locate(*point) for point in asked], count)
    one = microseconds(
        lambda: [geocoder.query([point]) for point in asked[:_ONE_AT_A_TIME]], min(count, _ONE_AT_A_TIME)
    )
    batch = microseconds(lambda: geocoder.query(asked), count)
    for name, each in (
        ("ours", ours),
        ("reverse_geocoder, one at a time", one),
        ("reverse_geocoder, all at once", batch),
    ):
        sys.stdout.write(f"{name:34} {each:8.1f} us  {each / one:6.2f}\n")
    return int(ours * 100_000 / 1e6 > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
