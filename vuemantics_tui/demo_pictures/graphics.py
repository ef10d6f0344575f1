"""The demo's made things, drawn in flat shapes and letters: a poster, a city, a chart, patterns."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vuemantics_tui.demo_pictures.canvas import HEIGHT, SEED, WIDTH, Colour, begin_scene


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


def checkerboard() -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    dark = (x // 107 + y // 107) % 2
    return Image.fromarray((240 - dark * 215).astype(np.uint8), "L").convert("P")


def stripes() -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), (252, 252, 250))
    draw = ImageDraw.Draw(image)
    for x in range(0, WIDTH, 160):
        draw.rectangle((x, 0, x + 79, HEIGHT), fill=(208, 30, 44))
    return image


def plain() -> Image.Image:
    return Image.new("RGB", (WIDTH, HEIGHT), (44, 98, 190))
