"""The analyzer that needs no server: models that come inside wheels, run on the processor."""

from __future__ import annotations

ANALYZER_NAME = "builtin"
IMAGE_MODEL_NAME = "efficientnet-lite0"
# The number counts the recipe of `vectors`: vectors of two recipes cannot be compared.
EMBEDDING_MODEL_NAME = "all-MiniLM-L6-v2-int8/1"
