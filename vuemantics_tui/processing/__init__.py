"""From a path to a searchable upload."""
