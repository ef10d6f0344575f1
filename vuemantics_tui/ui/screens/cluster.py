"""ClusterScreen: the workers of the Dask cluster, what each does, and what was lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vuemantics_tui.domain.text import counted, size_words, visible
from vuemantics_tui.ui.actions import MOVE, action
from vuemantics_tui.ui.feed import Feed, LibraryChanged, TimePassed, WorkProgressed
from vuemantics_tui.ui.screens.page import READING, Reading
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import fit

if TYPE_CHECKING:
    from vuemantics_tui.library import ClusterState, Library, MemberState

LOOK_SECONDS = 1.0
# What the columns beside the name take.
_HEADINGS = ("threads", "in flight", "pictures/s", "bytes/s")
_LEAST_NAME_CELLS, _MOST_NAME_CELLS = 8, 40

UNSET = """\
No cluster is set.

Start the app with --cluster tcp://scheduler:8786, or set cluster in the settings. Its workers then make thumbnails, \
descriptions and vectors. On each machine:

  vuemantics-tui worker tcp://scheduler:8786"""


def cluster_lines(cluster: ClusterState | None, width: int) -> Content:
    """Return a line for each worker with what it does, below it why it is left out, then what was lost."""
    if cluster is None:
        return Content(UNSET)
    if not cluster.connected:
        if not cluster.tried:
            return Content("Connecting…")
        how = "The queue waits." if cluster.waits else "This machine does the work."
        return Content("\n").join(
            [
                Content.assemble(("○ ", "$warning"), f"Offline: {visible(cluster.trouble)}."),
                Content.styled(f"  {how} The app reconnects when the scheduler is back.", "$dim"),
                *_lost_lines(cluster),
            ]
        )
    if not cluster.members:
        return Content("\n").join(
            [
                Content.styled("The cluster has no workers. On each machine:", "$warning"),
                Content(""),
                Content(f"  vuemantics-tui worker {visible(cluster.address)}"),
                *_lost_lines(cluster),
            ]
        )
    figures = sum(len(heading) + 2 for heading in _HEADINGS)
    longest = max(cell_len(visible(member.name)) for member in cluster.members)
    cells = max(_LEAST_NAME_CELLS, min(_MOST_NAME_CELLS, longest, width - figures - 2))
    head = "  " + "worker".ljust(cells) + "".join(f"  {heading}" for heading in _HEADINGS)
    lines = [Content.styled(head, "$dim")]
    for member in cluster.members:
        lines += _member_lines(member, cells, width)
    return Content("\n").join([*lines, *_lost_lines(cluster)])


def _member_lines(member: MemberState, cells: int, width: int) -> list[Content]:
    facts = member.facts
    name = fit(visible(member.name), cells)
    figures = (
        str(member.threads),
        str(facts.running),
        f"{facts.pictures_per_second:.1f}",
        size_words(round(facts.bytes_per_second)),
    )
    told = "".join(f"  {figure:>{len(heading)}}" for figure, heading in zip(figures, _HEADINGS, strict=True))
    sign = ("! ", "$warning") if member.trouble else ("● ", "$success")
    lines = [Content.assemble(sign, (name + " " * (cells - cell_len(name)), "bold"), told)]
    notes = [f"left out: {member.trouble}"] if member.trouble else []
    notes += [f"best at {', '.join(member.tags)}"] if member.tags else []
    for note in notes:
        style = "$warning" if member.trouble else "$dim"
        lines += [
            Content.assemble("  ", (line.plain, style)) for line in Content(visible(note)).wrap(max(8, width - 2))
        ]
    return lines


def _lost_lines(cluster: ClusterState) -> list[Content]:
    if not cluster.lost:
        return []
    names = ", ".join(visible(name) for name in dict.fromkeys(cluster.lost_workers))
    of_whom = f" of {names}" if names else ""
    return [Content(""), Content.styled(f"Lost and run again: {counted(cluster.lost, 'call')}{of_whom}", "$warning")]


class ClusterScreen(Reading, SteadyScreen[None]):
    """Shows the cluster as it is, for as long as it is open."""

    HELP_TITLE = "Cluster"
    BINDINGS: ClassVar[list[BindingType]] = [
        *READING,
        action("cluster-back", "escape,q,%", "go_back", "back", "Back to the list", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library
        self._shown: tuple[ClusterState | None, int] | None = None

    def compose(self) -> ComposeResult:
        """Yield a title, the workers, the keys."""
        yield Static("Cluster", id="cluster-title", markup=False)
        with VerticalScroll(id="cluster-page", can_focus=False):
            yield Static(id="cluster-text", markup=False)
        yield KeysLine(id="cluster-keys")

    def on_mount(self) -> None:
        """Follow what is worked on; what workers tell of themselves comes in between."""
        Feed.of(self).follow(self)
        self.set_interval(LOOK_SECONDS, self._show)
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Wrap the lines to the new width, once the page has it."""
        self.call_after_refresh(self._show)

    @on(LibraryChanged)
    @on(WorkProgressed)
    @on(TimePassed)
    def _show(self) -> None:
        cluster, width = self._library.cluster, self.page.scrollable_content_region.width
        if not self.is_mounted or self._shown == (cluster, width):
            return
        self._shown = (cluster, width)
        self.query_one("#cluster-title", Static).update(cluster_title(cluster))
        self.query_one("#cluster-text", Static).update(cluster_lines(cluster, width))

    def action_go_back(self) -> None:
        """Go back to the list."""
        self.dismiss(None)


def cluster_title(cluster: ClusterState | None) -> str:
    """Return the title: where the cluster is, how many workers it has, and how much is on its way to them."""
    if cluster is None:
        return "Cluster"
    if not cluster.connected:
        return f"Cluster  {visible(cluster.address)}"
    at_work = counted(sum(not member.trouble for member in cluster.members), "worker")
    in_flight = sum(member.in_flight for member in cluster.members)
    size = size_words(sum(member.bytes_in_flight for member in cluster.members))
    flying = f", {counted(in_flight, 'call')} in flight ({size})" if in_flight else ""
    return f"Cluster  {visible(cluster.address)}  {at_work}{flying}"
