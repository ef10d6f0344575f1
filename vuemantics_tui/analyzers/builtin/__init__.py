"""The built-in analyzer: models shipped in wheels, run on the CPU, no server needed."""

from __future__ import annotations

ANALYZER_NAME = "builtin"
IMAGE_MODEL_NAME = "efficientnet-lite0"
# The number is the version of the recipe in `vectors`: vectors of different versions cannot be compared.
EMBEDDING_MODEL_NAME = "all-MiniLM-L6-v2-int8/3"
