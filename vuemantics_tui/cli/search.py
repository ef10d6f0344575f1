"""The commands that search: search, saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import (
    FAILED,
    analyzer_option,
    current_settings,
    hidden_option,
    json_option,
    library_option,
    lists,
    members_option,
)
from vuemantics_tui.cli.output import emit, emit_json, emit_lit, emit_path, note, table, upload_document
from vuemantics_tui.cli.query_line import QueryCommand, as_is_option, checked_line, pointing, understood
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.desktop import open_in_viewer
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.query.sentence import Sentence
from vuemantics_tui.domain.text import caseless, counted, visible
from vuemantics_tui.domain.upload import SHORT_ID, stack_sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from vuemantics_tui.library import Library, SearchHit, SearchResults

_NAME = "Name"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which results to print, and how. `end` ends each path, where only paths are printed."""

    limit: int
    all: bool
    hidden: bool
    members: bool
    as_json: bool
    end: bytes | None
    opens: bool


def _result_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that prints what a search finds."""
    for option in reversed(
        (
            click.option(
                "--limit",
                type=click.IntRange(min=1),
                default=20,
                metavar="N",
                show_default=True,
                help="Show at most N.",
            ),
            click.option("--all", "everything", is_flag=True, help="Include results below the cut-off."),
            hidden_option,
            members_option,
            click.option("--paths", is_flag=True, help="Print only the paths of the originals, one per line."),
            click.option("-0", "--null", "null", is_flag=True, help="Like --paths, for xargs -0."),
            click.option("--open", "opens", is_flag=True, help="Also open the first result in your system's viewer."),
            json_option,
            analyzer_option,
            library_option,
        )
    ):
        command = option(command)
    return command


def _wanted(
    limit: int, everything: bool, hidden: bool, members: bool, paths: bool, null: bool, opens: bool, as_json: bool
) -> _Wanted:
    if paths + null + as_json > 1:
        raise UsageError("Only one output format is possible", "Choose one of --json, --paths and -0.")
    return _Wanted(limit, everything, hidden, members, as_json, b"\0" if null else b"\n" if paths else None, opens)


@click.command(
    cls=QueryCommand,
    epilog="Put -- before a QUERY that leaves words out: vuemantics-tui search -- kitten -dog",
)
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@as_is_option
@_result_options
def search(query: tuple[str, ...], as_is: bool, **options: Any) -> None:
    """Find uploads by meaning, keywords and filters, best first.

    Dates, places, types, tags and people in plain words become filters: videos from Rome 2019.
    """
    wanted = _wanted(**options)
    text = checked_line(query, as_is=as_is)
    if not text:
        raise UsageError(
            "The query is empty", "Describe what you are looking for: vuemantics-tui search a cat on a sofa"
        )
    settings = current_settings()
    _open(run(lambda: _search(settings, text, wanted)), wanted)


def _open(first: Path | None, wanted: _Wanted) -> None:
    if wanted.opens:
        if first is None:
            raise SystemExit(FAILED)
        open_in_viewer(first)


async def _search(settings: Settings, text: str, wanted: _Wanted) -> Path | None:
    """Print the results; return the original of the first."""
    async with open_library(settings) as library:
        return await _find(library, await understood(library, text), wanted)


async def _find(library: Library, sentence: Sentence, wanted: _Wanted) -> Path | None:
    with pointing(sentence.line):
        found = await library.search.run(
            sentence.line, wanted.limit, all=wanted.all, show_hidden=wanted.hidden, members=wanted.members
        )
    if found.note:
        note(visible(found.note))
    understood_as = [{"words": chip.words, "filters": chip.line} for chip in sentence.chips]
    for place, hit in enumerate(found):
        if wanted.as_json:
            emit_json({**_hit_document(library, hit, place < found.kept), "understood": understood_as})
        elif wanted.end is not None:
            emit_path(library.original(hit.upload), wanted.end)
    if found and not wanted.as_json and wanted.end is None:
        heading, *lines = _hit_table(found)
        emit(heading)
        for hit, line in zip(found, lines, strict=True):
            emit_lit(line, hit.matched, heading.index(_NAME))
    for line in await _remarks(library, found, wanted):
        note(line)
    if not found and (why := await library.search.fruitless(sentence, show_hidden=wanted.hidden)):
        told = "Nothing matches" if why.alone else "No results with"
        note(f"{told} {visible(why.chip.line)}. To search for the words: --as-is")
    return library.original(found[0].upload) if found else None


def _hit_document(library: Library, hit: SearchHit, above: bool) -> dict[str, Any]:
    return {
        **upload_document(library, hit.upload),
        "score": hit.score,
        "cosine": hit.cosine,
        "words_share": hit.words_share,
        "meaning_share": hit.meaning_share,
        "looks_share": hit.looks_share,
        "look_cosine": hit.look_cosine,
        "second": hit.second,
        "matched": list(hit.matched),
        "sentence": hit.sentence,
        "found_in": hit.found_in.id if hit.found_in else None,
        "above_cutoff": above,
        "path": str(library.original(hit.upload)),
    }


def _hit_table(found: SearchResults) -> list[str]:
    """Return each result with the sentence that has the query's words, else its description."""
    rows = [
        (
            f"{hit.score:.2f}",
            "" if hit.cosine is None else f"{hit.cosine:.2f}",
            hit.upload.id[:SHORT_ID],
            " ".join(part for part in (hit.upload.filename, stack_sign(hit.upload)) if part),
            hit.sentence or hit.upload.description or "",
        )
        for hit in found
    ]
    return table(("Score", "Cosine", "ID", _NAME, "Description"), rows, frozenset({0, 1}))


