"""Joint image-text models: which are on this machine, and which one a library uses."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vuemantics_tui.analyzers.joint.served import MANIFEST, PREFIX, SERVED_SIDE, ServedModels, parse_served
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, LibraryError, UsageError, WorkerDiedError
from vuemantics_tui.domain.media import LookSize, Square
from vuemantics_tui.files import make_folder, write_whole
from vuemantics_tui.processing.picture_tags import put_back
from vuemantics_tui.store.picture_tags import PictureTagStore
from vuemantics_tui.store.pictures import PictureModelUse, PictureStore

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.base import Compute, ServerState, Vector
    from vuemantics_tui.analyzers.joint.catalogue import OfferedModel
    from vuemantics_tui.analyzers.joint.fetch import OnProgress

_FETCHING = ".fetching"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# How long the text network stays in memory without a query. It takes 250 MB and more, and a second or two to load,
# which who opens the search line again does not notice: it is loaded while they type.
IDLE_SECONDS = 300.0
# What the text network may take of the 50 ms between the last key and the answer, while somebody types.
TYPING_SECONDS = 0.03

# How many queries are remembered with their vectors.
_REMEMBERED = 256

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Model:
    """A joint model on this machine: `bytes` is what its folder takes, `fingerprint` tells its weights from others.

    One on servers is called `served` there; `hosts` are their addresses, or empty for those of the settings.
    """

    name: str
    folder: Path
    fingerprint: str
    dimension: int
    size: int
    bytes: int
    licence: str = ""
    origin: str = ""
    served: str = ""
    hosts: str = ""

    @property
    def key(self) -> str:
        """Return what its vectors are called in a library."""
        return f"{self.name}@{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model, installed or not, as a library knows it: how many uploads it saw, and how many it has not seen."""

    name: str
    model: Model | None
    is_in_use: bool
    seen: int
    unseen: int
    offered: OfferedModel | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that can be fetched and is not on this machine; `fetched` bytes of it are here from before."""

    model: OfferedModel
    fetched: int


class Models:
    """The joint models of this machine, in `folder`, and their use by one library."""

    def __init__(
        self,
        folder: Path,
        store: PictureStore,
        tags: PictureTagStore,
        compute: Callable[[], Compute],
        queries: Callable[[], Compute],
        servers: ServedModels,
    ) -> None:
        """Take `queries`, which makes the pool of the one process that embeds queries."""
        self.folder = folder
        self.store = store
        self._tags = tags
        self._compute = compute
        self._queries = QueryEmbedder(queries)
        self.servers = servers
        self.pulling: dict[str, tuple[int, int]] = {}
        """What this process downloads: by the names of the models the bytes that are here, and those of all files."""

    async def installed(self) -> list[Model]:
        """Return the models on this machine, by name."""
        return await asyncio.to_thread(_installed, self.folder)

    async def states(self) -> list[ModelState]:
        """Return every model that is on this machine or that this library used, by name."""
        from vuemantics_tui.analyzers.joint.catalogue import CATALOGUE

        known = {offer.name: offer for offer in CATALOGUE}
        installed = {model.key: model for model in await self.installed()}
        used: dict[str, PictureModelUse] = {use.model: use for use in await self.store.models()}
        states = []
        for key in sorted({*installed, *used}):
            use = used.get(key)
            in_use = use is not None and use.is_in_use
            unseen = await self.store.left(key) if in_use else 0
            name = key.partition("@")[0]
            seen = 0 if use is None else use.seen
            states.append(ModelState(name, installed.get(key), in_use, seen, unseen, known.get(name)))
        return states

    async def add(self, place: Path | str, name: str = "", *, licence: str = "", origin: str = "") -> Model:
        """Copy a model out of a folder, after trying it; one of Immich's servers, as `immich:HOSTS#MODEL`, stays there.

        Raises AnalyzerError, UsageError and LibraryError.
        """
        if str(place).startswith(PREFIX):
            return await self._add_served(str(place), name)
        from vuemantics_tui.analyzers.joint.layout import model_folder

        source = await asyncio.to_thread(lambda: Path(place).expanduser().absolute())
        if not await asyncio.to_thread(source.is_dir):
            raise UsageError(f"{source} is not a folder", "Name the folder that contains the model's files.")
        try:
            source = await asyncio.to_thread(model_folder, source)
        except OSError as error:
            raise UsageError(f"{source} cannot be read: {error.strerror}", "Check its permissions.") from error
        return await self._install(source, await self._new_name(name or source.name), _copy, licence, origin)

    async def _add_served(self, text: str, name: str) -> Model:
        """Add a model that Immich's containers have, after trying it on each that answers."""
        served = parse_served(text)
        name = await self._new_name(name or served.model)
        dimension = await self.servers.dimension(served)
        # What the servers compute with cannot be seen; the same name stands for the same weights.
        fingerprint = hashlib.sha256(f"immich:{served.model}".encode()).hexdigest()[:16]
        folder = self.folder / name
        origin = f"Immich at {served.hosts or 'immich_host'}"
        model = Model(name, folder, fingerprint, dimension, SERVED_SIDE, 0, "", origin, served.model, served.hosts)
        try:
            await asyncio.to_thread(make_folder, folder)
            await asyncio.to_thread(_write_manifest, model)
        except OSError as error:
            raise _not_saved(self.folder, error) from error
        return model

    async def _new_name(self, wanted: str) -> str:
        """Return the name of a new model. Raises UsageError for one that it cannot have, or that is taken."""
        name = re.sub(r"[^a-z0-9._-]+", "-", wanted.lower()).strip("-._")
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be the name of a model", "Use small letters, digits, dots and hyphens.")
        if any(model.name == name for model in await self.installed()):
            raise UsageError(f"A model called {name} already exists", "Choose another one with --name.")
        return name

    async def offers(self) -> list[Offer]:
        """Return the models that can be fetched and are not on this machine, the one to begin with first."""
        from vuemantics_tui.analyzers.joint.catalogue import CATALOGUE
        from vuemantics_tui.analyzers.joint.fetch import part_bytes

        names = {model.name for model in await self.installed()}
        return [
            Offer(model, await asyncio.to_thread(part_bytes, self.folder / _FETCHING / model.name))
            for model in CATALOGUE
            if model.name not in names
        ]

    async def pull(self, name: str, on_progress: OnProgress) -> Model:
        """Fetch an offered model, try it, and keep it. What arrived stays after any end, and is not fetched again.

        Raises AnalyzerError, UsageError and LibraryError.
        """
        from vuemantics_tui.analyzers.joint.catalogue import offered
        from vuemantics_tui.analyzers.joint.fetch import Fetch, hub_here

        offer = offered(name)
        if offer.name in self.pulling:
            raise UsageError(f"{offer.name} is already being downloaded", "Wait until it is done.")
        if any(model.name == offer.name for model in await self.installed()):
            raise UsageError(
                f"{offer.name} is already on this machine", f"Use it: vuemantics-tui model use {offer.name}"
            )
        fetch = Fetch(offer, self.folder / _FETCHING / offer.name, hub_here())

        def note(done: int, total: int) -> None:
            self.pulling[offer.name] = done, total
            on_progress(done, total)

        self.pulling[offer.name] = 0, 0
        try:
            async with fetch.fetched(note) as (folder, revision):
                origin = f"{offer.repository}@{revision}"
                return await self._install(folder, offer.name, _move, offer.licence, origin)
        finally:
            del self.pulling[offer.name]

    def hub_host(self) -> str:
        """Return the name of the hub that models come from. Raises UsageError."""
        from vuemantics_tui.analyzers.joint.fetch import hub_here

        return hub_here().host

    async def _install(
        self, source: Path, name: str, put: Callable[[Path, Path], None], licence: str, origin: str
    ) -> Model:
        """Try the model in a folder, `put` it where models are, and note what it is."""
        from vuemantics_tui.analyzers.joint.layout import read_layout
        from vuemantics_tui.analyzers.joint.towers import try_model

        layout = await asyncio.to_thread(read_layout, source)
        shape = await self._compute().run(try_model, source)
        fingerprint = await asyncio.to_thread(lambda: layout.fingerprint)
        target = self.folder / name
        try:
            await asyncio.to_thread(put, source, target)
            model = Model(
                name,
                target,
                fingerprint,
                shape.dimension,
                shape.size,
                await asyncio.to_thread(_size, target),
                licence,
                origin,
            )
            await asyncio.to_thread(_write_manifest, model)
        except OSError as error:
            raise _not_saved(self.folder, error) from error
        return model

    async def named(self, name: str) -> Model:
        """Return an installed model by its name. Raises UsageError that lists those that are there."""
        installed = await self.installed()
        for model in installed:
            if model.name == name:
                return model
        there = ", ".join(model.name for model in installed) or "none yet"
        raise UsageError(
            f"There is no model called {name!r} on this machine",
            f"Installed: {there}. Download one with: "
            "vuemantics-tui model pull NAME. Or add a folder with: vuemantics-tui model add FOLDER",
        )

    async def use(self, name: str) -> Model:
        """Search by a model from now on; its vectors are made in the background. Raises UsageError and LibraryError.

        One that is written as `add` takes it is added first, which also raises AnalyzerError.
        """
        if name.startswith(PREFIX):
            served = parse_served(name)
            known = [model for model in await self.installed() if (model.served, model.hosts) == astuple(served)]
            model = known[0] if known else await self._add_served(name, "")
        else:
            model = await self.named(name)
        await self.store.use(model.key, model.dimension)
        return model

    async def use_none(self) -> None:
        """Use no model, and put back the tags and texts that it replaced. What it saw stays. Raises LibraryError."""
        await self.store.use_none()
        await put_back(self._tags)

    async def remove(self, name: str) -> int:
        """Delete a model from this machine, and what this library saw with it; returns the bytes that frees.

        Of one that is not fetched whole, delete what arrived. Raises UsageError and LibraryError.
        """
        from vuemantics_tui.analyzers.joint.fetch import part_bytes

        if name in self.pulling:
            raise UsageError(f"{name} is being downloaded", "Cancel the download first.")
        part = self.folder / _FETCHING / name
        if _NAME.fullmatch(name) and (arrived := await asyncio.to_thread(part_bytes, part)):
            await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
            return arrived
        model = await self.named(name)
        await self.store.forget(model.key)
        await put_back(self._tags, model.key)
        # Its process may have the files open, which Windows does not delete.
        await self._queries.end()
        try:
            await asyncio.to_thread(shutil.rmtree, model.folder)
        except OSError as error:
            raise LibraryError(
                f"{model.folder} cannot be deleted: {error.strerror}", "Check its permissions."
            ) from error
        return model.bytes

    async def load_texts(self) -> None:
        """Load the text network of the model that is searched, so that it is there when a query comes.

        What goes wrong is logged: the query that needs it says so.
        """
        model = await self.store.searched()
        folder = None if model is None else await asyncio.to_thread(self.folder_of, model)
        if folder is not None:
            try:
                await self._queries.load(folder)
            except AnalyzerError as error:
                log.warning("%s %s", error.message, error.hint)

    async def server_states(self) -> list[ServerState]:
        """Try the model in use on each of its servers; none for a model on this machine. Raises UsageError."""
        model = await self.store.in_use()
        folder = None if model is None else await asyncio.to_thread(self.folder_of, model)
        served = None if folder is None else await self.servers.of(folder)
        return [] if served is None else await served.states()

    async def embed_query(self, folder: Path, text: str, *, final: bool = True) -> Vector:
        """Return the vector of a query; sooner, and from fewer captions, unless it is `final`. Raises AnalyzerError."""
        return await self._queries.embed(folder, text, math.inf if final else TYPING_SECONDS)

    async def embed_picture(self, folder: Path, picture: Path) -> Vector:
        """Return the vector of any picture on the disk. Raises MediaError and AnalyzerError."""
        from vuemantics_tui.analyzers.joint.towers import embed_pictures

        path = await asyncio.to_thread(lambda: picture.expanduser().absolute())
        vectors = await self._compute().run(embed_pictures, folder, [path])
        vector: Vector = vectors[0]
        return vector

    async def close(self) -> None:
        """End the process that embeds queries."""
        await self._queries.close()

    def folder_of(self, key: str) -> Path | None:
        """Return the folder of a model by the name of its vectors; None if it is not on this machine."""
        return installed_folder(self.folder, key)


