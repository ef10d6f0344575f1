"""A hub of models on loopback: its API, its files with Range, its redirect to a storage on another host, its faults."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

REVISION = "5f1c0a9be2d34c7788aa00bb11cc22dd33ee44ff"
_PIECE = 8 * 1024
# As the hub does: what is large is kept in LFS, and named by its SHA-256.
_LARGE_BYTES = 10 * 1024


@dataclass(frozen=True)
class Asked:
    """A request: on which host, for what, from which byte, with whose token."""

    storage: bool
    path: str
    start: int | None
    authorization: str | None


class FakeHub:
    """Serves folders as repositories. `faults` are read at every request."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.asked: list[Asked] = []
        self.token = ""
        self.status = 0
        # After so many bytes of a file, once each, the connection is cut.
        self.cuts: list[int] = []
        self.always_cuts = False
        self.damaged: set[str] = set()
        self.ignores_ranges = False
        self.go_on = threading.Event()
        self.go_on.set()
        # From which byte of a file on it waits.
        self.waits_at: int | None = None
        self._servers = [self._server(storage) for storage in (False, True)]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._servers[0].server_port}"

    @property
    def storage_url(self) -> str:
        """Where its files are."""
        return f"http://127.0.0.1:{self._servers[1].server_port}"

    def offer(self, repository: str, folder: Path, under: str = "") -> None:
        """Have the files of a folder in a repository, with some that nobody needs."""
        files = {f"{under}{path.relative_to(folder).as_posix()}": path.read_bytes() for path in folder.rglob("*.*")}
        self.repositories[repository] = {**files, "README.md": b"# A model", "pytorch_model.bin": b"0" * _LARGE_BYTES}

    def starts(self, name: str) -> list[int | None]:
        """From which bytes a file was asked for."""
        return [each.start for each in self.asked if each.storage and each.path.endswith(name)]

    @contextmanager
    def running(self) -> Iterator[FakeHub]:
        """Serve meanwhile."""
        threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in self._servers]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.go_on.set()
            for server in self._servers:
                server.shutdown()
                server.server_close()
            for thread in threads:
                thread.join()

    def _server(self, storage: bool) -> ThreadingHTTPServer:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self, storage)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        return server

    def answer(self, handler: BaseHTTPRequestHandler, storage: bool) -> None:
        """Answer one request."""
        path = unquote(urlsplit(handler.path).path)
        ranged = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(ranged[1]) if ranged else None
        authorization = handler.headers.get("Authorization")
        self.asked.append(Asked(storage, path, start, authorization))
        if storage:
            _, _, owner, name, file = path.split("/", 4)
            self._send_file(handler, file, self.repositories[f"{owner}/{name}"][file], start)
        elif self.status:
            _send(handler, self.status, b"{}")
        elif self.token and authorization != f"Bearer {self.token}":
            _send(handler, 401, b'{"error": "gated"}')
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/tree/\w+)?", path):
            files = self.repositories.get(found[1])
            facts: object = {"id": found[1], "sha": REVISION}
            if files is not None and found[2]:
                facts = [_entry(name, content) for name, content in files.items()]
            _send(handler, 404 if files is None else 200, json.dumps(facts).encode())
        elif found := re.fullmatch(rf"/([^/]+/[^/]+)/resolve/{REVISION}/(.+)", path):
            content = self.repositories[found[1]].get(found[2])
            if content is None:
                _send(handler, 404, b"")
            else:
                _send(handler, 302, b"", Location=f"{self.storage_url}/files/{found[1]}/{found[2]}")
        else:
            _send(handler, 404, b"")

    def _send_file(self, handler: BaseHTTPRequestHandler, name: str, content: bytes, start: int | None) -> None:
        size = len(content)
        if name in self.damaged:
            content = bytes(reversed(content))
        if start is None or self.ignores_ranges:
            start = 0
            handler.send_response(200)
        else:
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        handler.send_header("Content-Length", str(size - start))
        handler.end_headers()
        cut = self.cuts.pop(0) if self.cuts and size > _LARGE_BYTES else 0 if self.always_cuts else size
        for place in range(start, size, _PIECE):
            if self.waits_at is not None and place >= self.waits_at:
                self.go_on.wait(30)
            if place - start >= cut:
                handler.close_connection = True
                return
            handler.wfile.write(content[place : place + _PIECE])


def _entry(path: str, content: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content)}
    blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    if len(content) < _LARGE_BYTES:
        return {**entry, "oid": blob}
    digest = hashlib.sha256(content).hexdigest()
    return {**entry, "oid": blob, "lfs": {"oid": digest, "size": len(content), "pointerSize": 134}}


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
