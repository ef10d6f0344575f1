"""Measure how well uploads are found: recall@5, MRR and nDCG@10 over labelled pictures, with bootstrap intervals.

    python -m benchmarks.retrieval FOLDER [--labels FOLDER] [--analyzer NAME] [--model NAME] [--library FOLDER] [--list]

FOLDER holds the pictures that a `labels.csv` names, with the columns `file` and `labels`, the latter separated by
semicolons. A `queries.csv` beside it, with the columns `label`, `query` and `set`, gives each label its phrasings;
without one, each label is searched for as it is written. Both are in FOLDER, or in the folder of `--labels`: those in
`benchmarks/retrieval_set` label photos of https://github.com/drewnoakes/metadata-extractor-images.

The rankings compared: keywords alone, the vectors of texts alone, those of pictures alone if a joint model is named,
and the whole search as a person gets it, with and without its cut-off. `--library` keeps the processed library, so
that a second run only searches.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import math
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.search import say
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.query import parse_query
from vuemantics_tui.library import Library

# Read to this depth: nDCG needs ten, and MRR hardly changes behind it.
_DEPTH = 50
# Resamples of the queries, for intervals of 95 %.
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched for, the set of phrasings it belongs to, and the names of the files that answer it."""

    query: str
    phrasing: str
    answers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Score:
    """How well one question was answered, each 0..1."""

    recall: float
    reciprocal: float
    gain: float


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The files to look for, relative to the folder of pictures, and what is asked."""

    files: Sequence[str]
    questions: Sequence[Question]


def read_labels(folder: Path) -> LabelledSet:
    """Return what a folder with a `labels.csv` asks. Raises SystemExit if that file is missing or has other columns."""
    files: list[str] = []
    labelled: defaultdict[str, set[str]] = defaultdict(set)
    try:
        with (folder / "labels.csv").open(newline="", encoding="utf-8") as table:
            for row in csv.DictReader(table):
                files.append(row["file"])
                for label in filter(None, (part.strip() for part in row["labels"].split(";"))):
                    labelled[label].add(Path(row["file"]).name)
    except (OSError, KeyError) as error:
        raise SystemExit(f"{folder} needs a labels.csv with the columns file and labels: {error}") from error
    queries = folder / "queries.csv"
    if not queries.exists():
        return LabelledSet(files, [Question(label, "labels", frozenset(names)) for label, names in labelled.items()])
    with queries.open(newline="", encoding="utf-8") as table:
        questions = [
            Question(row["query"], row["set"], frozenset(labelled[row["label"]]))
            for row in csv.DictReader(table)
            if labelled[row["label"]]
        ]
    return LabelledSet(files, questions)


def score(found: Sequence[str], answers: frozenset[str]) -> Score:
    """Score one ranking: recall among the first 5 (of at most 5 possible), 1 / rank of the first answer, nDCG@10."""
    right = [name in answers for name in found]
    first = next((1 / rank for rank, hit in enumerate(right, 1) if hit), 0.0)
    gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(right[:10], 1) if hit)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(answers)) + 1))
    return Score(sum(right[:5]) / min(5, len(answers)), first, gain / ideal)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of some values, and the 95 % interval of it by resampling."""
    sample = np.asarray(values)
    random = np.random.default_rng(1)
    means = sample[random.integers(0, len(sample), (_RESAMPLES, len(sample)))].mean(axis=1)
    return float(sample.mean()), float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


async def _fill(library: Library, pictures: Sequence[Path]) -> None:
    feed = library.changes()
    await feed.skip_to_now()
    await library.queue.start()
    candidates = await library.gather(pictures, recursive=False)
    added = [result.upload async for result in library.add(candidates) if result.upload is not None]
    async for _ in library.queue.ended(feed, {upload.number for upload in added}):
        pass


async def _see(library: Library, name: str) -> None:
    """Use a joint model, and wait until it saw every picture."""
    model = await library.models.use(name)
    await library.queue.start()
    library.queue.look_at_pictures()
    async for _ in library.queue.pictures_left(model.key):
        pass


async def _rankings(library: Library, question: Question, names: Mapping[int, str]) -> dict[str, list[str]]:
    search = library.search
    words = await search.words(question.query, _DEPTH)
    fused = await search.run(question.query, _DEPTH, all=True)
    vectors = await search.vectors()
    query = parse_query(question.query)
    nearest = await vectors.nearest(await (await library.analyzer.get()).embed_query(query.text), _DEPTH)
    rankings = {
        "words": [hit.upload.filename for hit in words],
        "text": [names[number] for number, _ in nearest],
        "fused": [hit.upload.filename for hit in fused],
        "search": [hit.upload.filename for hit in fused[: fused.kept]],
    }
    pictures = await search.pictures()
    if pictures is not None:
        looks = await pictures.looks(query, _DEPTH, None, final=True, show_hidden=False)
        rankings["picture"] = [names[number] for number in looks.cosines]
    return rankings


async def measure(folder: Path, labelled: LabelledSet, settings: Settings, *, model: str, listed: bool) -> None:
    """Process the pictures into the library of the settings unless that was done, then ask and print."""
    missing = [name for name in labelled.files if not (folder / name).exists()]
    if missing:
        raise SystemExit(f"{folder} lacks {len(missing)} of the pictures in labels.csv, such as {missing[0]}")
    library = await Library.open(settings)
    try:
        if not await library.uploads.newest(limit=1):
            await _fill(library, [folder / name for name in labelled.files])
        if model:
            await _see(library, model)
        names = {upload.number: upload.filename for upload in await library.uploads.newest(limit=100_000)}
        scores: defaultdict[tuple[str, str], list[Score]] = defaultdict(list)
        for question in labelled.questions:
            for ranking, found in (await _rankings(library, question, names)).items():
                scores[question.phrasing, ranking].append(score(found, question.answers))
                if listed and ranking == "search":
                    each = scores[question.phrasing, ranking][-1]
                    say(f"{each.recall:.2f} {each.reciprocal:.2f} {len(found):3} {question.query}: {found[:5]}")
        analyzer = await library.analyzer.get()
    finally:
        await library.close()
    say(f"{len(names)} pictures, {len(labelled.questions)} questions; {analyzer.model}, joint model: {model or 'none'}")
    say("means with 95 % intervals")
    say(f"{'phrasings':14} {'ranking':12} {'recall@5':>20} {'MRR':>20} {'nDCG@10':>20}")
    for (phrasing, ranking), found_scores in sorted(scores.items()):
        columns = [
            "{:.3f} ({:.2f}-{:.2f})".format(*interval(values))
            for values in (
                [each.recall for each in found_scores],
                [each.reciprocal for each in found_scores],
                [each.gain for each in found_scores],
            )
        ]
        say(f"{phrasing:14} {ranking:12} {columns[0]:>20} {columns[1]:>20} {columns[2]:>20}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, help="the folder of labels.csv and queries.csv, if it is another one")
    parser.add_argument("--analyzer", default="builtin")
    parser.add_argument("--model", default="", help="a joint model on this machine: see vuemantics-tui model list")
    parser.add_argument("--library", type=Path)
    parser.add_argument("--list", action="store_true", help="show the answers to each question")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        library = options.library or Path(scratch) / "library"
        settings = replace(Settings(), library=library, analyzer=options.analyzer, keep_free_mib=0)
        labelled = read_labels(options.labels or options.folder)
        asyncio.run(measure(options.folder, labelled, settings, model=options.model, listed=options.list))


if __name__ == "__main__":
    main()
