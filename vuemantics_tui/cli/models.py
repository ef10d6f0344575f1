"""The command about joint image-text models: model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import current_settings, json_option, library_option, lists
from vuemantics_tui.cli.output import emit, emit_json, note, table
from vuemantics_tui.cli.progress import Bar, bars, see_pictures, tag_pictures
from vuemantics_tui.cli.session import Interrupted, open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.text import counted, size_words, visible

if TYPE_CHECKING:
    from vuemantics_tui.library.models import Model, ModelState, Offer

_NONE = "none"


@click.group(invoke_without_command=True)
@json_option
@library_option
@click.pass_context
def model(context: click.Context, as_json: bool) -> None:
    """List joint image-text models, download one, and choose which one the library searches by.

    Such a model puts pictures and words into one space, so that a search finds what a picture shows, described or not.
    """
    if lists(context, as_json):
        settings = current_settings()
        run(lambda: _list(settings, as_json))


@model.command("list")
@json_option
@library_option
def list_models(as_json: bool) -> None:
    """List the models on this machine with how much of the library each has seen, and those to download."""
    settings = current_settings()
    run(lambda: _list(settings, as_json))


@model.command("pull")
@click.argument("name")
@library_option
def pull_model(name: str) -> None:
    """Download a model that `model list` offers. Interrupted, it resumes the next time.

    HF_ENDPOINT names another hub than huggingface.co, HF_TOKEN a token for it.
    """
    settings = current_settings()
    run(lambda: _pull(settings, name))


@model.command("add")
@click.argument("folder", type=click.Path())
@click.option("--name", default="", help="What to call it. Without it, the name of the folder, or on the server.")
@library_option
def add_model(folder: str, name: str) -> None:
    """Copy a model from a folder, in the layout of Immich, transformers.js or rclip, or use one of Immich's servers.

    For a server, write immich:http://gpu:3003#ViT-B-32__openai, or immich:ViT-B-32__openai if immich_host is set.
    Your pictures are then sent to that server, as JPEG of at most 1024 pixels.
    """
    settings = current_settings()
    run(lambda: _add(settings, folder, name))


@model.command("use")
@click.argument("name")
@library_option
def use_model(name: str) -> None:
    """Search by this model, or by none. Shows it every picture; interrupted, it resumes the next time.

    A model of one of Immich's servers is added first: immich:http://gpu:3003#ViT-B-32__openai.
    """
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
        states, offers = await library.models.states(), await library.models.offers()
    if as_json:
        for document in [*map(_document, states), *map(_offer_document, offers)]:
            emit_json(document)
        return
    if states:
        rows = [
            (
                visible(state.name),
                "in use" if state.is_in_use else "" if state.model else "not on this machine",
                f"{state.seen:,}",
                f"{state.unseen:,}" if state.is_in_use else "",
                _size(state.model),
                visible(state.model.licence) if state.model else "",
            )
            for state in states
        ]
        for line in table(("Name", "State", "Seen", "Left", "Size", "Licence"), rows):
            emit(line)
    else:
        note("No model on this machine yet.")
    if offers:
        emit("")
        to_fetch = [
            (
                offer.model.name,
                size_words(offer.model.bytes) + (f", {size_words(offer.fetched)} here" if offer.fetched else ""),
                offer.model.licence,
                offer.model.languages,
                offer.model.good_for,
            )
            for offer in offers
        ]
        for line in table(("To download", "Size", "Licence", "Languages", "Good for"), to_fetch):
            emit(line)
        note("To download one: vuemantics-tui model pull NAME")


async def _pull(settings: Settings, name: str) -> None:
    async with open_library(settings, "create") as library:
        with bars() as progress:
            bar = Bar(progress, "download", 0)

            def show(done: int, total: int) -> None:
                bar.show(done, total)
                bar.say(f"{size_words(done)} of {size_words(total)}")

            try:
                pulled = await library.models.pull(name, show)
            except asyncio.CancelledError:
                raise Interrupted(
                    f"Stopped. What has been downloaded is kept. To resume: vuemantics-tui model pull {visible(name)}"
                ) from None
    emit(f"Downloaded {pulled.name}: {pulled.dimension} dimensions, {size_words(pulled.bytes)}, from {pulled.origin}.")
    note(f"To search by it: vuemantics-tui model use {pulled.name}")


async def _add(settings: Settings, folder: str, name: str) -> None:
    async with open_library(settings, "create") as library:
        added = await library.models.add(folder, name)
    takes = "pictures are sent to the server" if added.served else size_words(added.bytes)
    emit(f"Added {added.name}: {added.dimension} dimensions, {takes}.")
    note(f"To search by it: vuemantics-tui model use {added.name}")


async def _use(settings: Settings, name: str) -> None:
    async with open_library(settings, "create") as library:
        if name == _NONE:
            await library.models.use_none()
            emit("No model is in use. What the models have seen so far is kept.")
            return
        chosen = await library.models.use(name)
        await library.queue.start()
        seen = await see_pictures(library)
        problem = library.queue.pictures_problem
        if not problem:
            # Also where it had seen everything before: the list of words may be another one.
            await tag_pictures(library)
    emit(f"{chosen.name} is in use. {counted(seen, 'picture')} seen.")
    if problem:
        note(f"The others wait: {visible(problem)}. To resume: vuemantics-tui model use {visible(name)}")


async def _remove(settings: Settings, name: str) -> None:
    async with open_library(settings, "write") as library:
        before = await library.models.store.in_use()
        freed = await library.models.remove(name)
        after = await library.models.store.in_use()
    emit(f"Removed {visible(name)}, which frees {size_words(freed)}.")
    if after != before:
        note("No model is in use." if after is None else f"{visible(after.partition('@')[0])} is in use again.")


def _size(model: Model | None) -> str:
    """Return what a model takes on this machine, or that it is on servers."""
    if model is None:
        return ""
    return f"on {visible(model.hosts or 'immich_host')}" if model.served else size_words(model.bytes)


def _document(state: ModelState) -> dict[str, Any]:
    return {
        "name": state.name,
        "in_use": state.is_in_use,
        "seen": state.seen,
        "unseen": state.unseen,
        "installed": state.model is not None,
        "offered": False,
        "dimension": state.model.dimension if state.model else None,
        "bytes": state.model.bytes if state.model else None,
        "fingerprint": state.model.fingerprint if state.model else None,
        "licence": state.model.licence if state.model else "",
        "origin": state.model.origin if state.model else "",
        "served": (state.model.served or None) if state.model else None,
        "hosts": (state.model.hosts or None) if state.model else None,
    }


def _offer_document(offer: Offer) -> dict[str, Any]:
    return {
        "name": offer.model.name,
        "title": offer.model.title,
        "in_use": False,
        "seen": 0,
        "installed": False,
        "offered": True,
        "bytes": offer.model.bytes,
        "fetched_bytes": offer.fetched,
        "licence": offer.model.licence,
        "languages": offer.model.languages,
        "good_for": offer.model.good_for,
        "origin": offer.model.repository,
    }
