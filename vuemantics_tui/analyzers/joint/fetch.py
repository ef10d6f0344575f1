"""Download a model's files from a hub: complete, checked, and resumable after any interruption.

The hub's API names the files of a repository with their sizes and hashes (https://huggingface.co/docs/hub/api). What
arrives is kept under the hash of its content, so that a later run resumes where this one stopped, and two revisions
never mix.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlsplit

from filelock import FileLock, Timeout

from vuemantics_tui.analyzers.joint.catalogue import OfferedModel
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, LibraryError, UsageError
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.files import PART_SUFFIX, PRIVATE_FILE, hash_file, make_folder

if TYPE_CHECKING:
    import httpx

USUAL_ENDPOINT = "https://huggingface.co"
KEEP_FREE_BYTES = 200 * 1024**2

_REVISION = re.compile(r"[0-9a-f]{7,64}")
_HASHES = {64: "sha256", 40: "git"}
_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
# Beside a network of more than 2 GB, or where its makers chose so, there is data in files of its name.
_DATA = re.compile(r"\.onnx(_data(_\d+)?|\.data)$")
_MOST_PAGES = 50
_MOST_BYTES_OF_A_LIST = 32 * 1024**2
_BY_HAND = "Or download it elsewhere ({url}), then run: vuemantics-tui model add FOLDER --name {name}"

OnProgress = Callable[[int, int], None]
"""Called with the bytes that are there and with those of all files."""

OnMore = Callable[[int], None]
"""Called with how many of the bytes that were missing of a file have come."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds, and how often to retry without progress."""

    connect: float = 20.0
    silence: float = 60.0
    tries: int = 4
    rest: float = 1.0


@dataclass(frozen=True, slots=True)
class Hub:
    """Where models are fetched from. The token is a secret: it is sent to this host and shown to nobody."""

    endpoint: str = USUAL_ENDPOINT
    token: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """Its name, for people."""
        parts = urlsplit(self.endpoint)
        return parts.hostname or self.endpoint

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Hub:
        """Return the hub that HF_ENDPOINT and HF_TOKEN name. Raises UsageError."""
        endpoint = environment.get("HF_ENDPOINT", "").strip().rstrip("/") or USUAL_ENDPOINT
        try:
            parts = urlsplit(endpoint)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise UsageError("HF_ENDPOINT is not a web address", f"Set it to one like {USUAL_ENDPOINT}, or unset it.")
        if parts.username or parts.password:
            raise UsageError("HF_ENDPOINT contains a password", "Remove it there, and set HF_TOKEN instead.")
        token = environment.get("HF_TOKEN", "").strip()
        # A header allows no others, and the error message would show the token.
        if not all("!" <= letter <= "~" for letter in token):
            raise UsageError(
                "HF_TOKEN contains invalid characters",
                "Copy it again, or unset it.",
            )
        return cls(endpoint, token)


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository; `hash` is its SHA-256, or of small files Git's SHA-1, in hexadecimal."""

    path: str
    target: str
    size: int
    hash: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model's layout needs of its repository, at one revision."""

    revision: str
    files: tuple[HubFile, ...]

    @property
    def bytes(self) -> int:
        """Return the size of all files in bytes."""
        return sum(file.size for file in self.files)


