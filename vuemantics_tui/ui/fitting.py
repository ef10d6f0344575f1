"""Text that is safe to show, in exactly as many cells as there are."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

# A file's ending is what tells it from its neighbours, so it outlives the middle of a long name.
LONGEST_ENDING = 6


def fit(text: str, width: int) -> str:
    """Text (already visible) in exactly `width` cells: filled up with blanks, or cut short with an ellipsis."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…"


def fit_name(name: str, width: int) -> str:
    """As `fit`, for the name of a file: what is cut from a long one is its middle, not its ending."""
    dot = name.rfind(".")
    ending = name[dot:] if dot > 0 else ""
    ending_width = cell_len(ending)
    if cell_len(name) <= width or not ending or ending_width > LONGEST_ENDING or ending_width * 2 > width:
        return fit(name, width)
    return set_cell_size(name[:dot], width - ending_width - 1) + "…" + ending
