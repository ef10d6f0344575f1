"""Text that is written in a picture: RapidOCR, with the models that are in its wheel."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from PIL import Image

from vuemantics_tui.analyzers.builtin.pictures import Pixels, within
from vuemantics_tui.analyzers.builtin.vision import VisionError, vision_reason

LONG_SIDE = 1024
"""Pixels of the long side of what is read: larger takes longer and finds little more."""

_SURE = 0.7
# A picture whose long side is no longer is doubled: a screenshot of 400 pixels is then read without a fault. Larger
# ones are read worse when they are enlarged.
_SMALL_SIDE = 512
# The network works on a grid of so many pixels, and rounds a smaller side down to nothing.
_GRID = 32
# A page of a book: more than anyone would search for, and no more than the embedding can hold.
_MOST_LINES = 200


class Reader:
    """Reads on one processor thread. Raises VisionError where the models cannot be loaded, or fail at a picture."""

    def __init__(self, detector: Path, turner: Path, recogniser: Path) -> None:
        try:
            import cv2
            from rapidocr import RapidOCR

            cv2.setNumThreads(1)
            self._engine = RapidOCR(params={
                "Global.log_level": "critical",
                "Global.text_score": _SURE,
                "Global.max_side_len": LONG_SIDE,
                # By default it enlarges what has a short side under 736: four times for a wide panorama.
                "Det.limit_type": "max",
                "Det.limit_side_len": LONG_SIDE,
                # With their paths given it neither looks for the models on the net nor writes beside them.
                "Det.model_path": str(detector),
                "Cls.model_path": str(turner),
                "Rec.model_path": str(recogniser),
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            })  # fmt: skip
            _silence()
            # It loads each model where it first needs it: now, so that a torn one is known before any picture.
            blank = np.full((_GRID, 2 * _GRID, 3), 255, np.uint8)
            self._engine(blank, use_det=True, use_cls=False, use_rec=False)
            self._engine(blank, use_det=False, use_cls=True, use_rec=True)
        except Exception as error:
            raise VisionError(vision_reason(error)) from error

    def read(self, pixels: Pixels) -> tuple[str, ...]:
        """The lines that are read with a score of 0.7 or more, in reading order.

        `pixels` have a long side of any length. A line of one character is left out: most are no text at all.
        """
        image = _readable(pixels)
        if min(image.size) < _GRID:
            return ()
        try:
            # It expects OpenCV's order of channels.
            reversed_channels = np.ascontiguousarray(np.asarray(image)[..., ::-1])
            # What it is told once it keeps, and the blank ones told it otherwise.
            found = self._engine(reversed_channels, use_det=True, use_cls=True, use_rec=True)
        except Exception as error:
            raise VisionError(vision_reason(error)) from error
        # Without any text, the result may be one that has no such field.
        lines = (" ".join(line.split()) for line in getattr(found, "txts", None) or ())
        return tuple(line for line in lines if len(line) > 1)[:_MOST_LINES]


def _readable(pixels: Pixels) -> Image.Image:
    image = within(pixels, LONG_SIDE)
    if max(image.size) > _SMALL_SIDE:
        return image
    return image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)


def _silence() -> None:
    """Take away the handler that rapidocr gives its logger: it would write over the screen."""
    logger = logging.getLogger("RapidOCR")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.addHandler(logging.NullHandler())
