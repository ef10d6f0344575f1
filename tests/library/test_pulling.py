"""Models that are fetched from a hub: a real server on loopback, real networks, and everything that goes wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

from tests.conftest import JointModel, OpenLibrary
from tests.servers.fake_hub import REVISION, TOKEN, FakeHub
from vuemantics_tui.analyzers.joint import fetch
from vuemantics_tui.analyzers.joint.catalogue import CATALOGUE, OfferedModel, offered
from vuemantics_tui.analyzers.joint.fetch import Fetch, Hub, Patience
from vuemantics_tui.domain.errors import AnalyzerError, LibraryError, UsageError

NAME = "vit-b-32-openai"
QUICK = Patience(connect=5, silence=0.3, tries=3, rest=0.01)


class Pull:
    """Fetches into a folder, and keeps what it says of its progress."""

    def __init__(self, hub: FakeHub, folder: Path, model: OfferedModel | None = None) -> None:
        self.folder = folder / "fetching"
        self.seen: list[tuple[int, int]] = []
        self._fetch = Fetch(model or offered(NAME), self.folder, Hub(hub.url, TOKEN), QUICK)

    async def run(self) -> dict[str, bytes]:
        """Fetch; returns the files."""
        async with self._fetch.fetched(lambda done, total: self.seen.append((done, total))) as (folder, revision):
            assert revision == REVISION
            return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


async def test_a_model_is_fetched_tried_and_used_like_one_from_a_folder(
    hub: FakeHub, open_library: OpenLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    library = await open_library()
    seen: list[tuple[int, int]] = []
    model = await library.models.pull("vit-b-32-datacomp", lambda done, total: seen.append((done, total)))
    assert model.origin == f"yurijmikhalevich/rclip-models@{REVISION}"
    assert (model.licence, await library.models.named(model.name)) == ("MIT", model)
    assert seen[-1][0] == seen[-1][1] > 0
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert (model.folder / "visual.onnx").is_file()
    asked = {each.path.rpartition("/")[2] for each in hub.asked if each.storage}
    assert asked == {"visual.onnx", "textual.onnx", "bpe_simple_vocab_16e6.txt.gz"}, "nothing else is fetched"
    assert model.name not in [offer.model.name for offer in await library.models.offers()]
    assert not list((model.folder.parent / ".fetching").glob("*/*"))
    with pytest.raises(UsageError, match="already"):
        await library.models.pull(model.name, lambda done, total: None)
    assert all(each.authorization is None for each in hub.asked if each.storage), "another host gets no token"
    assert all(each.authorization == f"Bearer {TOKEN}" for each in hub.asked if not each.storage)
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(path.read_text("utf-8", "ignore") for path in model.folder.rglob("*.json"))


async def test_what_was_cut_off_three_times_goes_on_where_it_was(
    hub: FakeHub, joint_model: JointModel, tmp_path: Path
) -> None:
    hub.cuts = [8192, 8192, 16384]
    pull = Pull(hub, tmp_path)
    assert await pull.run() == files_of(joint_model("immich"))
    starts = [each.start for each in hub.asked if each.storage and each.start]
    assert starts == [8192, 16384, 32768]
    assert [done for done, _ in pull.seen] == sorted(done for done, _ in pull.seen)


async def test_a_cancelled_fetch_goes_on_in_another_run(hub: FakeHub, joint_model: JointModel, tmp_path: Path) -> None:
    hub.go_on.clear()
    hub.waits_at = 16384
    pull = Pull(hub, tmp_path)
    running = asyncio.ensure_future(pull.run())
    async with asyncio.timeout(20):
        while not any(done >= 16384 for done, _ in pull.seen):
            await asyncio.sleep(0.01)
    with pytest.raises(LibraryError, match="Another program"):
        await Pull(hub, tmp_path).run()
    running.cancel()
    await asyncio.wait([running])
    hub.go_on.set()
    assert fetch.part_bytes(pull.folder) >= 16384
    hub.asked.clear()
    again = Pull(hub, tmp_path)
    assert await again.run() == files_of(joint_model("immich"))
    assert again.seen[0][0] >= 16384
    assert any(each.start == 16384 for each in hub.asked)
    assert not pull.folder.exists()


async def test_a_server_without_ranges_sends_the_whole_again(
    hub: FakeHub, joint_model: JointModel, tmp_path: Path
) -> None:
    hub.cuts, hub.ignores_ranges = [8192], True
    assert await Pull(hub, tmp_path).run() == files_of(joint_model("immich"))


async def test_a_file_with_a_wrong_hash_is_deleted_and_the_others_are_kept(
    hub: FakeHub, joint_model: JointModel, tmp_path: Path
) -> None:
    hub.damaged = {"visual/model.onnx"}
    with pytest.raises(AnalyzerError, match="damaged"):
        await Pull(hub, tmp_path).run()
    hub.damaged = set()
    hub.asked.clear()
    assert await Pull(hub, tmp_path).run() == files_of(joint_model("immich"))
    fetched = [each.path for each in hub.asked if each.storage]
    assert any(path.endswith("visual/model.onnx") for path in fetched)
    assert not any(path.endswith("textual/model.onnx") for path in fetched)


async def test_what_goes_wrong_is_said_with_what_to_do(hub: FakeHub, tmp_path: Path) -> None:
    async def failure() -> str:
        with pytest.raises(AnalyzerError) as raised:
            await Pull(hub, tmp_path).run()
        told = f"{raised.value.message} {raised.value.hint}"
        assert "model add FOLDER" in told
        assert TOKEN not in told
        return told

    hub.token = "hf_of_somebody_else"
    assert "set HF_TOKEN to another token" in await failure()
    hub.token = ""
    for status, words in ((403, "agree to its terms"), (404, "does not have"), (429, "asks you to wait"), (503, "503")):
        hub.status = status
        assert words in await failure()
    hub.status, hub.always_cuts = 0, True
    assert "kept dropping" in await failure()
    hub.always_cuts, hub.waits_at = False, 0
    hub.go_on.clear()
    assert "sent nothing for 0.3 seconds" in await failure()
    hub.go_on.set()
    del hub.repositories[offered(NAME).repository]["visual/model.onnx"]
    assert "visual/model.onnx is missing" in await failure()


async def test_without_a_network_it_says_so(hub: FakeHub, open_library: OpenLibrary) -> None:
    library = await open_library()
    with FakeHub().running() as gone:
        url = gone.url
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", url)
        with pytest.raises(AnalyzerError, match="cannot be reached") as raised:
            await library.models.pull(NAME, lambda done, total: None)
    assert "model add FOLDER" in raised.value.hint
    with pytest.raises(UsageError, match="offered"):
        await library.models.pull("mobileclip2", lambda done, total: None)


async def test_a_full_disk_is_noticed_before(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "KEEP_FREE_BYTES", 2**62)
    with pytest.raises(LibraryError, match="are free on the disk"):
        await Pull(hub, tmp_path).run()
    assert not any(each.storage for each in hub.asked)


async def test_what_is_no_model_is_not_kept_as_one_and_not_fetched_again(
    hub: FakeHub, open_library: OpenLibrary
) -> None:
    hub.repositories[offered(NAME).repository]["visual/preprocess_cfg.json"] = json.dumps({"size": "huge"}).encode()
    library = await open_library()
    with pytest.raises(AnalyzerError, match="invalid values"):
        await library.models.pull(NAME, lambda done, total: None)
    assert await library.models.installed() == []
    (kept,) = [offer.fetched for offer in await library.models.offers() if offer.model.name == NAME]
    assert kept > 0
    assert await library.models.remove(NAME) == kept
    assert {offer.fetched for offer in await library.models.offers()} == {0}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HF_ENDPOINT": "ftp://hub"}, "HF_ENDPOINT"),
        ({"HF_ENDPOINT": "https://me:pass@hub"}, "password"),
        ({"HF_TOKEN": f"{TOKEN}\n{TOKEN}"}, "HF_TOKEN"),
    ],
)
def test_a_wrong_environment_is_named_without_its_secrets(environment: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        Hub.of(environment)
    assert not {"pass@", TOKEN} & set(str(raised.value.args).split())
    assert TOKEN not in repr(Hub("https://hub", TOKEN))


def test_the_catalogue_can_be_installed_by_its_names() -> None:
    names = [model.name for model in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(model.licence in ("MIT", "Apache-2.0") and model.files for model in CATALOGUE)
