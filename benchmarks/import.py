"""Measure the import of photos beside the bound that its stages set, rclip's way, and pyvips' thumbnails.

    python -m benchmarks.import [--photos FOLDER] [--count 200] [--rounds 3] [--without-vision] [--no-model]

Without a folder the photos are made: parts of scikit-image's pictures, enlarged to 6 MP, with grain. Each round
measures everything in turn, so that other work of the machine affects all of it alike; the ratios are medians over the
rounds.

- The stages alone: the CPU time of each call that goes to the pool of processes, warm, one after another. The bound is
  what all processors could do if there were nothing else.
- The import: the photos added to an empty library. Its rate is that between the first tenth of them that is complete
  and the last; the whole, with the start of the processes and the loading of models, stands beside it.
- rclip's way: decode whole, scale, one network, a row in SQLite; with the same network as the import, which is of the
  size of ViT-B/32 and has random weights. Decoders are threads; the network gets eight at a time, and all processors.
- The thumbnail alone: ours, and pyvips' with the same size and quality.

Ends with 1 if the import reaches less than 85 % of the bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnxruntime
import psutil
import pyvips
import skimage
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageOps
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from benchmarks.search import say
from vuemantics_tui.analyzers.builtin.analyzer import describe_picture, embed_described
from vuemantics_tui.analyzers.builtin.vision import COARSE, DETAILED, vision_parts
from vuemantics_tui.analyzers.joint.layout import Preprocessing
from vuemantics_tui.analyzers.joint.towers import prepare, see
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.library import Library
from vuemantics_tui.media.jobs import first_look, make_thumbnail
from vuemantics_tui.paths import cache_dir

LEAST_OF_BOUND = 0.85
SIZE = (3000, 2000)
MAX_PIXELS = Settings().limits.max_pixels
# Of ViT-B/32: the side of pictures and of patches, the width, layers and heads, and the dimension of vectors.
SIDE, PATCH, WIDTH, LAYERS, HEADS, DIMENSION = 224, 32, 768, 12, 12, 512
PATCHES = (SIDE // PATCH) ** 2
BATCH = 8
# The stages are measured on so many photos, after a few that load the models.
MEASURED, WARM = 40, 3
HIDDEN = ("cv2", "rapidocr")
TENTH = 10

Result = TypeVar("Result")


def make_photos(folder: Path, count: int) -> None:
    """Write JPEGs of 6 MP with the detail and the grain of photos."""
    folder.mkdir(parents=True)
    sources = sorted((Path(skimage.__file__).parent / "data").glob("*.[jp][pn]g"))
    pictures = [Image.open(path).convert("RGB") for path in sources]
    pictures = [picture for picture in pictures if min(picture.size) >= 300]
    random = np.random.default_rng(1)
    for number in range(count):
        picture = pictures[number % len(pictures)]
        width = int(min(picture.width, picture.height * 1.5) * random.uniform(0.7, 1.0))
        height = width * SIZE[1] // SIZE[0]
        left, top = (int(random.integers(0, most + 1)) for most in (picture.width - width, picture.height - height))
        large = picture.crop((left, top, left + width, top + height)).resize(SIZE, Image.Resampling.BICUBIC)
        grain = random.normal(0, 3, (*SIZE[::-1], 1)).astype(np.int16)
        pixels = np.clip(np.asarray(large, np.int16) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"photo-{number:03}.jpg", quality=88)


# A joint model of the size of ViT-B/32


def write_model(folder: Path) -> Path:
    """Write a joint model as transformers.js keeps them, and return its folder. Its weights are noise."""
    (folder / "onnx").mkdir(parents=True)
    (folder / "onnx" / "vision_model.onnx").write_bytes(_vision())
    (folder / "onnx" / "text_model.onnx").write_bytes(_text())
    size = {"height": SIDE, "width": SIDE}
    how = {"size": {"shortest_edge": SIDE}, "crop_size": size, "do_center_crop": True, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(how))
    (folder / "config.json").write_text(json.dumps({"model_type": "clip"}))
    Tokenizer(WordLevel({"<unk>": 0, "photo": 1}, unk_token="<unk>")).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": {"content": "<unk>"}}))
    return folder


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[np.generic]] = {}
        self._random = np.random.default_rng(2)

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        names = [f"{operator}{len(self.nodes)}.{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def one(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self.add(operator, *inputs, **attributes)[0]

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"constant{len(self.constants)}"
        self.constants[name] = value
        return name

    def noise(self, *shape: int) -> str:
        return self.constant((self._random.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32))

    def whole(self, *numbers: int) -> str:
        return self.constant(np.array(numbers, np.int64))

    def normed(self, x: str) -> str:
        ones, zeros = (self.constant(np.full(WIDTH, value, np.float32)) for value in (1, 0))
        return self.one("LayerNormalization", x, ones, zeros)

    def dense(self, x: str, width: int, to: int) -> str:
        return self.one("Add", self.one("MatMul", x, self.noise(width, to)), self.noise(to))

    def bytes(self, taken: onnx.ValueInfoProto, last: str, output: str) -> bytes:
        self.nodes.append(helper.make_node("Identity", [last], [output]))
        given = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", DIMENSION])
        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        model = helper.make_model(
            helper.make_graph(self.nodes, "noise", [taken], [given], constants),
            opset_imports=[helper.make_opsetid("", 17)],
        )
        model.ir_version = 8
        content: bytes = model.SerializeToString()
        return content


def _vision() -> bytes:
    graph = _Graph()
    kernel = graph.noise(WIDTH, 3, PATCH, PATCH)
    x = graph.one("Conv", "pixel_values", kernel, strides=[PATCH, PATCH])
    x = graph.one("Transpose", graph.one("Reshape", x, graph.whole(0, WIDTH, PATCHES)), perm=[0, 2, 1])
    scale = graph.constant(np.array((WIDTH // HEADS) ** -0.5, np.float32))
    for _ in range(LAYERS):
        parts = graph.add("Split", graph.dense(graph.normed(x), WIDTH, 3 * WIDTH), outputs=3, axis=2)
        heads = graph.whole(0, PATCHES, HEADS, WIDTH // HEADS)
        query, key, value = (graph.one("Reshape", part, heads) for part in parts)
        query, value = (graph.one("Transpose", each, perm=[0, 2, 1, 3]) for each in (query, value))
        weights = graph.one("MatMul", query, graph.one("Transpose", key, perm=[0, 2, 3, 1]))
        weights = graph.one("Softmax", graph.one("Mul", weights, scale), axis=-1)
        mixed = graph.one("Transpose", graph.one("MatMul", weights, value), perm=[0, 2, 1, 3])
        mixed = graph.one("Reshape", mixed, graph.whole(0, PATCHES, WIDTH))
        x = graph.one("Add", x, graph.dense(mixed, WIDTH, WIDTH))
        inner = graph.dense(graph.normed(x), WIDTH, 4 * WIDTH)
        steep = graph.constant(np.array(1.702, np.float32))
        inner = graph.one("Mul", inner, graph.one("Sigmoid", graph.one("Mul", inner, steep)))
        x = graph.one("Add", x, graph.dense(inner, 4 * WIDTH, WIDTH))
    x = graph.one("ReduceMean", graph.normed(x), axes=[1], keepdims=0)
    taken = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])
    return graph.bytes(taken, graph.one("MatMul", x, graph.noise(WIDTH, DIMENSION)), "image_embeds")


def _text() -> bytes:
    graph = _Graph()
    x = graph.one("Gather", graph.noise(2, DIMENSION), "input_ids", axis=0)
    taken = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", 77])
    return graph.bytes(taken, graph.one("ReduceSum", x, graph.whole(1), keepdims=0), "text_embeds")


# What is measured


def stages(photos: Sequence[Path], model: Path | None) -> dict[str, float]:
    """Return the CPU seconds that each call of the pool takes for a photo, and "all" of them."""
    size = DETAILED if any(part.installed for part in vision_parts()) else COARSE
    square = None if model is None else Preprocessing().square(SIDE)
    taken: defaultdict[str, list[float]] = defaultdict(list)

    def clocked(name: str, call: Callable[..., Result], *arguments: object) -> Result:
        began = time.process_time()
        result = call(*arguments)
        taken[name].append(time.process_time() - began)
        return result

    for number, photo in enumerate(photos[: MEASURED + WARM]):
        if number == WARM:
            taken.clear()
        look = clocked("one look", first_look, photo, FileType.IMAGE, size, MAX_PIXELS, square)
        assert look.picture is not None
        picture = look.picture
        description, _ = clocked("describing", describe_picture, picture, cache_dir())
        clocked("embedding", embed_described, description.full_text, description.labels)
        if model is not None:
            assert look.square is not None
            clocked("picture vector", see, model, look.square, FileType.IMAGE, 1)
    means = {name: statistics.fmean(seconds) for name, seconds in taken.items()}
    return {**means, "all": sum(means.values())}


def rclip_rate(photos: Sequence[Path], model: Path, scratch: Path) -> float:
    """Return how many photos a second rclip's way sees."""
    how = Preprocessing(SIDE)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    session = onnxruntime.InferenceSession(
        str(model / "onnx" / "vision_model.onnx"), options, providers=["CPUExecutionProvider"]
    )

    def read(path: Path) -> NDArray[np.float32]:
        with Image.open(path) as image:
            return prepare(ImageOps.exif_transpose(image.convert("RGB")), how)

    session.run(None, {"pixel_values": read(photos[0])[None]})
    with closing(sqlite3.connect(scratch / "rclip.sqlite3")) as database, ThreadPoolExecutor(os.cpu_count()) as pool:
        database.execute("CREATE TABLE IF NOT EXISTS images (path TEXT PRIMARY KEY, vector BLOB)")
        began = time.perf_counter()
        prepared = pool.map(read, photos)
        for start in range(0, len(photos), BATCH):
            batch = list(islice(prepared, BATCH))
            (vectors,) = session.run(None, {"pixel_values": np.stack(batch)})
            rows = zip(map(str, photos[start : start + BATCH]), (vector.tobytes() for vector in vectors), strict=True)
            database.executemany("INSERT OR REPLACE INTO images VALUES (?, ?)", rows)
            database.commit()
        return len(photos) / (time.perf_counter() - began)


