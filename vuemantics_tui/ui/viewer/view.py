"""View: which part of a picture a window shows, and how large. Lengths in pixels of the terminal, places in 0..1."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vuemantics_tui.domain.media import WHOLE, Crop

# Each step of zooming is half as large again.
ZOOM_STEP = 1.5
# Beyond, one pixel of a large photo would fill a tenth of a window.
MOST_ZOOM = 32.0
# How much of the window a step of panning moves.
PAN_STEP = 0.25


@dataclass(frozen=True, slots=True)
class View:
    """A window of `box` (width, height) on a picture of `size` (width, height).

    `zoom` is how much larger than the whole picture in the window it is shown; `centre` is the place of the picture in
    the middle of the window.
    """

    size: tuple[int, int]
    box: tuple[int, int]
    zoom: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)

    @property
    def shown(self) -> tuple[float, float]:
        """Return how large the whole picture would be, width and height."""
        scale = min(self.box[0] / self.size[0], self.box[1] / self.size[1]) * self.zoom
        return self.size[0] * scale, self.size[1] * scale

    @property
    def side(self) -> int:
        """Return the long side in which the whole picture must be decoded; never more than it has."""
        return min(max(1, round(max(self.shown))), max(self.size))

    @property
    def crop(self) -> Crop:
        """Return the part that the window shows: left, top, right, bottom."""
        if not self.is_zoomed:
            return WHOLE
        edges = []
        for centre, box, shown in zip(self.centre, self.box, self.shown, strict=True):
            half = min(1.0, box / shown) / 2
            middle = min(1 - half, max(half, centre))
            edges.append((middle - half, middle + half))
        (left, right), (top, bottom) = edges
        return left, top, right, bottom

    @property
    def is_zoomed(self) -> bool:
        """Return whether less than the whole picture is shown."""
        return self.zoom > 1

    @property
    def life_size(self) -> float:
        """Return the zoom that shows each pixel of the picture as one of the terminal."""
        return max(self.size[0] / self.box[0], self.size[1] / self.box[1])

    @property
    def is_life_size(self) -> bool:
        """Return whether each pixel of the picture is one of the terminal."""
        return abs(self.zoom - self.life_size) < 1e-6

    def zoomed(self, steps: int, about: tuple[float, float] = (0.5, 0.5)) -> View:
        """Return the view so many steps nearer, or further away for less than 0, as far as there are any.

        What is seen at the place `about` in the window, in 0..1 of its width and height, stays there.
        """
        zoom = min(max(1.0, self.zoom * ZOOM_STEP**steps), max(MOST_ZOOM, self.life_size))
        if zoom <= 1:
            return self.whole()
        nearer = replace(self, zoom=zoom)
        x, y = (
            at + (place - 0.5) * (box / before - box / after)
            for at, place, box, before, after in zip(
                self.centre, about, self.box, self.shown, nearer.shown, strict=True
            )
        )
        return nearer._centred(x, y)

    def toggled(self) -> View:
        """Return the view at life size, or of the whole picture if it is at life size."""
        return self.whole() if self.is_life_size else replace(self, zoom=self.life_size)

    def whole(self) -> View:
        """Return the view of the whole picture, as large as the window."""
        return replace(self, zoom=1.0, centre=(0.5, 0.5))

    @property
    def is_whole(self) -> bool:
        """Return whether the whole picture is shown, as large as the window."""
        return self.zoom == 1

    @property
    def percent(self) -> int:
        """Return how large a pixel of the picture is shown, in hundredths of one of the terminal."""
        return round(100 * self.zoom / self.life_size)

    def dragged(self, across: float, down: float) -> View:
        """Return the view after the picture was drawn so many pixels to the right and down."""
        return self._centred(self.centre[0] - across / self.shown[0], self.centre[1] - down / self.shown[1])

    def panned(self, across: int, down: int) -> View:
        """Return the view so many steps to the right and down, as far as the picture goes."""
        x, y = (
            at + steps * PAN_STEP * box / shown
            for at, box, shown, steps in zip(self.centre, self.box, self.shown, (across, down), strict=True)
        )
        return self._centred(x, y)

    def _centred(self, x: float, y: float) -> View:
        centre = []
        for at, box, shown in zip((x, y), self.box, self.shown, strict=True):
            half = min(1.0, box / shown) / 2
            centre.append(min(1 - half, max(half, at)))
        return replace(self, centre=(centre[0], centre[1]))
