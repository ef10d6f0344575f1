"""Real HTTP servers on loopback that speak the protocols of Ollama, OpenAI and Immich, and fail as scripted.

    async with FakeOllama() as server:
        server.fail_next(Status(503, {"error": "busy"}))
        ...
        await server.stop()      # as if it were killed
        await server.start()     # again, on the same port

In a test without a loop of its own: `with threaded(FakeOllama()) as server`, whose stop() and start() are plain calls.
"""

from tests.servers.base import Delay, Drop, ErrorLine, FakeServer, Raw, Received, Script, Stall, Status, Stop
from tests.servers.fake_immich import FakeImmich
from tests.servers.fake_ollama import FakeOllama
from tests.servers.fake_openai import FakeOpenAI
from tests.servers.threaded import Threaded, threaded

__all__ = [
    "Delay",
    "Drop",
    "ErrorLine",
    "FakeImmich",
    "FakeOllama",
    "FakeOpenAI",
    "FakeServer",
    "Raw",
    "Received",
    "Script",
    "Stall",
    "Status",
    "Stop",
    "Threaded",
    "threaded",
]