def thumbnail_seconds(photos: Sequence[Path], scratch: Path) -> dict[str, float]:
    """Return the CPU seconds for one thumbnail, by who makes it."""

    def vips(path: Path) -> None:
        small = pyvips.Image.thumbnail(str(path), 256, height=256, size="down")
        small.jpegsave(str(scratch / "vips.jpg"), Q=85)

    def ours(path: Path) -> None:
        make_thumbnail(path, FileType.IMAGE, scratch / "ours.jpg", MAX_PIXELS)

    taken: defaultdict[str, list[float]] = defaultdict(list)
    for number, photo in enumerate(photos[: MEASURED + WARM]):
        for name, make in (("ours", ours), ("pyvips", vips)):
            began = time.process_time()
            make(photo)
            if number >= WARM:
                taken[name].append(time.process_time() - began)
    return {name: statistics.fmean(seconds) for name, seconds in taken.items()}


@dataclass(frozen=True, slots=True)
class Imported:
    """Photos a second: of the whole import, and once its processes run; and CPU seconds a photo then.

    `own` is what the program itself takes of them, without the processes of its pool.
    """

    whole: float
    steady: float
    cpu: float
    own: float


def _cpu_seconds() -> tuple[float, float]:
    """Return what all processes took, and what this one did."""
    me = psutil.Process()
    own, *others = (each.cpu_times() for each in (me, *me.children(recursive=True)))
    return sum(each.user + each.system for each in (own, *others)), own.user + own.system


