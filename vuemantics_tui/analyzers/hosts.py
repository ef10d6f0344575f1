"""Several equal servers: how to write their addresses, and which one gets a request."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vuemantics_tui.analyzers.base import Result
from vuemantics_tui.analyzers.wire import RemoteServer
from vuemantics_tui.domain.errors import AnalyzerError, ServerDownError, UsageError

OLLAMA_PORT = 11434
REST_SECONDS = 5.0
"""How long a host that refused is skipped if another one answers."""

# As in envconfig/config.go of Ollama: a scheme that is spelled out brings its own port.
_PORTS = {"": OLLAMA_PORT, "http": 80, "https": 443}
_NAME = re.compile(r"[^\W_]([\w.-]*[^\W_])?\.?")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(:(?P<port>.*))?")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def parse_hosts(text: str) -> tuple[str, ...]:
    """The base URLs of one or more hosts, separated by commas, without a slash at the end, none twice.

    Each as OLLAMA_HOST takes it: `gpu`, `gpu:11434`, `:11434`, `http://gpu:11434/`, `https://gpu/path`, `::1`,
    `[::1]:11434`. Without a scheme the port is 11434, with one it is 80 or 443; an address that means all
    addresses of a server means this machine. Raises UsageError that names the one that is wrong.
    """
    hosts = dict.fromkeys(_base_url(host) for host in text.split(",") if host.strip(" \t\r\n\"'"))
    if not hosts:
        raise UsageError("ollama_host is empty", "Set it, for example to 127.0.0.1:11434.")
    return tuple(hosts)


def _base_url(text: str) -> str:
    cleaned = text.strip().strip("\"'").strip()
    scheme, separator, rest = cleaned.rpartition("://")
    scheme = scheme.lower()
    if separator and scheme not in ("http", "https"):
        raise _wrong(text, "begins with neither http:// nor https://")
    address, _, path = rest.partition("/")
    if "@" in address:
        # Not shown: the text before the @ is often a password.
        raise UsageError("An Ollama host contains a user name or password", "Remove it.")
    host, port = _host_and_port(text, address)
    number = _PORTS[scheme] if port is None else int(port) if re.fullmatch(r"[0-9]{1,5}", port) else 0
    if not 0 < number <= 65535:
        raise _wrong(text, "has an invalid port: it must be 1 to 65535")
    path = path.strip("/")
    if re.search(r"[\s?#\\]", path):
        raise _wrong(text, "has an invalid path")
    return f"{scheme or 'http'}://{host}:{number}" + (f"/{path}" if path else "")


def _host_and_port(text: str, address: str) -> tuple[str, str | None]:
    """Return the host as in a URL, and the text of its port."""
    if _is_ipv6(address):
        return _written(address), None
    parts = _HOST_AND_PORT.fullmatch(address)
    if parts is None:
        raise _wrong(text, "is not a valid host")
    host: str = parts["host"]
    if host.startswith("["):
        if not _is_ipv6(host[1:-1]):
            raise _wrong(text, "is not a valid IPv6 address")
        host = host[1:-1]
    elif host and not _NAME.fullmatch(host):
        raise _wrong(text, "is not a valid host")
    return _written(host or "127.0.0.1"), parts["port"]


def _written(host: str) -> str:
    host = host.lower()
    if _is_ipv6(host):
        host = str(ipaddress.IPv6Address(host))
    host = _ANY_ADDRESS.get(host, host)
    return f"[{host}]" if ":" in host else host


def _is_ipv6(host: str) -> bool:
    try:
        return not ipaddress.IPv6Address(host).scope_id
    except ValueError:
        return False


def _wrong(text: str, what: str) -> UsageError:
    return UsageError(
        f"The Ollama host {text.strip()!r} {what}", "Write it as gpu, gpu:11434, https://gpu or [::1]:11434."
    )


@dataclass(slots=True)
class _Host:
    server: RemoteServer
    running: int = 0
    rests_until: float = 0.0


class Hosts:
    """Gives each request to the least busy server, and to the next one if that is down."""

    def __init__(self, servers: Sequence[RemoteServer], clock: Callable[[], float] = time.monotonic) -> None:
        self._hosts = [_Host(server) for server in servers]
        self._clock = clock

    @property
    def servers(self) -> list[RemoteServer]:
        """Return all servers in the given order."""
        return [host.server for host in self._hosts]

    async def run(
        self, call: Callable[[RemoteServer], Awaitable[Result]], begun: Callable[[], bool] = lambda: False
    ) -> Result:
        """Await `call` with one server after the other until one succeeds.

        Tries another one if a server is down, unless `begun()`, or lacks the model. Raises what the call raised; if
        several are down, one ServerDownError for all.
        """
        tried: list[_Host] = []
        downs: list[ServerDownError] = []
        missing: AnalyzerError | None = None
        while (host := self._next(tried)) is not None:
            tried.append(host)
            host.running += 1
            try:
                result = await call(host.server)
            except ServerDownError as error:
                host.rests_until = self._clock() + REST_SECONDS
                if begun():
                    raise
                downs.append(error)
            except AnalyzerError as error:
                host.rests_until = 0.0
                if not error.missing_model:
                    raise
                missing = error
            else:
                host.rests_until = 0.0
                return result
            finally:
                host.running -= 1
        # The server that is down may have the model.
        raise _all_down(downs) if downs or missing is None else missing

    def _next(self, tried: Sequence[_Host]) -> _Host | None:
        now = self._clock()
        left = [host for host in self._hosts if host not in tried]
        return min(left, key=lambda host: (host.rests_until > now, host.running), default=None)


def _all_down(errors: Sequence[ServerDownError]) -> ServerDownError:
    if len(errors) == 1:
        return errors[0]
    return ServerDownError(
        ", ".join(error.server for error in errors), "; ".join(error.message for error in errors), errors[0].hint
    )
