"""The command about joint image-text models: model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import current_settings, json_option, library_option, lists
from vuemantics_tui.cli.output import emit, emit_json, note, table
from vuemantics_tui.cli.progress import see_pictures
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.text import counted, size_words, visible

if TYPE_CHECKING:
    from vuemantics_tui.library.models import ModelState

_NONE = "none"


@click.group(invoke_without_command=True)
@json_option
@library_option
@click.pass_context
def model(context: click.Context, as_json: bool) -> None:
    """List joint image-text models, add one, and choose which one the library searches by.

    Such a model puts pictures and words into one space, so that a search finds what a picture shows, described or not.
    """
    if lists(context, as_json):
        settings = current_settings()
        run(lambda: _list(settings, as_json))


@model.command("list")
@json_option
@library_option
def list_models(as_json: bool) -> None:
    """List the models on this machine and how much of the library each has seen."""
    settings = current_settings()
    run(lambda: _list(settings, as_json))


@model.command("add")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default="", help="What to call it. Without it, the folder's name.")
@library_option
def add_model(folder: Path, name: str) -> None:
    """Copy a model from a folder, in the layout of Immich, transformers.js or rclip."""
    settings = current_settings()
    run(lambda: _add(settings, folder, name))


@model.command("use")
@click.argument("name")
@library_option
def use_model(name: str) -> None:
    """Search by this model, or by none. Shows it every picture; interrupted, it resumes the next time."""
    settings = current_settings()
    run(lambda: _use(settings, name))


@model.command("remove")
@click.argument("name")
@library_option
def remove_model(name: str) -> None:
    """Delete a model from this machine, and what this library saw with it."""
    settings = current_settings()
    run(lambda: _remove(settings, name))


async def _list(settings: Settings, as_json: bool) -> None:
    async with open_library(settings, "read") as library:
        states = await library.models.states()
    if as_json:
        for state in states:
            emit_json(_document(state))
        return
    if not states:
        note("No model yet. Add one with: vuemantics-tui model add FOLDER")
        return
    rows = [
        (
            visible(state.name),
            "in use" if state.is_in_use else "" if state.model else "not on this machine",
            f"{state.seen:,}",
            f"{state.unseen:,}" if state.is_in_use else "",
            size_words(state.model.bytes) if state.model else "",
        )
        for state in states
    ]
    for line in table(("Name", "State", "Seen", "Left", "Size"), rows):
        emit(line)


async def _add(settings: Settings, folder: Path, name: str) -> None:
    async with open_library(settings, "create") as library:
        added = await library.models.add(folder, name)
    emit(f"Added {added.name}: {added.dimension} dimensions, {size_words(added.bytes)}.")
    note(f"To search by it: vuemantics-tui model use {added.name}")


async def _use(settings: Settings, name: str) -> None:
    async with open_library(settings, "create") as library:
        if name == _NONE:
            await library.models.store.use_none()
            emit("No model is in use. What the models have seen so far is kept.")
            return
        chosen = await library.models.use(name)
        await library.queue.start()
        seen = await see_pictures(library)
    emit(f"{chosen.name} is in use. {counted(seen, 'picture')} seen.")


async def _remove(settings: Settings, name: str) -> None:
    async with open_library(settings, "write") as library:
        freed = await library.models.remove(name)
    emit(f"Removed {visible(name)}, which frees {size_words(freed)}.")


def _document(state: ModelState) -> dict[str, Any]:
    return {
        "name": state.name,
        "in_use": state.is_in_use,
        "seen": state.seen,
        "unseen": state.unseen,
        "installed": state.model is not None,
        "dimension": state.model.dimension if state.model else None,
        "bytes": state.model.bytes if state.model else None,
        "fingerprint": state.model.fingerprint if state.model else None,
        "licence": state.model.licence if state.model else "",
        "origin": state.model.origin if state.model else "",
    }
