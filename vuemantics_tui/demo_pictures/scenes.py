"""The demo's pictures and its film: views of nature, cities, a still life, a poster and a chart."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1280, 853
# What every random number of the demo begins with, so that the drawing is the same every time.
SEED = 20240229

Colour = tuple[int, int, int]
Plane = npt.NDArray[np.float32]


class Canvas:
    """A picture in floats: shapes are laid over it by masks, so that every edge is smooth."""

    def __init__(self, size: tuple[int, int], stops: Sequence[tuple[float, Colour]]) -> None:
        """Begin with a vertical gradient: `stops` are heights (0 the top, 1 the bottom) with their colours."""
        self.width, self.height = size
        self.y, self.x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        heights, colours = [stop[0] for stop in stops], np.array([stop[1] for stop in stops], np.float32)
        rows = np.linspace(0, 1, self.height)
        column = np.stack([np.interp(rows, heights, colours[:, band]) for band in range(3)], axis=1)
        self.pixels = np.repeat(column[:, None, :], self.width, axis=1).astype(np.float32)

    def cover(self, colour: Colour | Plane, mask: Plane) -> None:
        """Lay a colour, or a whole picture, over the canvas where `mask` (0..1) says."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            return
        # Most masks are empty outside of a part.
        part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        paint = np.asarray(colour, np.float32)
        pixels = self.pixels[part]
        pixels += ((paint[part] if paint.ndim == 3 else paint) - pixels) * mask[part].astype(np.float32)[..., None]

    def disc(self, x: float, y: float, radius: float, colour: Colour, soft: float = 1.0) -> None:
        """A disc whose edge fades over `soft` pixels."""
        reach = radius + soft
        rows = slice(max(0, int(y - reach)), max(0, int(y + reach) + 1))
        columns = slice(max(0, int(x - reach)), max(0, int(x + reach) + 1))
        distance = np.hypot(self.x[rows, columns] - x, self.y[rows, columns] - y)
        mask = np.clip((radius - distance) / soft + 0.5, 0, 1)
        # Smoothstep: a straight fade would show where it begins and ends.
        mask = mask * mask * (3 - 2 * mask)
        part = self.pixels[rows, columns]
        part += (np.array(colour, np.float32) - part) * mask[..., None]

    def ridge(self, heights: npt.NDArray[Any], colour: Colour | Plane) -> None:
        """Everything below a line: `heights` is the y of its edge for each column."""
        top = max(0, int(heights.min()) - 1)
        mask = np.clip(self.y[top:] - heights[None, :].astype(np.float32) + 0.5, 0, 1)
        paint = np.asarray(colour, np.float32)
        part = self.pixels[top:]
        part += ((paint[top:] if paint.ndim == 3 else paint) - part) * mask[..., None]

    def waves(self, seed: int, roughness: float, steps: int = 7) -> npt.NDArray[np.float64]:
        """A line of hills in -1..1 or so: sine waves, each twice as fast and `roughness` times as high."""
        random = np.random.default_rng(SEED + seed)
        along = np.linspace(0, 2 * np.pi, self.width)
        line = np.zeros(self.width)
        for step in range(steps):
            phase, pace = random.uniform(0, 2 * np.pi), random.uniform(0.7, 1.3)
            line += roughness**step * np.sin(along * pace * 2**step + phase)
        return line

    def clouds(self, seed: int, cells: tuple[int, int], least: float) -> Plane:
        """Clouds in 0..1: noise in five sizes, the coarsest of so many cells across and down; below `least` is none."""
        # They are soft: a third of the pixels each way is enough.
        size = (self.width // 3, self.height // 3)
        noise = np.zeros((size[1], size[0]), np.float32)
        for octave in range(5):
            noise += _noise(seed + octave, (cells[0] * 2**octave, cells[1] * 2**octave), size) / 2**octave
        noise = (noise - noise.min()) / (noise.max() - noise.min())
        return _enlarged(np.clip((noise - least) / (1 - least), 0, 1), (self.width, self.height))

    def grain(self, seed: int, size: int) -> Plane:
        """Noise about 0 whose grains are so many pixels large."""
        cells = (max(2, self.width // size), max(2, self.height // size))
        return _noise(seed, cells, (self.width, self.height)) * 2 - 1

    def image(self) -> Image.Image:
        """The picture as a camera would have it: a little darker in the corners, with a little noise."""
        away = (self.x / self.width - 0.5) ** 2 + (self.y / self.height - 0.5) ** 2
        tile = np.random.default_rng(SEED).normal(0, 2.2, (256, 256)).astype(np.float32)
        noise = np.tile(tile, (-(-self.height // 256), -(-self.width // 256)))[: self.height, : self.width]
        self.pixels *= (1.03 - 0.34 * away)[..., None]
        self.pixels += noise[..., None]
        return Image.fromarray(np.clip(self.pixels, 0, 255, out=self.pixels).astype(np.uint8), "RGB")


def _noise(seed: int, cells: tuple[int, int], size: tuple[int, int]) -> Plane:
    return _enlarged(np.random.default_rng(SEED + seed).random((cells[1], cells[0]), np.float32), size)


def _enlarged(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC))


def begin_scene(*stops: tuple[float, Colour]) -> Canvas:
    """A canvas of WIDTH x HEIGHT pixels with a gradient of these stops."""
    return Canvas((WIDTH, HEIGHT), stops)


def sunset() -> Image.Image:
    scene = begin_scene((0, (38, 40, 92)), (0.3, (150, 70, 110)), (0.5, (245, 130, 70)), (0.6, (255, 205, 120)))
    horizon = int(HEIGHT * 0.6)
    scene.cover((255, 150, 110), scene.clouds(2, (4, 9), 0.48) * np.clip(scene.y / horizon, 0, 1) * 0.7)
    scene.disc(640, horizon - 60, 200, (255, 190, 100), soft=480)
    # The water mirrors the sky, darker and broken by ripples that grow towards the viewer.
    depth = np.arange(HEIGHT - horizon)
    mirrored = scene.pixels[np.clip(horizon - 1 - depth, 0, None)]
    ripple = np.sin(depth[:, None] * 40 / (8 + depth[:, None] * 0.18) + np.sin(scene.x[: len(depth)] / 35) * 0.8)
    glitter = np.exp(-(((scene.x[: len(depth)] - 640) / (60 + depth[:, None] * 0.9)) ** 2)) * np.clip(ripple, 0, 1)
    water = mirrored * 0.62 + np.array((4, 10, 30)) + ripple[..., None] * 7
    scene.disc(640, horizon - 30, 80, (255, 240, 190), soft=4)
    # Laid last, the water covers what of the sun has set.
    scene.pixels[horizon:] = water + glitter[..., None] * np.array((150, 105, 50))
    # Headlands left and right, that run out towards the middle.
    land = np.clip(np.abs(np.linspace(-1, 1, WIDTH)) - 0.42, 0, 1) ** 0.7 * (92 + scene.waves(1, 0.5) * 16)
    coast = np.clip(scene.y - (horizon - land)[None, :] + 0.5, 0, 1) * (scene.y < horizon)
    scene.cover((58, 40, 78), coast.astype(np.float32))
    return scene.image()


def mountains() -> Image.Image:
    scene = begin_scene((0, (64, 130, 205)), (0.7, (205, 228, 245)), (1, (220, 236, 248)))
    scene.cover((255, 255, 255), scene.clouds(160, (6, 7), 0.55) * np.clip(1.2 - scene.y / 480, 0, 1))
    x = np.linspace(0, 1, WIDTH)
    jagged = scene.waves(3, 0.58, 9)
    back = HEIGHT * 0.5 - jagged * 40 - np.exp(-(((x - 0.75) / 0.2) ** 2)) * 130
    scene.ridge(back, (150, 178, 208))
    peak = HEIGHT * 0.72 - scene.waves(4, 0.6, 9) * 26
    for centre, width, height in ((0.36, 0.2, 470), (0.62, 0.13, 300), (0.08, 0.16, 250), (0.93, 0.15, 290)):
        peak = np.minimum(peak, HEIGHT * 0.8 - height * np.clip(1 - np.abs(x - centre) / width, 0, 1) - jagged * 11)
    # Snow lies above a ragged line; each slope is lit where it falls to the left.
    lit = np.clip(0.5 - np.gradient(peak) * 0.35, 0, 1)
    light = (lit[:, None] * (252, 254, 255) + (1 - lit[:, None]) * (170, 194, 224)).astype(np.float32)
    stone = (lit[:, None] * (112, 116, 132) + (1 - lit[:, None]) * (70, 76, 98)).astype(np.float32)
    scene.ridge(peak, np.broadcast_to(stone[None], scene.pixels.shape))
    snow_line = np.maximum(peak, HEIGHT * 0.5) + 40 + scene.waves(5, 0.85, 9) * 13
    above = np.clip(snow_line[None, :] - scene.y, 0, 1) * np.clip(scene.y - peak[None, :] + 0.5, 0, 1)
    scene.cover(np.broadcast_to(light[None], scene.pixels.shape), above.astype(np.float32))
    _firs(scene, HEIGHT * 0.84 - scene.waves(6, 0.5) * 16, 26, 74, (28, 62, 58), 7)
    scene.ridge(HEIGHT * 0.9 - scene.waves(8, 0.4) * 10, (240, 245, 250))
    return scene.image()


def _firs(scene: Canvas, ground: npt.NDArray[Any], spacing: int, height: int, colour: Colour, seed: int) -> None:
    """A row of firs as one line of spikes, down to the bottom of the canvas."""
    random = np.random.default_rng(SEED + seed)
    line = ground.copy()
    columns = np.arange(scene.width)
    for centre in range(-spacing, scene.width + spacing, spacing):
        middle, tall = centre + random.uniform(-0.4, 0.4) * spacing, height * random.uniform(0.55, 1.15)
        away = np.abs(columns - middle)
        foot = ground[int(np.clip(middle, 0, scene.width - 1))]
        line = np.minimum(line, foot - tall + away * 3.4 - (away * 3.4 % (tall / 5)) * 0.55)
    scene.ridge(np.minimum(line, ground), colour)


def night() -> Image.Image:
    scene = begin_scene((0, (6, 8, 30)), (0.65, (24, 32, 84)), (1, (58, 62, 118)))
    random = np.random.default_rng(SEED)
    for _ in range(420):
        x, y = int(random.integers(2, WIDTH - 3)), int(random.integers(2, int(HEIGHT * 0.8)))
        bright = random.uniform(60, 220)
        scene.pixels[y, x] += bright
        if bright > 170:
            scene.pixels[y - 1 : y + 2, x - 1 : x + 2] += bright * 0.45
    scene.disc(930, 230, 150, (70, 80, 140), soft=220)
    scene.disc(930, 230, 92, (246, 242, 220), soft=2)
    for x, y, radius in ((900, 205, 20), (955, 255, 26), (945, 190, 12), (890, 262, 14), (980, 212, 10)):
        scene.disc(x, y, radius, (222, 216, 192), soft=5)
    scene.ridge(HEIGHT * 0.84 - scene.waves(12, 0.45) * 34, (20, 24, 58))
    _firs(scene, HEIGHT * 0.93 - scene.waves(13, 0.4) * 14, 34, 96, (7, 9, 26), 14)
    return scene.image()


def forest() -> Image.Image:
    scene = begin_scene((0, (214, 228, 214)), (1, (186, 208, 186)))
    scene.disc(900, 130, 120, (252, 250, 226), soft=330)
    for layer in range(6):
        near = layer / 5
        far_colour, near_colour = np.array((164, 192, 172)), np.array((20, 58, 40))
        red, green, blue = (far_colour + (near_colour - far_colour) * near).astype(int)
        ground = HEIGHT * (0.42 + 0.12 * layer) - scene.waves(20 + layer, 0.5) * 18
        _firs(scene, ground, 30 + 14 * layer, 110 + 42 * layer, (int(red), int(green), int(blue)), 30 + layer)
    return scene.image()


def dunes() -> Image.Image:
    scene = begin_scene((0, (70, 140, 205)), (0.5, (244, 222, 190)), (1, (244, 222, 190)))
    scene.disc(250, 150, 50, (255, 250, 220), soft=40)
    x = np.linspace(0, 1, WIDTH)
    for number, (level, height, phase, pace) in enumerate(
        ((0.46, 26, 0.4, 9), (0.56, 52, 2.2, 6), (0.68, 74, 4.4, 4.6), (0.86, 84, 1.3, 3.2))
    ):
        # Dunes lean: the crest follows a sine wave bent towards the wind.
        angle = x * pace + phase
        crest = HEIGHT * level - height * np.sin(angle + 0.45 * np.sin(angle))
        below = scene.y - crest[None, :].astype(np.float32)
        shade = np.clip(0.55 + np.gradient(crest) * 0.9, 0.12, 1)[None, :, None]
        ripples = np.sin(below / (4 + number) + scene.x / 70) * (2.5 + number)
        lit = np.array((240, 184, 112)) - number * np.array((3, 7, 9))
        dark = np.array((176, 106, 62)) - number * np.array((6, 6, 5))
        fall = np.clip(1 - below / 900, 0.7, 1)[..., None]
        sand = ((lit * shade + dark * (1 - shade)) * fall + ripples[..., None]).astype(np.float32)
        scene.ridge(crest, sand)
    return scene.image()


def meadow() -> Image.Image:
    scene = begin_scene((0, (84, 160, 228)), (0.6, (206, 232, 250)), (1, (206, 232, 250)))
    scene.cover((255, 255, 255), scene.clouds(170, (5, 6), 0.45) * np.clip(1.15 - scene.y / 430, 0, 1))
    scene.ridge(HEIGHT * 0.56 - scene.waves(40, 0.4) * 26, (122, 176, 118))
    scene.ridge(HEIGHT * 0.63 - scene.waves(41, 0.35) * 30, (104, 172, 76))
    front = HEIGHT * 0.72 - scene.waves(42, 0.3) * 26
    scene.ridge(front, (86, 164, 56))
    random = np.random.default_rng(SEED + 43)
    image = scene.image()
    draw = ImageDraw.Draw(image)
    draw.rectangle((968, 420, 990, 560), fill=(98, 66, 40))
    for x, y, reach in ((979, 350, 92), (910, 400, 62), (1048, 400, 62), (979, 420, 70)):
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(58, 128, 52))
    for _ in range(900):
        x = int(random.integers(0, WIDTH))
        y = int(random.integers(int(front[x]) + 14, HEIGHT))
        near = (y - HEIGHT * 0.6) / (HEIGHT * 0.4)
        draw.line((x, y, x + int(random.integers(-4, 5)), y - int(6 + 18 * near)), fill=(62, 136, 44), width=2)
        if random.random() < 0.3:
            petals = 2 + 5 * near
            colour = ((250, 240, 250), (250, 214, 60), (226, 70, 70))[int(random.integers(3))]
            draw.ellipse((x - petals, y - petals, x + petals, y + petals), fill=colour)
    return image


def balloon() -> Image.Image:
    scene = begin_scene((0, (90, 170, 232)), (0.75, (222, 240, 250)), (1, (222, 240, 250)))
    scene.cover((255, 255, 255), scene.clouds(180, (4, 7), 0.5) * 0.8)
    scene.ridge(HEIGHT * 0.86 - scene.waves(60, 0.5) * 22, (132, 172, 150))
    scene.ridge(HEIGHT * 0.92 - scene.waves(61, 0.45) * 16, (92, 148, 92))
    for x, y, radius in ((680, 330, 235), (230, 250, 74)):
        _draw_balloon(scene, x, y, radius)
    return scene.image()


def _draw_balloon(scene: Canvas, x: float, y: float, radius: float) -> None:
    rows = slice(max(0, int(y - radius) - 2), int(y + 1.7 * radius) + 2)
    columns = slice(max(0, int(x - radius) - 2), int(x + radius) + 2)
    across, down = (scene.x[rows, columns] - x) / radius, (scene.y[rows, columns] - y) / radius
    # Round above; below, the sides run together towards the basket.
    lower = 0.995 * np.cos(np.clip(down - 0.1, 0, 1.12) * 1.12)
    width = np.where(down < 0.1, np.sqrt(np.clip(1 - down**2, 0, 1)), lower)
    inside = np.clip((width - np.abs(across)) * radius + 0.5, 0, 1) * (down > -1) * (down < 1.2)
    # Gores: stripes that are narrower towards the edge, as on a sphere.
    gore = np.floor(np.arcsin(np.clip(across / np.maximum(width, 0.01), -1, 1)) / np.pi * 8 + 0.5).astype(int) % 3
    colours = np.array(((226, 64, 50), (250, 196, 60), (246, 244, 236)), np.float32)[gore]
    shade = np.clip(1.08 - 0.4 * (across + 0.35) ** 2 - 0.12 * down, 0.5, 1.1)
    part = scene.pixels[rows, columns]
    part += (colours * shade[..., None] - part) * inside[..., None]
    part[(np.abs(np.abs(across) - 0.13) < 1.2 / radius) & (down > 1.15) & (down < 1.5)] = (90, 70, 50)
    part[(np.abs(across) < 0.16) & (down > 1.46) & (down < 1.68)] = (128, 84, 44)


def poster() -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), (250, 236, 205))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 300), fill=(214, 92, 40))
    draw.rectangle((0, 300, WIDTH, 312), fill=(120, 46, 24))
    _centred(draw, 62, "HARVEST FESTIVAL", 122, (255, 247, 225))
    _centred(draw, 212, "apples  ·  bread  ·  music", 48, (255, 226, 170))
    for number, x in enumerate((250, 450, 640, 830, 1030)):
        pumpkin = number % 2 == 0
        colour = (236, 130, 34) if pumpkin else (196, 40, 44)
        wide = 84 if pumpkin else 62
        for ring in (1.0, 0.62, 0.24) if pumpkin else (1.0,):
            draw.ellipse((x - wide * ring, 390, x + wide * ring, 520), fill=colour, outline=(150, 66, 16), width=3)
        draw.rectangle((x - 5, 366, x + 5, 396), fill=(96, 70, 30))
        draw.ellipse((x + 4, 362, x + 46, 384), fill=(96, 140, 52))
    _centred(draw, 570, "Saturday 21 September", 76, (92, 44, 26))
    _centred(draw, 680, "Market Square, 10 am", 60, (150, 84, 44))
    draw.rectangle((24, 24, WIDTH - 25, HEIGHT - 25), outline=(120, 46, 24), width=6)
    return image


