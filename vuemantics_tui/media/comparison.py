"""Whether two files show the same: aligned, then compared pixel by pixel, block by block.

A hash finds candidates; here is the evidence. A picture is the same as another one only if nothing of it would be lost
with its file: it shows the same part or a smaller one, in the same colours, and no block of it differs by more than
scaling and compression explain. One changed digit of a ticket is such a block.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from vuemantics_tui.domain.duplicates import Comparable, Likeness, length_tolerance
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.clips import Clip, frames_around, open_clip, upright_picture
from vuemantics_tui.media.pictures import open_picture, picture_faults
from vuemantics_tui.media.scaled import picture_within
from vuemantics_tui.media.traits import coarse_look

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, each as a share of its width or height in 0..1."""

Floats = NDArray[np.float32]

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
# A crop is slight, and found, as long as this share of each side is left.
_LEAST_SIDE = 0.75
# Within so much of its edges, as a share of the side, a part is the whole.
_EDGE = 0.004

_THUMBNAIL_SIDE = 256
# A digit of small print on a scanned page has some eight pixels of height here.
_FULL_SIDE = 1536

# A block of 8 x 8 pixels has changed where its mean squared difference is more than _NOISE plus _SHARE of its variance.
# Measured with benchmarks/duplicates.py at 512 to 1024 px: copies reach 1.1 times that (JPEG of quality 25), pictures
# with one changed number, line, value or place begin at 2.4.
_NOISE, _SHARE = 150.0, 0.2
_MOST_CHANGE = 1.25
# Thumbnails cannot tell print that is too small, but what differs by more than this there need not be opened.
_MOST_CHANGE_OF_THUMBNAILS = 2.5
# By how much the mean of a block may differ, of 0..255: brightness and colour of 16 x 16 pixels, colour of 8 x 8.
# Copies reach 6, 9 and 16.
_MOST_BRIGHTNESS, _MOST_COLOUR, _MOST_SMALL_COLOUR = 11.0, 14.0, 28.0
# Two shots have noise of their own, and differ by twice what one of them varies by; a copy differs by that at most.
# Measured in the quietest fifth of the blocks, where noise is at least _LEAST_NOISE: copies reach 0.9, JPEGs of quality
# 10 1.4, two shots with a noise of 5 levels 1.9. What 8 bits round off is added to what they vary by.
_QUIET, _LEAST_NOISE, _ROUNDED, _MOST_NOISE = 20, 0.3, 2.0, 1.4
# By how much one may have more contrast than the other: compression leaves it, an edit changes it. Of a picture whose
# blocks vary by less than _LEAST_CONTRAST (squared), compression changes it too.
_LEAST_CONTRAST, _MOST_CONTRAST = 100.0, 0.07

# Two pictures are similar if they agree at 64 px: correlation of the greys, mean difference of brightness and colour.
_SIMILAR_SIDE = 64
_SIMILAR_GREYS, _SIMILAR_BRIGHTNESS, _SIMILAR_COLOUR = 0.85, 24.0, 12.0

# A camera moved if the inner part of a picture, without this share at each side, is outside by more than _MOTION pixels
# at this size, and the error is so many times that of the best place, and more than rounding makes it.
_MOTION_SIDE, _MARGIN, _MOTION, _MOTION_GAIN, _MOTION_ERROR = 512, 0.08, 0.5, 1.5, 2e-4

# Clips are compared at this size in the middles of equal parts, whose frames bits are spent on unevenly.
_CLIP_SIDE = 384
_MOMENTS = tuple((number + 0.5) / 6 for number in range(6))
_MOST_CHANGE_OF_CLIPS = 2.5
# Decoding ends after this many seconds, without what was not reached.
_CLIP_SECONDS = 30.0

# The formats, as Pillow names them, whose pictures are shown one after the other.
_ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF", "TIFF", "JXL"})

# Where the search for a crop begins, besides the whole: it converges from some five hundredths away.
_STARTS: tuple[Box, ...] = (
    *((0.03, 0.03, 0.97, 0.97), (0.07, 0.07, 0.93, 0.93), (0.07, 0.0, 1.0, 1.0)),
    *((0.0, 0.07, 1.0, 1.0), (0.0, 0.0, 0.93, 1.0), (0.0, 0.0, 1.0, 0.93)),
)
# The unexplained share of the variance at 64 px with which an alignment is as good as found, and is hopeless.
_FOUND, _HOPELESS = 0.01, 0.5