class QueryEmbedder:
    """Embeds queries with the text network of a model, in a process of its own that ends after idle minutes.

    One query runs at a time. What is given up while it waits never runs; what runs is finished, for ending it would
    end the process and the network in it. A process that dies is replaced once for each call.
    """

    def __init__(self, make: Callable[[], Compute], idle_seconds: float = IDLE_SECONDS) -> None:
        self._make = make
        self._idle_seconds = idle_seconds
        self._compute: Compute | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._work: asyncio.Future[Any] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._known: dict[tuple[Path, str, float], Vector] = {}
        self._is_closed = False

    async def load(self, folder: Path) -> None:
        """Start the process and load the network, if it is not there. Raises AnalyzerError."""
        from vuemantics_tui.analyzers.joint.towers import load_texts

        await self._run(load_texts, folder)

    async def embed(self, folder: Path, text: str, seconds: float = math.inf) -> Vector:
        """Return the vector of a query, made within about so many `seconds`. Raises AnalyzerError."""
        from vuemantics_tui.analyzers.joint.towers import embed_query

        # A list that is searched runs its query again whenever something changes.
        for limit in (math.inf, seconds):
            if (vector := self._known.get((folder, text, limit))) is not None:
                return vector
        vector = await self._run(embed_query, folder, text, seconds)
        self._known[folder, text, seconds] = vector
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return vector

    async def _run(self, function: Callable[..., Result], folder: Path, *arguments: object) -> Result:
        for is_last in (False, True):
            try:
                return await self._once(function, folder, *arguments)
            except WorkerDiedError as error:
                log.warning("the process that embeds queries: %s", error)
                if is_last or self._is_closed:
                    raise AnalyzerError(
                        f"The model {folder.name} cannot be used: {error.message}",
                        "Close other programs if memory is short, or choose a smaller model.",
                        ErrorKind.TRANSIENT,
                    ) from error
        raise AssertionError("the second attempt returns or raises")

    async def _once(self, function: Callable[..., Result], *arguments: object) -> Result:
        async with self._turn:
            if self._work is not None and not self._work.done():
                await asyncio.wait([self._work])
            if self._ending is not None:
                self._ending.cancel()
            if self._compute is None:
                self._compute = self._make()
            work = asyncio.ensure_future(self._compute.run(function, *arguments))
            self._work = work
            work.add_done_callback(self._worked)
            return await asyncio.shield(work)

    def _worked(self, work: asyncio.Future[Any]) -> None:
        if not work.cancelled() and work.exception() is not None:
            # Perhaps nobody waits for it any more.
            log.debug("a query was not embedded: %s", work.exception())
        if self._compute is not None:
            self._ending = asyncio.get_running_loop().call_later(self._idle_seconds, self._end)

    def _end(self) -> None:
        if self._compute is not None:
            closing = asyncio.ensure_future(self._compute.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._compute = None

    async def close(self) -> None:
        """End the process for good."""
        self._is_closed = True
        await self.end()

    async def end(self) -> None:
        """End the process and forget what it said; the next query starts another one."""
        self._known.clear()
        if self._ending is not None:
            self._ending.cancel()
        self._end()
        if self._closing:
            await asyncio.wait(self._closing)


def installed_folder(models: Path, key: str) -> Path | None:
    """Return the folder of a model by the name of its vectors; None if it is not on this machine."""
    return next((model.folder for model in _installed(models) if model.key == key), None)


def installed_look(models: Path, key: str) -> tuple[Path, Square | LookSize] | None:
    """Return the folder of a model, and what it wants to see; None if it is not here. Raises AnalyzerError."""
    from vuemantics_tui.analyzers.joint.layout import read_layout

    model = next((model for model in _installed(models) if model.key == key), None)
    if model is None:
        return None
    if model.served:
        # A server scales pictures itself.
        return model.folder, LookSize(2 * model.size)
    return model.folder, read_layout(model.folder).preprocessing.square(model.size)


def installed_keys(models: Path) -> dict[Path, str]:
    """Return what the vectors of each model on this machine are called, by its folder."""
    return {model.folder: model.key for model in _installed(models) if not model.served}


def _installed(folder: Path) -> list[Model]:
    found = []
    for manifest in sorted(folder.glob(f"*/{MANIFEST}")):
        try:
            facts = json.loads(manifest.read_text("utf-8"))
            found.append(Model(**{**facts, "folder": manifest.parent, "name": manifest.parent.name}))
        except (OSError, ValueError, TypeError):
            # A folder that another program, or a newer version, put there.
            continue
    return found


def _not_saved(folder: Path, error: OSError) -> LibraryError:
    return LibraryError(
        f"The model cannot be saved in {folder}: {error.strerror or error}", "Check the free space there."
    )


def _write_manifest(model: Model) -> None:
    facts = {name: value for name, value in asdict(model).items() if name not in ("folder", "name")}
    write_whole(model.folder / MANIFEST, json.dumps(facts, indent=2).encode())


def _copy(source: Path, target: Path) -> None:
    """Copy a folder as a whole: what was half copied when the program ended has no manifest, and is replaced."""
    make_folder(target.parent)
    if target.exists():
        shutil.rmtree(target)
    try:
        shutil.copytree(source, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _move(source: Path, target: Path) -> None:
    """Move a folder as a whole, on the same disk."""
    if target.exists():
        shutil.rmtree(target)
    source.replace(target)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