def _centred(draw: ImageDraw.ImageDraw, y: int, text: str, size: int, colour: Colour) -> None:
    font = ImageFont.load_default(size=size)
    draw.text(((WIDTH - draw.textlength(text, font=font)) / 2, y), text, font=font, fill=colour)


def skyline() -> Image.Image:
    scene = begin_scene((0, (28, 26, 70)), (0.55, (150, 84, 128)), (0.85, (250, 160, 110)), (1, (250, 170, 120)))
    image = scene.image()
    draw = ImageDraw.Draw(image)
    random = np.random.default_rng(SEED + 50)
    rows_of_houses = (
        ((104, 66, 116), 180, 380, 74), ((46, 34, 78), 150, 480, 96), ((18, 16, 42), 90, 330, 118),
    )  # fmt: skip
    for colour, least, most, step in rows_of_houses:
        x = -20
        while x < WIDTH:
            wide, tall = int(random.integers(step - 24, step + 24)), int(random.integers(least, most))
            top = HEIGHT - tall
            draw.rectangle((x, top, x + wide, HEIGHT), fill=colour)
            if random.random() < 0.3:
                draw.line((x + wide // 2, top, x + wide // 2, top - 50), fill=colour, width=5)
            for row in range(top + 16, HEIGHT - 8, 24) if step > 80 else ():
                for column in range(x + 12, x + wide - 14, 20):
                    if random.random() < 0.34:
                        draw.rectangle((column, row, column + 8, row + 12), fill=(255, 214, 130))
            x += wide + int(random.integers(0, 14))
    return image


def chart() -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    _centred(draw, 36, "Visitors by season", 60, (40, 50, 70))
    small = ImageFont.load_default(size=34)
    for step in range(5):
        y = 740 - step * 140
        draw.line((130, y, 1200, y), fill=(222, 226, 232), width=2)
        draw.text((112, y), str(step * 100), font=small, fill=(110, 118, 130), anchor="rm")
    bars = (
        ("spring", 210, (96, 180, 110)), ("summer", 385, (245, 176, 66)),
        ("autumn", 270, (214, 96, 60)), ("winter", 120, (84, 140, 206)),
    )  # fmt: skip
    for number, (name, value, colour) in enumerate(bars):
        x = 200 + number * 260
        draw.rectangle((x, 740 - value * 1.4, x + 150, 740), fill=colour)
        draw.text((x + 75, 726 - value * 1.4), str(value), font=small, fill=(60, 68, 84), anchor="ms")
        draw.text((x + 75, 798), name, font=small, fill=(60, 68, 84), anchor="ms")
    draw.line((130, 740, 1200, 740), fill=(90, 98, 110), width=4)
    return image


def ridges() -> Image.Image:
    """Mountains one behind the other in the haze of an evening."""
    scene = Canvas(
        (1440, 600), ((0, (58, 66, 128)), (0.3, (196, 120, 140)), (0.5, (250, 184, 132)), (1, (255, 214, 160)))
    )
    scene.cover((255, 226, 196), scene.clouds(81, (5, 2), 0.52) * np.clip(1 - scene.y / 330, 0, 1) * 0.6)
    scene.disc(980, 262, 30, (255, 244, 214), soft=8)
    scene.disc(980, 262, 60, (255, 220, 160), soft=240)
    for layer in range(7):
        near = layer / 6
        line = scene.height * (0.42 + 0.085 * layer) - scene.waves(90 + layer, 0.55, 9) * (18 + 14 * near)
        far_colour, near_colour = np.array((222, 158, 150)), np.array((24, 22, 52))
        colour = far_colour + (near_colour - far_colour) * near**0.75
        # Haze gathers in the valleys.
        depth = np.clip((scene.y - line[None, :]) / 130, 0, 1)[..., None] * (1 - near)
        scene.ridge(line, (colour + (np.array((250, 196, 160)) - colour) * depth * 0.6).astype(np.float32))
    return scene.image()


def tulips() -> Image.Image:
    """Rows of flowers that run together at the horizon."""
    scene = Canvas((1200, 800), ((0, (92, 160, 222)), (0.42, (224, 238, 246)), (1, (224, 238, 246))))
    clouds = scene.clouds(101, (6, 5), 0.5) * np.clip(1.1 - scene.y / 330, 0, 1)
    scene.cover((255, 255, 255), clouds)
    horizon = 320
    scene.ridge(np.full(scene.width, horizon - 8.0) - scene.waves(102, 0.7, 8) * 7, (88, 122, 92))
    depth = np.clip((scene.y[horizon:] - horizon + 2) / (scene.height - horizon), 0.004, 1)
    across = (scene.x[horizon:] - 620) / depth / 150
    row = np.floor(across).astype(int)
    inside = across - row
    colours = np.array(((214, 36, 52), (250, 204, 52), (236, 110, 160), (250, 246, 240), (128, 52, 128)), np.float32)
    flowers = colours[row % 5]
    random = np.random.default_rng(SEED + 103)
    # Heads of flowers are larger in front; between the rows one sees leaves and earth.
    coarse = np.clip(scene.grain(104, 5)[horizon:] * depth + scene.grain(105, 2)[horizon:] * 0.6, -1.4, 1.4)
    light = 0.86 + 0.2 * coarse + 0.1 * np.sin(inside * np.pi)
    ground = np.array((58, 104, 44), np.float32) + coarse[..., None] * 16
    furrow = np.clip((np.abs(inside - 0.5) - 0.36) * 14, 0, 1)[..., None]
    field = flowers * light[..., None] * (1 - furrow) + ground * furrow
    haze = np.clip(1 - depth * 5, 0, 0.75)[..., None]
    scene.pixels[horizon:] = field * (1 - haze) + np.array((206, 220, 210)) * haze
    image = scene.image()
    draw = ImageDraw.Draw(image)
    draw.polygon([(866, 318), (904, 318), (896, 238), (874, 238)], fill=(96, 74, 66))
    draw.polygon([(870, 240), (900, 240), (894, 224), (876, 224)], fill=(62, 48, 48))
    for turn in range(4):
        angle = 0.5 + turn * np.pi / 2
        tip = (885 + 66 * np.cos(angle), 238 + 66 * np.sin(angle))
        draw.line((885, 238, *tip), fill=(74, 58, 54), width=3)
        side = (tip[0] - 12 * np.sin(angle), tip[1] + 12 * np.cos(angle))
        draw.polygon([(885, 238), tip, side], fill=(226, 218, 204))
    for _ in range(26):
        x, y = random.uniform(30, 1180), random.uniform(322, 332)
        draw.ellipse((x - 9, y - 16, x + 9, y), fill=(74, 108, 76))
    return image


def lighthouse() -> Image.Image:
    """A lighthouse after sunset."""
    scene = Canvas(
        (640, 960), ((0, (22, 28, 72)), (0.45, (98, 78, 132)), (0.66, (244, 150, 118)), (1, (250, 186, 140)))
    )
    scene.cover((250, 170, 150), scene.clouds(111, (5, 12), 0.5) * np.clip(scene.y / 620, 0, 1) * 0.55)
    horizon = 660
    depth = (scene.y[horizon:] - horizon) / (scene.height - horizon)
    ripple = np.sin(depth * 300 / (1 + depth * 6) + scene.grain(112, 4)[horizon:] * 2.4)
    mirrored = scene.pixels[np.clip(2 * horizon - 1 - np.arange(horizon, scene.height), 0, None)]
    scene.pixels[horizon:] = mirrored * 0.55 + np.array((6, 16, 44)) + ripple[..., None] * (8 + 10 * depth[..., None])
    lamp_x, lamp_y = 400, 318
    away = np.hypot(scene.x - lamp_x, scene.y - lamp_y) + 1
    angle = np.arctan2(scene.y - lamp_y, scene.x - lamp_x)
    for middle, strength in ((np.pi - 0.12, 0.65), (-0.06, 0.35)):
        off = np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi)
        beam = np.exp(-((off / 0.07) ** 2)) * np.exp(-away / 420) * strength
        scene.cover((255, 244, 206), np.clip(beam, 0, 0.85).astype(np.float32))
    rocks = 720 - np.exp(-(((np.arange(640) - 440) / 190) ** 2)) * 120 - scene.waves(113, 0.62, 9) * 9
    scene.ridge(rocks, (30, 26, 42))
    tower = np.clip(1 - np.abs(scene.x - lamp_x) / (26 + (scene.y - 350) * 0.07) + 0.0, 0, 1) * 12
    wall = np.clip(tower, 0, 1) * (scene.y > 350) * (scene.y < 640)
    striped = np.where((scene.y // 58 % 2 == 0)[..., None], (214, 66, 58), (238, 228, 220))
    shade = np.clip(0.84 - (scene.x - lamp_x) / 70, 0.35, 1)[..., None]
    scene.cover((striped * shade).astype(np.float32), wall.astype(np.float32))
    image = scene.image()
    draw = ImageDraw.Draw(image)
    draw.rectangle((lamp_x - 34, 344, lamp_x + 34, 352), fill=(36, 32, 48))
    draw.rectangle((lamp_x - 17, 300, lamp_x + 17, 344), fill=(255, 238, 178))
    draw.polygon([(lamp_x - 24, 300), (lamp_x + 24, 300), (lamp_x, 272)], fill=(160, 48, 46))
    return image


def dark_lamp(picture: Image.Image) -> Image.Image:
    """The picture of the lighthouse, of any size, between two flashes."""
    dark = Image.blend(picture, Image.new("RGB", picture.size, (16, 18, 44)), 0.2)
    times = picture.width / 640
    ImageDraw.Draw(dark).rectangle((383 * times, 300 * times, 417 * times, 343 * times), fill=(84, 74, 84))
    return dark


def milky_way() -> Image.Image:
    """The band of the Milky Way over a tent that is lit from inside."""
    scene = Canvas((640, 960), ((0, (8, 10, 30)), (0.7, (22, 30, 66)), (1, (66, 62, 92))))
    off = (scene.x - 330) * 0.82 + (scene.y - 420) * 0.42
    band = np.exp(-((off / 120) ** 2))
    clouds = scene.clouds(121, (9, 13), 0.35)
    scene.cover((196, 178, 206), np.clip(band * (0.25 + clouds * 0.75), 0, 0.8).astype(np.float32))
    scene.cover((14, 12, 26), np.clip(np.exp(-(((off + 14) / 42) ** 2)) * scene.clouds(122, (8, 12), 0.45), 0, 0.75))
    random = np.random.default_rng(SEED + 123)
    count = 2600
    x, y = random.integers(1, 639, count), random.integers(1, 820, count)
    bright = random.exponential(46, count) * (1 + band[y, x])
    for dx, dy, share in ((0, 0, 1.0), (1, 0, 0.35), (0, 1, 0.35)):
        np.add.at(scene.pixels, (y + dy, np.clip(x + dx, 0, 639)), (bright * share)[:, None] * (0.94, 0.97, 1.06))
    _firs(scene, 862 - scene.waves(124, 0.5) * 16, 40, 150, (8, 9, 20), 125)
    scene.ridge(np.full(640, 884.0) - scene.waves(126, 0.4) * 6, (14, 14, 24))
    scene.disc(420, 880, 30, (255, 190, 90), soft=170)
    image = scene.image()
    draw = ImageDraw.Draw(image)
    draw.polygon([(350, 908), (420, 836), (490, 908)], fill=(246, 168, 70))
    draw.polygon([(420, 836), (490, 908), (520, 900)], fill=(176, 98, 46))
    draw.polygon([(408, 908), (420, 858), (432, 908)], fill=(255, 222, 140))
    return image


def aurora() -> Image.Image:
    """Northern lights over snow."""
    scene = Canvas((1280, 720), ((0, (6, 14, 34)), (0.7, (16, 46, 66)), (1, (40, 74, 88))))
    random = np.random.default_rng(SEED + 131)
    for _ in range(360):
        sx, sy = int(random.integers(2, 1277)), int(random.integers(2, 460))
        scene.pixels[sy, sx] += random.uniform(60, 200)
    along = np.arange(1280)
    for number, (level, colour) in enumerate(((330, (70, 240, 150)), (270, (60, 220, 170)), (220, (150, 110, 220)))):
        foot = level + scene.waves(132 + number, 0.6, 5) * 46
        rays = 0.55 + 0.45 * np.interp(along, np.arange(0, 1281, 9), random.uniform(0, 1, 143))
        above = foot[None, :] - scene.y
        curtain = np.where(above > 0, np.exp(-above / (150 + 30 * number)), np.exp(above / 14)) * rays[None, :]
        scene.cover(colour, np.clip(curtain * 0.62, 0, 0.9).astype(np.float32))
    peaks = 500 - scene.waves(136, 0.62, 9) * 40 - np.exp(-(((along - 860) / 260) ** 2)) * 110
    slope = np.convolve(np.gradient(peaks), np.ones(31) / 31, "same")
    lit = np.clip(0.5 - slope * 0.9, 0, 1)[None, :, None]
    snow = np.array((150, 206, 200)) * lit + np.array((46, 84, 108)) * (1 - lit)
    scene.ridge(peaks, np.broadcast_to(snow.astype(np.float32), scene.pixels.shape))
    _firs(scene, 604 - scene.waves(137, 0.5) * 12, 30, 70, (10, 26, 34), 138)
    ground = np.array((126, 190, 186)) * (0.75 + 0.25 * np.clip((720 - scene.y) / 110, 0, 1))[..., None]
    scene.ridge(634 - scene.waves(139, 0.4) * 8, ground.astype(np.float32))
    return scene.image()


def city_lights() -> Image.Image:
    """A street at night, out of focus, behind rain on a window."""
    scene = Canvas((960, 640), ((0, (10, 12, 30)), (0.6, (34, 24, 52)), (1, (14, 12, 24))))
    random = np.random.default_rng(SEED + 141)
    colours = ((255, 190, 96), (255, 96, 80), (110, 190, 255), (255, 232, 190), (190, 110, 255), (90, 230, 170))
    for _ in range(90):
        x = random.normal(480, 260)
        y = 330 + random.normal(0, 40 + abs(x - 480) * 0.28)
        radius = random.uniform(8, 20 + abs(x - 480) * 0.07)
        colour = colours[int(random.integers(len(colours)))]
        scene.disc(x, y, radius, _scaled(colour, random.uniform(0.55, 1)), soft=3)
    mirrored = scene.pixels[639:399:-1][:, :, :]
    smear = np.clip(1 - (scene.y[400:] - 400) / 240, 0, 1)[..., None]
    scene.pixels[400:] = scene.pixels[400:] * 0.6 + mirrored[: len(smear)] * 0.3 * smear
    for _ in range(420):
        x, y, radius = random.uniform(0, 960), random.uniform(0, 640), random.exponential(1.7) + 0.8
        behind = scene.pixels[int(np.clip(640 - y, 0, 639)), int(np.clip(960 - x, 0, 959))]
        scene.disc(x, y, radius, _scaled(behind + 22, 1.2), soft=1.5)
    return scene.image()


def _scaled(colour: Sequence[float] | Plane, times: float) -> Colour:
    red, green, blue = (int(min(255.0, part * times)) for part in colour)
    return red, green, blue


def fruit() -> Image.Image:
    """A still life: apples, a lemon and a pear in the light of a window."""
    scene = Canvas((800, 800), ((0, (58, 52, 50)), (0.6, (96, 84, 74)), (1, (96, 84, 74))))
    scene.disc(180, 160, 120, (150, 132, 108), soft=520)
    table = np.array((142, 94, 58)) + scene.clouds(151, (3, 60), 0.3)[..., None] * np.array((52, 40, 28))
    fall = np.clip(1.15 - np.hypot(scene.x - 250, scene.y - 620) / 900, 0.4, 1.1)[..., None]
    scene.ridge(np.full(800, 520.0), (table * fall).astype(np.float32))
    fruits = (
        (500, 500, 112, 1.0, (196, 44, 40)), (290, 560, 122, 1.0, (214, 62, 44)), (430, 610, 88, 0.78, (240, 204, 62)),
        (610, 600, 104, 1.0, (150, 176, 66)),
    )  # fmt: skip
    for x, y, radius, flat, _ in fruits:
        off_x, off_y = (
            (scene.x - x - radius * 0.5) / (radius * 1.35),
            (scene.y - y - radius * 0.72 * flat) / (radius * 0.34),
        )
        scene.cover((34, 22, 16), np.clip(1.2 - np.hypot(off_x, off_y), 0, 0.72).astype(np.float32))
    for number, (x, y, radius, flat, colour) in enumerate(fruits):
        across, down = (scene.x - x) / radius, (scene.y - y) / (radius * flat)
        away = np.hypot(across, down)
        height = np.sqrt(np.clip(1 - away**2, 0, 1))
        light = np.clip(-0.52 * across - 0.56 * down + 0.64 * height, 0, 1)
        shine = np.clip(-0.40 * across - 0.44 * down + 0.80 * height, 0, 1) ** 40
        skin = 1 + scene.grain(152 + number, 3) * 0.06 + np.sin(np.arctan2(down, across) * 22) * 0.03
        paint = np.array(colour) * (0.16 + 0.95 * light * skin)[..., None] + shine[..., None] * 190
        scene.cover(paint.astype(np.float32), np.clip((1 - away) * radius + 0.5, 0, 1).astype(np.float32))
    image = scene.image()
    draw = ImageDraw.Draw(image)
    for x, y in ((500, 396), (290, 446), (610, 502)):
        draw.line((x, y, x + 8, y - 34), fill=(70, 48, 30), width=6)
    draw.ellipse((506, 352, 560, 378), fill=(88, 118, 52))
    return image


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
