"""The models of the extra `vision`: a text reader (RapidOCR) and a face finder (OpenCV)."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from vuemantics_tui.analyzers.builtin.pictures import Pixels, within
from vuemantics_tui.analyzers.builtin.vision import DETAILED, VisionError, vision_reason

_SURE_TEXT = 0.7
# A picture whose long side is no longer is doubled: a screenshot of 400 pixels is then read without errors. Larger
# ones are read worse when they are enlarged.
_SMALL_SIDE = 512
# The network works on a grid of this many pixels, and rounds a smaller side down to 0.
_GRID = 32
# A page of a book: more than anyone would search for, and no more than the embedding can hold.
_MOST_LINES = 200


class Reader:
    """Reads text on one CPU thread. Raises VisionError if the models cannot be loaded, or fail on a picture."""

    def __init__(self, detector: Path, turner: Path, recogniser: Path) -> None:
        try:
            import cv2
            from rapidocr import RapidOCR

            cv2.setNumThreads(1)
            self._engine = RapidOCR(params={
                "Global.log_level": "critical",
                "Global.text_score": _SURE_TEXT,
                "Global.max_side_len": DETAILED.long_side,
                # By default it enlarges what has a short side under 736: four times for a wide panorama.
                "Det.limit_type": "max",
                "Det.limit_side_len": DETAILED.long_side,
                # With their paths given it neither looks for the models on the net nor writes beside them.
                "Det.model_path": str(detector),
                "Cls.model_path": str(turner),
                "Rec.model_path": str(recogniser),
                # Line by line: six at a time, as by default, take 200 MB more and longer, each padded to the widest.
                "Cls.cls_batch_num": 1,
                "Rec.rec_batch_num": 1,
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
        """Return the lines read with a score of 0.7 or more, in reading order.

        `pixels` may be of any size. Lines of one character are left out: most are no text at all.
        """
        image = _readable(pixels)
        if min(image.size) < _GRID:
            return ()
        try:
            # It expects OpenCV's order of channels.
            reversed_channels = np.ascontiguousarray(np.asarray(image)[..., ::-1])
            # It remembers these options, and the calls with blank pictures used others.
            found = self._engine(reversed_channels, use_det=True, use_cls=True, use_rec=True)
        except Exception as error:
            raise VisionError(vision_reason(error)) from error
        # Without any text, the result may be one that has no such field.
        lines = (" ".join(line.split()) for line in getattr(found, "txts", None) or ())
        return tuple(line for line in lines if len(line) > 1)[:_MOST_LINES]


def _readable(pixels: Pixels) -> Image.Image:
    image = within(pixels, DETAILED.long_side)
    if max(image.size) > _SMALL_SIDE:
        return image
    return image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)


def _silence() -> None:
    """Remove the handler of rapidocr's logger, which would write over the screen."""
    logger = logging.getLogger("RapidOCR")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.addHandler(logging.NullHandler())


# The long side of the picture to search, and the smallest face as a share of it.
_FACES_LONG_SIDE = 1024
_LEAST_SHARE = 0.04
# The side of the cascade's window in pixels.
_WINDOW = 20
# Measured on labelled photos: 11 true faces, no false one. Of 100 portraits of "Labeled Faces in the Wild" it keeps
# 91; faults of the cascade on photos without a face stay under 55.7.
_SURE_FACE = 56.0
# OpenCV's own defaults: the step from one size to the next, and how many hits make a face.
_STEP, _NEIGHBOURS = 1.1, 3


class FaceFinder:
    """Finds faces on one CPU thread. Raises VisionError if OpenCV cannot be loaded, or fails on a picture."""

    def __init__(self, cascade: Path) -> None:
        # A cascade keeps what it is looking at: two threads at once would mix it up.
        self._lock = threading.Lock()
        try:
            import cv2

            cv2.setNumThreads(1)
            self._cascade = cv2.CascadeClassifier(str(cascade))
            if self._cascade.empty():
                raise VisionError(f"{cascade.name} cannot be read")
            self._look(np.zeros((_WINDOW, _WINDOW), np.uint8))
        except VisionError:
            raise
        except Exception as error:
            raise VisionError(vision_reason(error)) from error

    def find(self, pixels: Pixels) -> tuple[float, ...]:
        """Return the height of each face as a share (0..1) of the picture's short side, largest first."""
        grey = np.asarray(within(pixels, _FACES_LONG_SIDE).convert("L"))
        if min(grey.shape) < _WINDOW:
            return ()
        try:
            heights = self._look(grey)
        except Exception as error:
            raise VisionError(vision_reason(error)) from error
        return tuple(sorted((height / min(grey.shape) for height in heights), reverse=True))

    def _look(self, grey: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> list[float]:
        """Return the heights in pixels of the faces found with confidence."""
        least = max(_WINDOW, round(max(grey.shape) * _LEAST_SHARE))
        with self._lock:
            boxes, _, scores = self._cascade.detectMultiScale3(
                grey, scaleFactor=_STEP, minNeighbors=_NEIGHBOURS, minSize=(least, least), outputRejectLevels=True
            )
        rated = zip(np.reshape(boxes, (-1, 4)), np.ravel(scores), strict=True)
        return [float(box[3]) for box, score in rated if score >= _SURE_FACE]
