"""The analyzer that needs no server: models that come inside wheels, run on the processor."""