async def imported(photos: Sequence[Path], model: Path | None, library_folder: Path) -> Imported:
    """Import the photos into an empty library."""
    library = await Library.open(replace(Settings(), library=library_folder, analyzer="builtin", keep_free_mib=0))
    try:
        if model is not None:
            if not await library.models.installed():
                await library.models.add(model, "noise")
            await library.models.use("noise")
        candidates = await library.gather(photos, recursive=False)
        began = time.perf_counter()
        await library.queue.start()

        async def add() -> None:
            async for result in library.add(candidates):
                if result.upload is None:
                    raise SystemExit(f"{result.path} was not taken: {result}")

        async def completed(count: int) -> tuple[float, tuple[float, float], int]:
            while True:
                counts = await library.queue.store.counts()
                if counts.failed:
                    raise SystemExit("An upload failed: see the log")
                if counts.completed >= count:
                    return time.perf_counter(), _cpu_seconds(), counts.completed
                await asyncio.sleep(0.05)

        adding = asyncio.create_task(add())
        warm_at, warm_cpu, warm = await completed(len(photos) // TENTH)
        end_at, end_cpu, _ = await completed(len(photos))
        await adding
    finally:
        await library.close()
    steady = len(photos) - warm
    cpu, own = ((end - start) / steady for start, end in zip(warm_cpu, end_cpu, strict=True))
    return Imported(len(photos) / (end_at - began), steady / (end_at - warm_at), cpu, own)


def measure(photos: Sequence[Path], model: Path | None, rounds: int, scratch: Path) -> bool:
    """Measure, print, and return whether the import reaches what it should."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for name, seconds in stages(photos, model).items():
            found[f"stage {name}"].append(seconds)
        bound = cores / found["stage all"][-1]
        ours = asyncio.run(imported(photos, model, scratch / f"library-{number}"))
        for name, value in (
            ("bound", bound),
            ("whole", ours.whole),
            ("steady", ours.steady),
            ("cpu", ours.cpu),
            ("own", ours.own),
        ):
            found[name].append(value)
        found["of the bound"].append(ours.steady / bound)
        found["of the CPU time"].append(found["stage all"][-1] / ours.cpu)
        if model is not None:
            found["rclip"].append(rclip_rate(photos, model, scratch))
            found["x rclip"].append(ours.steady / found["rclip"][-1])
        thumbnails = thumbnail_seconds(photos, scratch)
        found["thumbnail ours"].append(thumbnails["ours"])
        found["thumbnail pyvips"].append(thumbnails["pyvips"])
        found["x pyvips"].append(thumbnails["ours"] / thumbnails["pyvips"])
    middle = {name: statistics.median(values) for name, values in found.items()}
    extra = [part.name for part in vision_parts() if part.installed]
    looks = " and ".join(extra) or "without the extra vision"
    say(f"{len(photos)} photos, {cores} processors, {rounds} rounds; {looks}")
    for name, value in middle.items():
        if name.startswith("stage"):
            say(f"  {name.removeprefix('stage '):16} {value * 1000:7.1f} ms of CPU a photo")
    say(f"  {'bound':16} {middle['bound']:7.1f} photos/s")
    say(f"import             {middle['steady']:7.1f} photos/s, with its start {middle['whole']:.1f}")
    say(f"  {'of the bound':16} {middle['of the bound']:7.2f} (at least {LEAST_OF_BOUND})")
    say(f"  {'CPU':16} {middle['cpu'] * 1000:7.1f} ms a photo, of which the stages are {middle['of the CPU time']:.2f}")
    say(f"  {'the program':16} {middle['own'] * 1000:7.1f} ms of it, without the processes of its pool")
    if model is not None:
        say(f"rclip's way        {middle['rclip']:7.1f} photos/s; the import does {middle['x rclip']:.2f} times that")
    ours_ms, vips_ms = (middle[f"thumbnail {name}"] * 1000 for name in ("ours", "pyvips"))
    say(f"thumbnail alone    {ours_ms:7.1f} ms, pyvips {vips_ms:.1f}: {middle['x pyvips']:.2f} times that")
    return middle["of the bound"] >= LEAST_OF_BOUND


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-vision", action="store_true", help="as if the extra vision were not installed")
    parser.add_argument("--no-model", action="store_true", help="without a joint model, and so without rclip's way")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        # Models of the joint kind and caches are kept there.
        for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            os.environ[name] = str(scratch / name)
        if options.without_vision:
            hidden = scratch / "hidden"
            hidden.mkdir()
            for name in HIDDEN:
                # A module in place of the package is taken for none, here and in the processes of the pool.
                (hidden / f"{name}.py").touch()
            sys.path.insert(0, str(hidden))
        if options.photos is None:
            say("making the photos")
            make_photos(scratch / "photos", options.count)
        photos = sorted((options.photos or scratch / "photos").glob("*.jp*g"))[: options.count]
        model = None if options.no_model else write_model(scratch / "model")
        return int(not measure(photos, model, options.rounds, scratch))


if __name__ == "__main__":
    raise SystemExit(main())