@dataclass(frozen=True, slots=True)
class Difference:
    """How much two aligned pictures differ: the most changed block, the largest differences of means, and the noise.

    `contrast` is by how much the second has more or less than the first, as a share. `noise` is the mean squared
    difference of the quietest blocks of the first as a share of what they vary by, or 0 where the second has less noise
    than the first, as compression leaves it.
    """

    change: float
    brightness: float
    colour: float
    small_colour: float
    contrast: float
    noise: float

    def may_be_within(self, most_change: float) -> bool:
        """Tell whether it may be so in full size, from thumbnails, whose own compression changes contrast and noise."""
        return (
            self.change <= most_change
            and self.brightness <= 2 * _MOST_BRIGHTNESS
            and self.colour <= 2 * _MOST_COLOUR
            and self.small_colour <= 2 * _MOST_SMALL_COLOUR
        )

    def is_within(self, most_change: float) -> bool:
        """Tell whether scaling and compression explain it."""
        return (
            self.change <= most_change
            and self.brightness <= _MOST_BRIGHTNESS
            and self.colour <= _MOST_COLOUR
            and self.small_colour <= _MOST_SMALL_COLOUR
            and self.contrast <= _MOST_CONTRAST
            and self.noise <= _MOST_NOISE
        )


def compare(kept: Comparable, others: Sequence[Comparable], max_pixels: int) -> list[Likeness]:
    """Return for each of the others what it is to the one to keep. UNKNOWN where a file cannot be read."""
    return [_compare_one(kept, other, max_pixels) for other in others]


def _compare_one(kept: Comparable, other: Comparable, max_pixels: int) -> Likeness:
    if kept.file_type is not other.file_type:
        return Likeness.DIFFERENT
    try:
        if kept.file_type is FileType.VIDEO:
            return compare_clips(kept.source, other.source)
        return compare_pictures(kept, other, max_pixels)
    except (MediaError, OSError):
        return Likeness.UNKNOWN


def compare_pictures(kept: Comparable, other: Comparable, max_pixels: int) -> Likeness:
    """Return what one picture is to another: first by thumbnails, then, where these agree, by the originals.

    Raises MediaError if one does not decode, OSError if it cannot be read.
    """
    small, small_other = _thumbnail(kept, max_pixels), _thumbnail(other, max_pixels)
    tried = []
    for found, is_swapped in _alignments(small, small_other):
        tried.append((found, is_swapped))
        first, second = (small_other, small) if is_swapped else (small, small_other)
        if not difference(part(first, found, second.size), second).may_be_within(_MOST_CHANGE_OF_THUMBNAILS):
            continue
        one, two = (other, kept) if is_swapped else (kept, other)
        exact = _same_in_full(one, two, found, max_pixels)
        if exact is None:
            continue
        if _is_whole(exact):
            return Likeness.SAME
        return Likeness.AROUND if is_swapped else Likeness.INSIDE
    return Likeness.SIMILAR if _is_similar(small, small_other, tried) else Likeness.DIFFERENT


def _alignments(small: Image.Image, other: Image.Image) -> Iterator[tuple[Box, bool]]:
    """Yield the part of the first that the other shows; then, swapped, that of the other that the first shows."""
    box = align(small, other)
    if box is not None:
        yield box, False
    if box is None or _touches_edge(box):
        box = align(other, small)
        if box is not None:
            yield box, True


