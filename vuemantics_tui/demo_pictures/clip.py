"""The demo's film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import ImageDraw

from vuemantics_tui.demo_pictures.canvas import Canvas

_CLIP_SIZE, _CLIP_RATE, _CLIP_SECONDS = (640, 360), 24, 3


def draw_clip(path: Path) -> None:
    """Draw a sailing boat that crosses the water: MPEG-4 part 2, which every build of FFmpeg can encode."""
    import av

    wide, tall = _CLIP_SIZE
    backdrop = Canvas(_CLIP_SIZE, ((0, (120, 190, 240)), (0.6, (226, 240, 248)), (1, (226, 240, 248))))
    backdrop.disc(520, 70, 34, (255, 240, 170), soft=10)
    backdrop.ridge(np.full(wide, 212.0) - backdrop.waves(70, 0.5) * 9, (120, 160, 140))
    sky = backdrop.image()
    columns = np.arange(0, wide + 8, 8)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=_CLIP_RATE)
        stream.width, stream.height, stream.pix_fmt = wide, tall, "yuv420p"
        stream.bit_rate = 2_000_000
        stream.codec_context.gop_size = _CLIP_RATE
        stream.codec_context.time_base = Fraction(1, _CLIP_RATE)
        for number in range(_CLIP_RATE * _CLIP_SECONDS):
            image = sky.copy()
            draw = ImageDraw.Draw(image)
            done = number / (_CLIP_RATE * _CLIP_SECONDS)
            for row, colour in enumerate(((84, 150, 196), (58, 124, 178), (38, 98, 156))):
                if row == 1:
                    _draw_boat(draw, 60 + done * 500, 252 + 5 * float(np.sin(done * 18)))
                heights = 222 + row * 42 + 5 * np.sin(columns / (26 + 8 * row) + done * (9 + 4 * row) + row)
                points = [*zip(columns.tolist(), heights.tolist(), strict=True), (wide, tall), (0, tall)]
                draw.polygon(points, fill=colour)
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame.pts = number
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def _draw_boat(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    draw.line((x, y, x, y - 132), fill=(90, 62, 40), width=5)
    draw.polygon([(x + 6, y - 128), (x + 6, y - 22), (x + 74, y - 22)], fill=(250, 250, 246))
    draw.polygon([(x - 6, y - 116), (x - 6, y - 22), (x - 52, y - 22)], fill=(222, 70, 56))
    draw.polygon([(x - 66, y - 12), (x + 78, y - 12), (x + 52, y + 24), (x - 46, y + 24)], fill=(132, 78, 44))
