"""Heavy calls outside the event loop: in processes of this machine, or on the workers of a Dask cluster."""

from __future__ import annotations

from vuemantics_tui.processing.compute.pool import ProcessCompute

__all__ = ["ProcessCompute"]