async def _remarks(library: Library, found: SearchResults, wanted: _Wanted) -> list[str]:
    """Return what to say about the results."""
    lines = []
    if not found:
        undescribed = not found.below and not found.note and not (await library.queue.store.counts()).completed
        lines.append("Nothing in this library is described yet." if undescribed else "No results.")
    if found.total > found.kept:
        lines.append(f"{counted(found.total - found.kept, 'more result')}. To see more: --limit N")
    if wanted.all and len(found) > found.kept:
        lines.append(f"The last {len(found) - found.kept:,} are below the cut-off.")
    elif found.below and not wanted.all:
        more = "more below" if found else "below"
        lines.append(f"{found.below:,} {more} the cut-off. To include them: --all")
    return lines


@click.group(invoke_without_command=True)
@json_option
@library_option
@click.pass_context
def saved(context: click.Context, as_json: bool) -> None:
    """List, add, run or remove saved searches."""
    if lists(context, as_json):
        settings = current_settings()
        run(lambda: _list_saved(settings, as_json))


@saved.command("add", cls=QueryCommand)
@click.argument("name")
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@as_is_option
@library_option
def add_saved(name: str, query: tuple[str, ...], as_is: bool) -> None:
    """Save a search under a name, replacing any other of that name.

    Phrases such as "last winter" are saved as filters, which stay relative to the day of the search.
    """
    text = checked_line(query, as_is=as_is)
    settings = current_settings()
    run(lambda: _add_saved(settings, name, text))


@saved.command("run")
@click.argument("name")
@_result_options
def run_saved(name: str, **options: Any) -> None:
    """Run a saved search."""
    wanted = _wanted(**options)
    settings = current_settings()
    _open(run(lambda: _run_saved(settings, name, wanted)), wanted)


@saved.command("forget")
@click.argument("name")
@library_option
def forget_saved(name: str) -> None:
    """Remove a saved search. The uploads it finds stay."""
    settings = current_settings()
    run(lambda: _forget_saved(settings, name))


async def _list_saved(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        searches, counts = await library.search.saved.all(), await library.search.counts()
    if not searches:
        note("No saved searches. To add one: vuemantics-tui saved add NAME QUERY...")
    elif as_json:
        for one in searches:
            emit_json({"name": one.name, "query": one.query, "count": counts.get(one.name)})
    else:
        numbers = {one.name: counts.get(one.name) for one in searches}
        rows = [
            ("?" if (count := numbers[one.name]) is None else f"{count:,}", one.name, one.query) for one in searches
        ]
        for line in table(("Finds", "Name", "Query"), rows, frozenset({0})):
            emit(line)


async def _add_saved(settings: Settings, name: str, text: str) -> None:
    async with open_library(settings, "write") as library:
        await library.search.save(name, (await understood(library, text)).line)
        note(f"Saved the search {visible(' '.join(name.split()))}.")


async def _run_saved(settings: Settings, name: str, wanted: _Wanted) -> Path | None:
    async with open_library(settings) as library:
        key = caseless(" ".join(name.split()))
        searches = [one for one in await library.search.saved.all() if caseless(one.name) == key]
        if not searches:
            raise _no_search(name)
        # Saved as it was understood then.
        query = searches[0].query
        return await _find(library, Sentence(query, (), query), wanted)


async def _forget_saved(settings: Settings, name: str) -> None:
    async with open_library(settings, "write") as library:
        if not await library.search.saved.forget(" ".join(name.split())):
            raise _no_search(name)
        note(f"Removed the saved search {visible(name)}.")


def _no_search(name: str) -> UsageError:
    return UsageError(f"There is no saved search {name!r}", "To see them: vuemantics-tui saved")
