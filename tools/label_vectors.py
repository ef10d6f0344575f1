"""Make the table of the built-in classes' vectors, which the package ships.

    python -m tools.label_vectors

Run it after a change of the text model, of the class names or of `data/topics.json`: a test compares the table with
what the model makes of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vuemantics_tui.analyzers.builtin.labels import labels_by_name
from vuemantics_tui.analyzers.builtin.vectors import label_vector

_TABLE = Path(__file__).parent.parent / "vuemantics_tui" / "analyzers" / "builtin" / "data" / "label_vectors.npy"


def main() -> None:
    """Write the table: shape (classes, 384), float16, in the order of `labels_by_name`."""
    np.save(_TABLE, np.stack([label_vector(name) for name in labels_by_name()]).astype(np.float16))


if __name__ == "__main__":
    main()