def align(picture: Image.Image, part_of_it: Image.Image) -> Box | None:
    """Return the part of a picture that another one shows, both RGB or grey; None if it shows something else.

    Gauss-Newton on the four edges of the part (Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004), from coarse
    to fine.
    """
    whole, shown = picture.convert("L"), part_of_it.convert("L")
    error, box = _refine(whole, shown, WHOLE, _SIMILAR_SIDE, 4)
    if error > _FOUND:
        coarse = sorted(_refine(whole, shown, start, _SIMILAR_SIDE // 2, 6) for start in _STARTS)[:2]
        error, box = min((error, box), *(_refine(whole, shown, start, _SIMILAR_SIDE, 4) for _, start in coarse))
    if error > _HOPELESS:
        return None
    return refined(whole, shown, box, 2 * _SIMILAR_SIDE)


def refined(whole: Image.Image, shown: Image.Image, box: Box, side: int) -> Box:
    """Return a part of a grey picture fitted again, at sizes from `side` on up to 512 px."""
    largest = min(512, max(shown.size))
    while side < 2 * largest:
        _, box = _refine(whole, shown, box, min(side, largest), 3)
        side *= 2
    return box


def part(picture: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    """Return a part of a picture, scaled to a size in pixels."""
    width, height = picture.size
    pixels = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    return picture.resize(size, Image.Resampling.BICUBIC, box=pixels)


def difference(one: Image.Image, other: Image.Image) -> Difference:
    """Return how much two RGB pictures of the same size differ, apart from how they were scaled: both are blurred."""
    first, second = one.convert("YCbCr"), other.convert("YCbCr")
    grey, other_grey = (_floats(each.getchannel(0).filter(_BLUR)) for each in (first, second))
    sharp, other_sharp = _floats(first.getchannel(0)), _floats(second.getchannel(0))
    differing = sharp - other_sharp
    blurred = grey - other_grey
    squared = _blocks(blurred * blurred, 2)
    variance = (_variance(grey) + _variance(other_grey)) / 2
    colours = [_floats(first.getchannel(band)) - _floats(second.getchannel(band)) for band in (1, 2)]
    return Difference(
        change=float((squared / (_NOISE + _SHARE * variance)).max()),
        brightness=float(np.abs(_blocks(differing, 4)).max()),
        colour=max(float(np.abs(_blocks(band, 4)).max()) for band in colours),
        small_colour=max(float(np.abs(_blocks(band, 2)).max()) for band in colours),
        contrast=_contrast(_blocks(sharp, 2), _blocks(other_sharp, 2)),
        noise=_noise(_variance(sharp), _variance(other_sharp), _variance(differing)),
    )


def _contrast(means: Floats, other: Floats) -> float:
    one, two = means - means.mean(), other - other.mean()
    spread = float((one * one).mean())
    return abs(float(np.sqrt((two * two).mean() / spread)) - 1) if spread > _LEAST_CONTRAST else 0.0


def _noise(variance: Floats, other: Floats, differing: Floats) -> float:
    quiet = variance <= np.percentile(variance, _QUIET)
    mine, its, apart = (float(each[quiet].mean()) for each in (variance, other, differing))
    if mine < _LEAST_NOISE or its < 0.7 * mine:
        return 0.0
    return apart / (mine + _ROUNDED)


_BLUR = ImageFilter.Kernel((3, 3), (1, 2, 1, 2, 4, 2, 1, 2, 1), scale=16)


def _same_in_full(kept: Comparable, other: Comparable, box: Box, max_pixels: int) -> Box | None:
    """Return the part of the original to keep that the other original shows in every detail; None if it does not."""
    if not _have_same_frames(kept.source, other.source, max_pixels):
        return None
    first = _original(kept.source, max_pixels)
    # No finer than the coarser of the two.
    side = min(_FULL_SIDE, round(max(first.size) * max(box[2] - box[0], box[3] - box[1])))
    second = picture_within(other.source, max(side, 8), max_pixels)
    for each in _refinements(first, second, box):
        if difference(part(first, each, second.size), second).is_within(_MOST_CHANGE):
            return None if _goes_beyond(first, second, each) else each
    return None


def _goes_beyond(first: Image.Image, second: Image.Image, box: Box) -> bool:
    """Tell whether the second, said to be in this box of the first, is rather a little outside: a camera that moved.

    Only its inner part is fitted, which is free to move. It is outside where that explains the inner part much better.
    """
    side = min(_MOTION_SIDE, max(second.size))
    cut, cut_down = max(1, round(_MARGIN * second.width)), max(1, round(_MARGIN * second.height))
    inner = second.convert("L").crop((cut, cut_down, second.width - cut, second.height - cut_down))
    left, top, right, bottom = box
    across, down = cut / second.width * (right - left), cut_down / second.height * (bottom - top)
    held = (left + across, top + down, right - across, bottom - down)
    whole = first.convert("L")
    error, _ = _refine(whole, inner, held, side, 0)
    least, free = _refine(whole, inner, held, side, 6, least_side=0.5)
    across, down = cut / inner.width * (free[2] - free[0]), cut_down / inner.height * (free[3] - free[1])
    outside = -min(free[0] - across, free[1] - down, 1 - free[2] - across, 1 - free[3] - down)
    return outside * side > _MOTION and error > _MOTION_GAIN * least + _MOTION_ERROR


def _refinements(first: Image.Image, second: Image.Image, box: Box) -> Iterator[Box]:
    """Yield a part of the first as the whole, if it is nearly that, then fitted better and better to the second."""
    if _is_whole(box):
        yield WHOLE
    whole, shown = first.convert("L"), second.convert("L")
    box = refined(whole, shown, box, 256)
    yield box
    # Half a pixel beside it, noise is not the same noise.
    yield _refine(whole, shown, box, max(shown.size), 4)[1]


def _have_same_frames(one: Path, other: Path, max_pixels: int) -> bool:
    """Tell whether two files hold as many pictures: an animation is more than its first one."""
    return _frame_count(one, max_pixels) == _frame_count(other, max_pixels)


def _frame_count(path: Path, max_pixels: int) -> int:
    with picture_faults("The picture cannot be decoded"), open_picture(path, max_pixels) as image:
        # Other formats hold previews, gain maps and thumbnails beside their picture.
        return int(getattr(image, "n_frames", 1)) if image.format in _ANIMATED else 1


@lru_cache(maxsize=2)
def _original(path: Path, max_pixels: int) -> Image.Image:
    """The original to keep, which is compared with several others."""
    return picture_within(path, _FULL_SIDE, max_pixels)


def _thumbnail(one: Comparable, max_pixels: int) -> Image.Image:
    thumbnail = one.thumbnail if one.thumbnail is not None and one.thumbnail.is_file() else None
    return _small(thumbnail or one.source, max_pixels)


@lru_cache(maxsize=128)
def _small(path: Path, max_pixels: int) -> Image.Image:
    return picture_within(path, _THUMBNAIL_SIDE, max_pixels)


def _refine(
    whole: Image.Image, shown: Image.Image, box: Box, side: int, steps: int, *, least_side: float = _LEAST_SIDE
) -> tuple[float, Box]:
    """Return the best part near `box`, and the share of the variance it leaves unexplained, at `side` pixels."""
    scale = min(1.0, side / max(shown.size))
    width, height = (max(8, round(each * scale)) for each in shown.size)
    target = _floats(shown.resize((width, height), Image.Resampling.BILINEAR))
    spread = float(target.var()) + 1.0
    across = (np.arange(width, dtype=np.float32) + 0.5) / width
    down = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    best = (float("inf"), box)
    for step in range(steps + 1):
        pixels = (box[0] * whole.width, box[1] * whole.height, box[2] * whole.width, box[3] * whole.height)
        guess = _floats(whole.resize((width, height), Image.Resampling.BILINEAR, box=pixels))
        rest = target - guess
        best = min(best, (float(np.mean(rest * rest)) / spread, box))
        if step == steps or best[0] < 1e-4:
            break
        # How each pixel changes as an edge moves by the whole side.
        by_row, by_column = np.gradient(guess)
        by_column = by_column * (width / (box[2] - box[0]))
        by_row = by_row * (height / (box[3] - box[1]))
        slopes = np.stack(
            [(by_column * (1 - across)).ravel(), (by_row * (1 - down)).ravel(),
             (by_column * across).ravel(), (by_row * down).ravel()]
        ).astype(np.float64)  # fmt: skip
        normal = slopes @ slopes.T
        # Keeps the system solvable where a picture has no edges in one direction.
        normal[np.diag_indices(4)] = normal[np.diag_indices(4)] * 1.0005 + 1e-3
        move = np.clip(np.linalg.solve(normal, slopes @ rest.ravel().astype(np.float64)), -0.05, 0.05)
        moved = np.clip(np.array(box) + move, 0.0, 1.0)
        if moved[2] - moved[0] < least_side or moved[3] - moved[1] < least_side:
            break
        box = (float(moved[0]), float(moved[1]), float(moved[2]), float(moved[3]))
    return best


def _is_whole(box: Box) -> bool:
    return max(box[0], box[1], 1 - box[2], 1 - box[3]) <= _EDGE


def _touches_edge(box: Box) -> bool:
    """Tell whether the part may go on outside of the picture."""
    return min(box[0], box[1], 1 - box[2], 1 - box[3]) <= _EDGE


def _is_similar(small: Image.Image, other: Image.Image, candidates: Sequence[tuple[Box, bool]]) -> bool:
    if not candidates:
        candidates = [(WHOLE, False)]
    return any(_agree(*((other, small) if is_swapped else (small, other)), box) for box, is_swapped in candidates)


def _agree(whole: Image.Image, shown: Image.Image, box: Box) -> bool:
    scale = _SIMILAR_SIDE / max(shown.size)
    size = (max(8, round(shown.width * scale)), max(8, round(shown.height * scale)))
    one = np.asarray(part(whole, box, size).convert("YCbCr"), np.float32)
    other = np.asarray(shown.resize(size, Image.Resampling.BICUBIC).convert("YCbCr"), np.float32)
    apart = np.abs(one - other).mean(axis=(0, 1))
    first, second = one[..., 0] - one[..., 0].mean(), other[..., 0] - other[..., 0].mean()
    spread = float(np.sqrt((first**2).mean() * (second**2).mean()))
    greys = float((first * second).mean()) / spread if spread > 1 else 0.0
    return greys >= _SIMILAR_GREYS and apart[0] <= _SIMILAR_BRIGHTNESS and max(apart[1:]) <= _SIMILAR_COLOUR


def _blocks(values: Floats, count: int) -> Floats:
    """Return the means of blocks of 4 `count` x 4 `count` values, one every 4 in both directions."""
    quarters = _floats(Image.fromarray(values).reduce(4))
    count_down, count_across = min(count, quarters.shape[0]), min(count, quarters.shape[1])
    windows = np.lib.stride_tricks.sliding_window_view(quarters, (count_down, count_across))
    return np.asarray(windows.mean(axis=(2, 3)), np.float32)


def _variance(greys: Floats) -> Floats:
    """Return the variance in blocks of 8 x 8."""
    mean = _blocks(greys, 2)
    return np.maximum(_blocks(greys * greys, 2) - mean * mean, 0)


def _floats(image: Image.Image) -> Floats:
    return np.asarray(image, np.float32)


def clip_fingerprint(path: Path) -> bytes:
    """Return the looks of frames spread over a clip, one after the other. Raises MediaError."""
    with open_clip(path) as clip:
        frames = _frames_of(clip, clip.duration or 0.0, _THUMBNAIL_SIDE)
    return b"".join(coarse_look(shown[len(shown) // 2]) for shown in frames if shown)


def compare_clips(kept: Path, other: Path) -> Likeness:
    """Return what one clip is to another: the same length, and the same in frames spread over it.

    Raises MediaError if one does not decode.
    """
    with open_clip(kept) as first, open_clip(other) as second:
        lengths = [clip.duration or 0.0 for clip in (first, second)]
        has_sound = [bool(clip.container.streams.audio) for clip in (first, second)]
        # The same size for both, and none of them enlarged.
        side = min(_CLIP_SIDE, *(max(clip.stream.width, clip.stream.height) for clip in (first, second)))
        moments = [_frames_of(clip, min(lengths), side) for clip in (first, second)]
    pairs = list(zip(*moments, strict=True))
    alike = sum(_agree(one[len(one) // 2], two[len(two) // 2], WHOLE) for one, two in pairs if one and two)
    if alike < len(pairs) - 1:
        return Likeness.DIFFERENT
    is_same = (
        abs(lengths[0] - lengths[1]) <= length_tolerance(max(lengths))
        and (has_sound[0] or not has_sound[1])
        and all(_same_moment(one, two) for one, two in pairs)
    )
    return Likeness.SAME if is_same else Likeness.SIMILAR


def _frames_of(clip: Clip, duration: float, side: int) -> list[list[Image.Image]]:
    """Return, for moments spread over a clip, the frame that is shown, with the one before it and the one after."""
    deadline = time.monotonic() + _CLIP_SECONDS
    return [
        [upright_picture(clip, frame, side) for frame in frames_around(clip, clip.start + duration * share, deadline)]
        for share in _MOMENTS
    ]


def _same_moment(frames: Sequence[Image.Image], others: Sequence[Image.Image]) -> bool:
    """Tell whether a frame of one is a frame of the other: with another rate they are not of quite the same moment."""
    return any(
        difference(one.resize(other.size, Image.Resampling.BICUBIC), other).is_within(_MOST_CHANGE_OF_CLIPS)
        for one in frames
        for other in others
    )
