"""The fake servers as other tests use them: from another process, stopped, and started again on the same port."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.servers import FakeOllama, Status, threaded

PROGRAM = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1] + "/api/version", timeout=60).read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
except urllib.error.URLError:
    print("refused")
"""


def ask(url: str) -> str:
    words = [sys.executable, "-c", PROGRAM, url]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


def test_another_process_reaches_it_until_it_is_stopped() -> None:
    with threaded(FakeOllama()) as run:
        url = run.url
        assert json.loads(ask(url)) == {"version": "0.12.6"}
        run.server.fail_next(Status(503))
        assert ask(url) == "503"
        run.stop()
        assert ask(url) == "refused"
        run.start()
        assert run.url == url
        assert json.loads(ask(url)) == {"version": "0.12.6"}
        assert run.server.count("/api/version") == 3
    assert ask(url) == "refused"
