"""Measure how well duplicates are told from look-alikes: ours against the hashes of imagehash, on one drawn corpus.

    python -m benchmarks.duplicates [--seed 1] [--keep FOLDER]

100 originals (photos of scikit-image and parts of them, drawn scenes, tickets, receipts, pages, charts, logos), six
altered versions of each, and 100 look-alikes, which differ from an original in what matters: another number, another
colour, another value, another moment. A version is found when it is proposed for the trash while its own original, or
another version of it, is kept; a proposal is right when that is so. To install the peers: pip install -e
'.[benchmarks]'
"""

from __future__ import annotations

import argparse
import asyncio
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from benchmarks.search import StandIn, say
from vuemantics_tui.analyzers.base import OnText, Picture, Vector, ignore_text
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.description import Description
from vuemantics_tui.library import Library
from vuemantics_tui.processing.compute import ProcessCompute

PHOTOS = Path(skimage.__file__).parent / "data"
_WHOLE = (
    *("astronaut.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png"),
    *("grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "retina.jpg"),
    *("rocket.jpg", "page.png"),
)
_WORDS = "harbour invoice seven lantern window copper meadow orchard signal paper winter bridge garden number".split()
_COLOURS = ((200, 40, 40), (40, 160, 60), (40, 70, 200), (230, 170, 30), (130, 50, 170), (30, 160, 170))

# In pixels: what is around a photo, for those of a burst.
_MARGIN = 8

Draw = Callable[[int], Image.Image]


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture of the corpus: the original that it is a version of, how it was altered, and its file."""

    original: str
    kind: str
    path: Path


def font(size: int) -> Any:
    """Return Pillow's own font in a size."""
    return ImageFont.load_default(size)


def ticket(seed: int, number: int | None = None) -> Image.Image:
    """Draw a ticket: the same form for all, with another number and seat."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (900, 420), (250, 244, 228))
    draw = ImageDraw.Draw(image)
    colour = _COLOURS[seed % 3]
    draw.rectangle((0, 0, 900, 90), fill=colour)
    draw.text((30, 22), "CITY THEATRE", font=font(44), fill="white")
    draw.text((30, 120), f"Row {random.integers(1, 30)}  Seat {random.integers(1, 40)}", font=font(40), fill="black")
    draw.text(
        (30, 190), f"{random.integers(1, 28)} March 2024, 19:{random.integers(10, 59)}", font=font(32), fill="black"
    )
    draw.text((30, 330), f"No. {number or random.integers(10_000_000, 99_999_999)}", font=font(36), fill=(60, 60, 60))
    for bar in range(60):
        if random.random() < 0.5:
            draw.rectangle((560 + bar * 5, 130, 562 + bar * 5, 300), fill="black")
    return image


def receipt(seed: int, changed: int | None = None) -> Image.Image:
    """Draw a receipt; in one that is `changed` a line has another price."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (520, 1100), (252, 252, 250))
    draw = ImageDraw.Draw(image)
    draw.text((150, 30), "CORNER SHOP", font=font(32), fill=(20, 20, 20))
    for line in range(24):
        name, price = random.choice(_WORDS), random.integers(100, 9999)
        if changed is not None and line == changed % 24:
            price = 10_099 - price
        draw.text((40, 100 + line * 38), f"{name}", font=font(24), fill=(40, 40, 40))
        draw.text((400, 100 + line * 38), f"{price / 100:.2f}", font=font(24), fill=(40, 40, 40))
    return image


def page(seed: int, changed: int | None = None) -> Image.Image:
    """Draw a page of text; in one that is `changed` a line has other words."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (1000, 1300), "white")
    draw = ImageDraw.Draw(image)
    for line in range(44):
        words = " ".join(random.choice(_WORDS, 9))
        if changed is not None and line == changed % 44:
            words = " ".join(np.random.default_rng(seed + 999).choice(_WORDS, 9))
        draw.text((70, 60 + line * 27), words, font=font(20), fill=(15, 15, 15))
    return image


def chart(seed: int, changed: bool = False) -> Image.Image:
    """Draw a bar chart; one that is `changed` has another value."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (800, 600), "white")
    draw = ImageDraw.Draw(image)
    values = random.integers(60, 420, 8)
    if changed:
        values[seed % 8] = 480 - values[seed % 8] if abs(480 - 2 * values[seed % 8]) > 40 else values[seed % 8] + 60
    draw.line((60, 40, 60, 540, 770, 540), fill="black", width=3)
    for place, value in enumerate(values):
        draw.rectangle((90 + place * 85, 540 - int(value), 145 + place * 85, 538), fill=_COLOURS[(seed + place) % 6])
        draw.text((95 + place * 85, 550), f"Q{place + 1}", font=font(22), fill="black")
    draw.text((250, 10), f"Sales {2000 + seed % 25}", font=font(28), fill="black")
    return image


def logo(seed: int, colour: int = 0) -> Image.Image:
    """Draw a logo in one of several colours."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (512, 512), "white")
    draw = ImageDraw.Draw(image)
    fill = _COLOURS[(seed + colour) % 6]
    for _ in range(4):
        x, y, radius = (int(value) for value in random.integers((80, 80, 40), (432, 432, 140)))
        shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
        shape((x - radius, y - radius, x + radius, y + radius), fill=fill if random.random() < 0.7 else "white")
    draw.rectangle((60, 440, 452, 470), fill=fill)
    return image


def scene(seed: int, moved: int = 0) -> Image.Image:
    """Draw soft hills, a sun and some boxes; where they `moved`, the boxes stand that many pixels to the right."""
    random = np.random.default_rng(seed)
    field = Image.fromarray(random.integers(20, 235, (5, 6, 3), np.uint8)).resize((960, 640), Image.Resampling.BICUBIC)
    grain = random.normal(0, 5, (640, 960, 1))
    image = Image.fromarray(np.clip(np.asarray(field) + grain, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y, width, height = (int(value) for value in random.integers((0, 200, 20, 30), (900, 560, 160, 200)))
        colour = tuple(random.integers(0, 256, 3).tolist())
        draw.rectangle((x + moved, y, x + width + moved, y + height), fill=colour)
    return image


def photos() -> list[Image.Image]:
    """Return the photos, and quarters of the large ones, which show other things. All have a margin, see `without`."""
    found = []
    for name in _WHOLE:
        with Image.open(PHOTOS / name) as photo:
            # Without its colour profile, which some formats keep and others do not.
            found.append(Image.fromarray(np.asarray(photo.convert("RGB"))))
    for image in found[:]:
        width, height = image.size
        if min(width, height) >= 400:
            found.append(image.crop((0, 0, width // 2, height // 2)))
            found.append(image.crop((width // 2, height // 2, width, height)))
    return found


def without_margin(image: Image.Image, across: int = 0, down: int = 0) -> Image.Image:
    """Return a photo without its margin; a hand that moved shows some of that."""
    width, height = image.size
    return image.crop((_MARGIN + across, _MARGIN + down, width - _MARGIN + across, height - _MARGIN + down))


def originals() -> dict[str, Image.Image]:
    """Return 100 pictures by name."""
    found = {f"photo{place}": without_margin(image) for place, image in enumerate(photos()[:38])}
    found |= {f"scene{seed}": scene(seed) for seed in range(20)}
    for name, draw in (("ticket", ticket), ("receipt", receipt), ("page", page), ("chart", chart), ("logo", logo)):
        found |= {f"{name}{seed}": draw(seed) for seed in range(8)}
    left = 100 - len(found)
    return found | {f"scene{seed}": scene(seed) for seed in range(20, 20 + left)}


def versions(image: Image.Image, random: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield what becomes of a picture on its way through other programs, each as the bytes of a file."""
    width, height = image.size
    scale = random.uniform(0.35, 0.8)
    small = image.resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    yield "resized.jpg", encoded(small, "JPEG", quality=88)
    yield "poor.jpg", encoded(image, "JPEG", quality=int(random.integers(25, 60)))
    left, top, right, bottom = random.uniform(0, 0.05, 4)
    box = (int(left * width), int(top * height), width - int(right * width), height - int(bottom * height))
    yield "cropped.jpg", encoded(image.crop(box), "JPEG", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "turned.jpg", encoded(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=92, exif=exif)
    yield "converted.webp", encoded(image, "WEBP", quality=int(random.integers(50, 90)))
    yield "converted.avif", encoded(image, "AVIF", quality=int(random.integers(50, 90)))


def look_alikes(pictures: dict[str, Image.Image]) -> Iterator[tuple[str, Image.Image]]:
    """Yield 100 pictures that a careless eye takes for an original: what they differ in, and the picture."""
    for seed in range(8):
        for other in (1, 2):
            yield "other number", ticket(seed, 10_000_000 * other + seed * 77_777)
        for place in (5, 17):
            yield "other price", receipt(seed, place)
        yield "other line", page(seed, 11 + seed)
        yield "other value", chart(seed, True)
        for colour in (1, 2):
            yield "other colour", logo(seed, colour)
    for seed in range(8):
        yield "moved", scene(seed, 4 + seed)
    photo = [image for name, image in pictures.items() if name.startswith("photo")]
    for image in photo[:8]:
        yield "mirrored", image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for image in photo[8:14]:
        yield "night", ImageEnhance.Brightness(image).enhance(0.45)
    for place, image in enumerate(photos()[:14]):
        # Two frames of a burst: the hand moved, the noise of the sensor is another one.
        part = without_margin(image, 2 + place % 5, -2 - place % 3)
        noise = np.random.default_rng(place).normal(0, 3, (*part.size[::-1], 3))
        yield "burst", Image.fromarray(np.clip(np.asarray(part) + noise, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def make_corpus(folder: Path, seed: int) -> list[Sample]:
    """Write all pictures into a folder."""
    random = np.random.default_rng(seed)
    samples = []

    def write(original: str, kind: str, name: str, data: bytes) -> None:
        path = folder / name
        path.write_bytes(data)
        samples.append(Sample(original, kind, path))

    pictures = originals()
    for name, image in pictures.items():
        write(name, "original", f"{name}.png", encoded(image, "PNG"))
        for kind, data in versions(image, random):
            write(name, kind, f"{name}-{kind}", data)
    for place, (kind, image) in enumerate(look_alikes(pictures)):
        write(
            f"look-alike{place}",
            kind,
            f"look-alike{place}-{kind.replace(' ', '-')}.jpg",
            encoded(image, "JPEG", quality=92),
        )
    return samples


class Silent(StandIn):
    """An analyzer that says the same of everything: only what is done for duplicates is measured."""

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Return the same text."""
        return Description("A picture of the corpus.", analyzer=self.name, model=self.model)

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """Return the same vector."""
        return np.ones(8, np.float32) / np.float32(np.sqrt(8))


Proposals = list[tuple[Sample, Sample]]
"""The sample to keep, and one that is proposed for the trash."""


async def ours(samples: Sequence[Sample], root: Path, workers: int) -> Proposals:
    """Add the corpus to a new library and look for duplicates, as the app does; report how long each took."""
    settings = Settings(library=root, workers=workers)
    by_name = {sample.path.name: sample for sample in samples}
    library = await Library.open(settings, analyzer=Silent({}), compute=ProcessCompute(workers))
    try:
        began = time.perf_counter()
        feed = library.changes()
        await feed.skip_to_now()
        await library.queue.start()
        candidates = await library.gather([sample.path for sample in samples], recursive=False)
        mine = {result.upload.number async for result in library.add(candidates) if result.upload is not None}
        async for _ in library.queue.ended(feed, mine, patience=None):
            pass
        say(f"  added {len(samples)} files in {time.perf_counter() - began:.1f} s")
        for look in ("first", "second"):
            began = time.perf_counter()
            found = await library.duplicates.find()
            say(f"  {look} look: {time.perf_counter() - began:.1f} s, {found.compared:,} pairs compared,"
                f" {len(found.groups)} groups, {len(found.similar)} of similar ones")  # fmt: skip
        return [(by_name[group.keep.filename], by_name[other.filename]) for group in found.groups
                for other in group.others]  # fmt: skip
    finally:
        await library.close()


def peer(samples: Sequence[Sample], hash_of: Callable[[Image.Image], Any], threshold: int) -> Proposals:
    """Group by a hash of imagehash: each with the first that is within so many bits, the largest pictures first."""
    hashes, pixels = {}, {}
    for sample in samples:
        with Image.open(sample.path) as image:
            upright = ImageOps.exif_transpose(image)
            hashes[sample] = hash_of(upright)
            pixels[sample] = upright.width * upright.height
    proposals: Proposals = []
    kept: list[Sample] = []
    for sample in sorted(samples, key=lambda each: -pixels[each]):
        first = next((one for one in kept if hashes[one] - hashes[sample] <= threshold), None)
        if first is None:
            kept.append(sample)
        else:
            proposals.append((first, sample))
    return proposals


def report(label: str, samples: Sequence[Sample], proposals: Proposals, wrong_shown: int) -> None:
    """Print a row of the table, and what went wrong in ours."""
    right = [(keep, other) for keep, other in proposals if keep.original == other.original]
    # Of each original and its versions all but one can go.
    families = [sample.original for sample in samples]
    possible = len(families) - len(set(families))
    precision = len(right) / len(proposals) if proposals else 1.0
    say(f"  | {label} | {precision:.4f} | {len(right) / possible:.4f} | {len(proposals) - len(right)} |")
    if wrong_shown:
        for keep, other in [pair for pair in proposals if pair not in right][:wrong_shown]:
            say(f"    wrong: {other.path.name} for {keep.path.name}")
        found = {sample for pair in right for sample in pair}
        missed = [sample for sample in samples if sample not in found and families.count(sample.original) > 1]
        for sample in missed[:wrong_shown]:
            say(f"    missed: {sample.path.name}")


def measure(folder: Path, seed: int, workers: int) -> None:
    """Make the corpus, look for duplicates in it, and print a table."""
    (folder / "files").mkdir(parents=True)
    samples = make_corpus(folder / "files", seed)
    say(f"\n{len(samples)} files, seed {seed}")
    proposals = asyncio.run(ours(samples, folder / "library", workers))
    say("  | | precision | recall | wrongly proposed |\n  |---|---|---|---|")
    report("ours", samples, proposals, 20)
    try:
        import imagehash
    except ImportError as error:
        say(f"  without imagehash: {error}")
        return
    for name, threshold in (("phash", 4), ("phash", 10), ("dhash", 4), ("dhash", 10)):
        proposals = peer(samples, getattr(imagehash, name), threshold)
        report(f"imagehash {name}, {threshold} bits", samples, proposals, 0)


def main() -> None:
    """Measure with the seed given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the files here, and leave them there")
    arguments = parser.parse_args()
    if arguments.keep:
        measure(arguments.keep, arguments.seed, arguments.workers)
        return
    with tempfile.TemporaryDirectory(prefix="vuemantics-benchmark-") as name:
        measure(Path(name), arguments.seed, arguments.workers)


if __name__ == "__main__":
    main()
