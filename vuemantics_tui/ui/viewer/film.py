"""Film: the frames of a clip or animation, and FilmStrip, which shows them below the large frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.text import clock_words
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.ui.pictures.loader import Drawn, on_background

# For a clip as many as people look at; for an animation all frames, except in the longest ones.
MOST_MOMENTS, MOST_FRAMES = 24, 120
# Nearer moments of a clip look alike.
LEAST_STEP = 0.5
TILE_COLUMNS = 14
GAP = 1


@dataclass(frozen=True, slots=True)
class Film:
    """The `places` of its frames: seconds in a clip, numbers in an animation. A still has none."""

    places: tuple[float, ...] = ()
    is_clip: bool = False

    @classmethod
    def of(cls, upload: Upload) -> Film:
        """Return the film of an upload, by what its file says."""
        if upload.file_type is FileType.VIDEO:
            return cls.of_clip(upload.duration)
        frames = upload.metadata.get("frames", 1)
        if not isinstance(frames, int) or frames < 2:
            return cls()
        step = max(1.0, frames / MOST_FRAMES)
        return cls(tuple(float(int(number * step)) for number in range(min(frames, MOST_FRAMES))))

    @classmethod
    def of_clip(cls, seconds: float | None) -> Film:
        """Return moments spread evenly over a clip, from its beginning; none where nobody knows how long it is."""
        if not seconds or seconds <= 0:
            return cls(is_clip=True)
        count = max(2, min(MOST_MOMENTS, int(seconds / LEAST_STEP)))
        return cls(tuple(seconds * number / count for number in range(count)), is_clip=True)

    def __len__(self) -> int:
        return len(self.places)

    def label(self, index: int) -> str:
        """Return where a frame stands: its time, or its number from 1."""
        place = self.places[index]
        if not self.is_clip:
            return f"{int(place) + 1}"
        step = self.places[1] if len(self) > 1 else 1.0
        if step >= 1:
            return clock_words(int(place))
        digits = 1 if step >= 0.1 else 2
        return f"{clock_words(int(place))}.{int(place * 10**digits) % 10**digits:0{digits}}"


@dataclass
class FrameChosen(Message):
    """A frame of the strip was clicked."""

    index: int


class FilmStrip(Widget):
    """Frames side by side with their times below, those around the current one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"film-strip--current", "film-strip--time", "film-strip--blank"}

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._film = Film()
        self._current = 0
        self._tiles: dict[int, Drawn] = {}

    @property
    def rows(self) -> int:
        """How many lines a frame has."""
        return max(0, self.content_size.height - 1)

    def show(self, film: Film, current: int) -> None:
        """Show this film at one of its frames."""
        if film != self._film:
            self._film = film
            self._tiles.clear()
        self._current = current
        self.refresh()

    def put(self, index: int, drawn: Drawn) -> None:
        """Show how a frame looks."""
        self._tiles[index] = drawn
        self.refresh()

    def missing(self) -> list[int]:
        """Return the frames in sight that have no picture yet, the nearest to the current one first."""
        first, count = self._window()
        sought = [index for index in range(first, first + count) if index not in self._tiles]
        return sorted(sought, key=lambda index: abs(index - self._current))

    def on_resize(self) -> None:
        """Forget the pictures: they need another height."""
        self._tiles.clear()

    def on_click(self, event: events.Click) -> None:
        """Choose the frame."""
        first, count = self._window()
        index = first + event.x // (TILE_COLUMNS + GAP)
        if index < first + count:
            self.post_message(FrameChosen(index))

    def _window(self) -> tuple[int, int]:
        """Return the first frame in sight, and how many there are."""
        fits = max(1, (self.content_size.width + GAP) // (TILE_COLUMNS + GAP))
        count = min(fits, len(self._film))
        return max(0, min(self._current - count // 2, len(self._film) - count)), count

    def render_line(self, y: int) -> Strip:
        """Return one line of the frames in sight, or their times."""
        width, style = self.content_size.width, self.rich_style
        first, count = self._window()
        if not len(self._film):
            return Strip.blank(width, style)
        segments: list[Segment] = []
        for index in range(first, first + count):
            if y == self.content_size.height - 1:
                segments += self._label(index, style)
            else:
                segments += self._line_of(index, y, style)
            segments.append(Segment(" " * GAP, style))
        return Strip(segments).adjust_cell_length(width, style)

    def _label(self, index: int, style: Style) -> list[Segment]:
        label = f" {self._film.label(index)} "
        name = "film-strip--current" if index == self._current else "film-strip--time"
        before = (TILE_COLUMNS - len(label)) // 2
        fill = self.get_component_rich_style("film-strip--current") if index == self._current else style
        return [
            Segment("━" * before if index == self._current else " " * before, fill),
            Segment(label, self.get_component_rich_style(name)),
            Segment(("━" if index == self._current else " ") * (TILE_COLUMNS - before - len(label)), fill),
        ]

    def _line_of(self, index: int, y: int, style: Style) -> list[Segment]:
        drawn = self._tiles.get(index)
        blank = self.get_component_rich_style("film-strip--blank")
        if drawn is None:
            return [Segment(" " * TILE_COLUMNS, blank)]
        row = y - max(0, (self.rows - len(drawn)) // 2)
        if not 0 <= row < len(drawn):
            return [Segment(" " * TILE_COLUMNS, style)]
        strip = drawn[row]
        room = max(0, TILE_COLUMNS - strip.cell_length)
        return [
            Segment(" " * (room // 2), style),
            *on_background(strip, style),
            Segment(" " * (room - room // 2), style),
        ]