class Fetch:
    """Fetches one model into `folder`, which belongs to it. One program does at a time."""

    def __init__(self, model: OfferedModel, folder: Path, hub: Hub, patience: Patience | None = None) -> None:
        self._model = model
        self._folder = folder
        self._hub = hub
        self._patience = patience or Patience()

    @asynccontextmanager
    async def fetched(self, on_progress: OnProgress) -> AsyncIterator[tuple[Path, str]]:
        """Give a folder with all files of the model, in its layout, and the revision that they are of.

        The folder goes when this ends well; after an error or a cancellation everything that arrived stays.
        Raises AnalyzerError, UsageError and LibraryError.
        """
        try:
            await asyncio.to_thread(make_folder, self._folder)
            lock = FileLock(self._folder.with_suffix(".lock"), mode=PRIVATE_FILE, thread_local=False)
            await asyncio.to_thread(lock.acquire, timeout=0)
        except Timeout:
            raise LibraryError(
                f"Another program is downloading {self._model.name}", "Wait until it is done, or cancel it there."
            ) from None
        except OSError as error:
            raise self._disk_error(error) from error
        try:
            async with self._client() as client:
                plan = await self._plan(client)
                # Left by a program that was killed at the very end.
                await asyncio.to_thread(self._take_back, plan, self._folder / "model")
                await self._make_room(plan)
                done = sum([await asyncio.to_thread(self._present, file) for file in plan.files])
                on_progress(done, plan.bytes)
                for file in plan.files:
                    done += await self._fetch(client, plan, file, partial(_add, on_progress, done, plan.bytes))
            folder = self._folder / "model"
            await asyncio.to_thread(self._lay_out, plan, folder)
            try:
                yield folder, plan.revision
            except BaseException:
                await asyncio.to_thread(self._take_back, plan, folder)
                raise
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        except OSError as error:
            raise self._disk_error(error) from error
        finally:
            lock.release()

    # The files of a repository

    def _client(self) -> httpx.AsyncClient:
        import httpx

        patience = self._patience
        return httpx.AsyncClient(
            timeout=httpx.Timeout(patience.silence, connect=patience.connect),
            # httpx leaves the header out where a redirect leads to another host.
            headers={"Authorization": f"Bearer {self._hub.token}"} if self._hub.token else {},
            follow_redirects=True,
            trust_env=urlsplit(self._hub.endpoint).hostname not in ("localhost", "127.0.0.1", "::1"),
        )

    async def _plan(self, client: httpx.AsyncClient) -> Plan:
        base = f"{self._hub.endpoint}/api/models/{quote(self._model.repository)}"
        facts, _ = await self._json(client, base)
        revision = facts.get("sha") if isinstance(facts, dict) else None
        if not isinstance(revision, str) or not _REVISION.fullmatch(revision):
            raise self._malformed("it names no revision")
        entries: list[Any] = []
        following: str | None = f"{base}/tree/{revision}?recursive=1"
        for _ in range(_MOST_PAGES):
            if following is None:
                break
            page, following = await self._json(client, following)
            if not isinstance(page, list):
                raise self._malformed("it lists no files")
            entries.extend(page)
        return Plan(revision, self._needed(entries))

    async def _json(self, client: httpx.AsyncClient, url: str) -> tuple[Any, str | None]:
        """Return what the API answers, and where its next page is."""
        import httpx

        for attempt in range(self._patience.tries):
            try:
                async with client.stream("GET", url) as response:
                    self._check(response)
                    content = bytearray()
                    async for piece in response.aiter_bytes():
                        content += piece
                        if len(content) > _MOST_BYTES_OF_A_LIST:
                            raise self._malformed("its list is too long")
                import json

                following = response.links.get("next", {}).get("url")
                return json.loads(content), None if following is None else str(httpx.URL(url).join(following))
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if attempt + 1 == self._patience.tries or not _may_pass(error):
                    raise self._network_error(error) from error
            except ValueError:
                raise self._malformed("it sent something other than JSON") from None
            await asyncio.sleep(self._patience.rest * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _needed(self, entries: Sequence[Any]) -> tuple[HubFile, ...]:
        """Return the files of the layout: those of the folder nearest to the root that has all of them."""
        by_path = {
            entry["path"]: entry
            for entry in entries
            if isinstance(entry, dict) and entry.get("type", "file") == "file" and isinstance(entry.get("path"), str)
        }
        first = self._model.files[0]
        roots = [path[: -len(first)] for path in by_path if path == first or path.endswith(f"/{first}")]
        whole = [root for root in roots if all(f"{root}{name}" in by_path for name in self._model.files)]
        if not whole:
            missing = next((name for name in self._model.files if name not in by_path), first)
            raise AnalyzerError(
                f"{self._model.repository} at {self._hub.host} has changed: {missing} is missing",
                f"Choose another model. {self._by_hand()}",
            )
        root = min(whole, key=lambda path: (path.count("/"), path))
        found = []
        for path, entry in sorted(by_path.items()):
            target = path.removeprefix(root)
            network = _DATA.sub(".onnx", target)
            if path.startswith(root) and (target in self._model.files or network in self._model.files):
                found.append(self._file(path, target, entry))
        return tuple(found)

    def _file(self, path: str, target: str, entry: Mapping[str, Any]) -> HubFile:
        large = entry.get("lfs")
        facts = {**entry, **large} if isinstance(large, Mapping) else entry
        size, digest = facts.get("size"), str(facts.get("oid", "")).removeprefix("sha256:")
        if not isinstance(size, int) or size < 0 or not _HASH.fullmatch(digest):
            raise self._malformed(f"it names no size or hash for {path}")
        return HubFile(path, target, size, digest)

    # The files on disk

    def _whole(self, file: HubFile) -> Path:
        return self._folder / file.hash

    def _part(self, file: HubFile) -> Path:
        return self._folder / f"{file.hash}{PART_SUFFIX}"

    def _present(self, file: HubFile) -> int:
        """Return how much of a file is here, in bytes."""
        return next((path.stat().st_size for path in (self._whole(file), self._part(file)) if path.is_file()), 0)

    async def _make_room(self, plan: Plan) -> None:
        def look() -> tuple[int, int]:
            wanted = {path.name for file in plan.files for path in (self._whole(file), self._part(file))}
            for path in self._folder.iterdir():
                # Of a revision before.
                if path.is_file() and path.name not in wanted:
                    path.unlink()
            return plan.bytes - sum(map(self._present, plan.files)), shutil.disk_usage(self._folder).free

        lacking, free = await asyncio.to_thread(look)
        if lacking and lacking + KEEP_FREE_BYTES > free:
            raise LibraryError(
                f"{self._model.name} needs {size_words(lacking)}, and {size_words(free)} are free on the disk of "
                f"{self._folder.parent.parent}",
                f"Free {size_words(lacking + KEEP_FREE_BYTES - free)} there, then try again.",
            )

    def _lay_out(self, plan: Plan, folder: Path) -> None:
        if folder.exists():
            shutil.rmtree(folder)
        for file in plan.files:
            target = folder / file.target
            make_folder(target.parent)
            self._whole(file).replace(target)

    def _take_back(self, plan: Plan, folder: Path) -> None:
        for file in plan.files:
            path = folder / file.target
            if path.is_file() and path.stat().st_size == file.size and _hash_of(path, file) == file.hash:
                path.replace(self._whole(file))
        shutil.rmtree(folder, ignore_errors=True)

    # Fetching

    async def _fetch(self, client: httpx.AsyncClient, plan: Plan, file: HubFile, on_more: OnMore) -> int:
        """Fetch what is missing of a file, and check all of it; returns how many bytes were missing."""
        import httpx

        if await asyncio.to_thread(self._whole(file).is_file):
            return 0
        before = await asyncio.to_thread(self._present, file)
        part, furthest, fruitless = self._part(file), before, 0
        url = f"{self._hub.endpoint}/{quote(self._model.repository)}/resolve/{plan.revision}/{quote(file.path)}"
        while (here := await asyncio.to_thread(self._present, file)) < file.size or not part.exists():
            failure: httpx.HTTPError | None = None
            try:
                await self._fetch_part(client, url, file, here, lambda size: on_more(size - before))
            except httpx.HTTPError as error:
                if not _may_pass(error):
                    raise self._network_error(error) from error
                failure = error
            reached = await asyncio.to_thread(self._present, file)
            fruitless = 0 if reached > furthest else fruitless + 1
            furthest = max(furthest, reached)
            if fruitless >= self._patience.tries:
                raise self._network_error(failure)
            if reached < file.size:
                await asyncio.sleep(self._patience.rest * 2**fruitless)
        if here > file.size or await asyncio.to_thread(_hash_of, part, file) != file.hash:
            await asyncio.to_thread(part.unlink)
            raise AnalyzerError(
                f"{file.path} arrived damaged from {self._hub.host}: its hash is wrong, so it was deleted",
                f"Try again; the other files are kept. {self._by_hand()}",
                ErrorKind.TRANSIENT,
            )
        await asyncio.to_thread(part.replace, self._whole(file))
        return file.size - before

    async def _fetch_part(
        self, client: httpx.AsyncClient, url: str, file: HubFile, here: int, on_size: Callable[[int], None]
    ) -> None:
        """Add to the part what the server sends after its first `here` bytes. Raises httpx.HTTPError."""
        # Without compression, so that the bytes counted are the bytes written.
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={here}-"} if here else {})}
        async with client.stream("GET", url, headers=headers) as response:
            if response.status_code == 416:
                here = 0
                await asyncio.to_thread(self._part(file).unlink, missing_ok=True)
                return
            self._check(response, file.path)
            if response.status_code != 206 or not response.headers.get("content-range", "").startswith(
                f"bytes {here}-"
            ):
                here = 0
            writing: BinaryIO = await asyncio.to_thread(_open_at, self._part(file), here)
            try:
                async for piece in response.aiter_bytes():
                    await asyncio.to_thread(writing.write, piece)
                    here += len(piece)
                    on_size(here)
                    if here > file.size:
                        return
            finally:
                await asyncio.to_thread(writing.close)

    # What may go wrong

    def _check(self, response: httpx.Response, path: str = "") -> None:
        """Raise AnalyzerError for an answer that is a refusal."""
        status, host, repository = response.status_code, self._hub.host, self._model.repository
        if status < 300:
            return
        kind, later = ErrorKind.PERMANENT, "Try again later; what has been downloaded is kept."
        if status in (401, 403):
            told = f"{repository} is not open to all ({status}): {host} requires a token with read access."
            todo = (
                f"Open {self._hub.endpoint}/{repository} in a browser, agree to its terms, "
                f"and set HF_TOKEN to {'another token' if self._hub.token else 'a token'} of your account."
            )
        elif status == 404:
            told = f"{host} does not have {f'{path} of ' if path else ''}{repository} (404)."
            todo = "Choose another model."
        elif status == 429:
            told, todo, kind = f"{host} asks you to wait (429).", later, ErrorKind.TRANSIENT
        else:
            told, todo, kind = f"{host} answers {status} for {repository}.", later, ErrorKind.TRANSIENT
        raise AnalyzerError(told, f"{todo} {self._by_hand()}", kind)

    def _network_error(self, error: Exception | None) -> AnalyzerError:
        import httpx

        host, kept = self._hub.host, "What has been downloaded is kept, and the next try resumes from there."
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError | httpx.UnsupportedProtocol):
            what, todo = f"{host} cannot be reached.", "Check your network; HF_ENDPOINT may name another hub."
        elif isinstance(error, httpx.TimeoutException):
            what, todo = f"{host} sent nothing for {self._patience.silence:g} seconds.", "Try again later."
        elif isinstance(error, httpx.TooManyRedirects):
            what, todo = f"{host} redirects in a circle.", "Try again later."
        else:
            what, todo = f"{host} kept dropping the connection.", "Try again later."
        return AnalyzerError(f"{self._model.name}: {what}", f"{todo} {kept} {self._by_hand()}", ErrorKind.TRANSIENT)

    def _malformed(self, reason: str) -> AnalyzerError:
        return AnalyzerError(
            f"{self._hub.host} does not answer like a hub: {reason}.", f"Check HF_ENDPOINT. {self._by_hand()}"
        )

    def _disk_error(self, error: OSError) -> LibraryError:
        return LibraryError(
            f"{self._model.name} cannot be saved in {self._folder}: {error.strerror or error}",
            "Check the free space and the permissions there, then try again; what has been downloaded is kept.",
        )

    def _by_hand(self) -> str:
        return _BY_HAND.format(url=f"{USUAL_ENDPOINT}/{self._model.repository}", name=self._model.name)


def part_bytes(folder: Path) -> int:
    """Return how much of a model is in the folder it is fetched into, in bytes."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except FileNotFoundError:
        return 0


def hub_here() -> Hub:
    """Return the hub of this environment. Raises UsageError."""
    return Hub.of(os.environ)


def _add(on_progress: OnProgress, done: int, total: int, more: int) -> None:
    on_progress(done + more, total)


def _may_pass(error: Exception) -> bool:
    """Tell whether to try again at once: a connection was cut, not refused, and nobody was silent for long."""
    import httpx

    return isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)


def _open_at(path: Path, size: int) -> BinaryIO:
    """Open a file for writing after its first bytes, and cut off what follows them."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), PRIVATE_FILE)
    file: BinaryIO = os.fdopen(descriptor, "r+b")
    file.truncate(size)
    file.seek(size)
    return file


def _hash_of(path: Path, file: HubFile) -> str:
    if _HASHES[len(file.hash)] == "sha256":
        return hash_file(path)
    # Small files are in Git itself, whose hash is of a blob (gitformat-pack): its kind and size, then its content.
    digest = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    digest.update(path.read_bytes())
    return digest.hexdigest()
