"""After a description nothing describes again: failures, crashes, edits, choices, another embedding model."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_SECONDS, DrawPicture, OpenLibrary, add_all, being_described, settled, until
from tests.doubles import GOOD_TEXT, ScriptedAnalyzer
from vuemantics_tui.domain.errors import AnalyzerError, UsageError
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.library import EDITED_BY_HAND, Library

ZEBRA = "A zebra stands in high yellow grass under a wide and nearly empty sky."


async def processed(library: Library, *files: Path) -> list[Upload]:
    """Add files and process them; returns what became of them, oldest first."""
    ids = [result.upload.id for result in await add_all(library, *files) if result.upload]
    await library.queue.start()
    await settled(library)
    return [upload for upload in [await library.uploads.get(upload_id) for upload_id in ids] if upload]


async def words_find(library: Library, word: str) -> list[str]:
    """The IDs of what a word finds."""
    return [hit.upload.id for hit in await library.search.run(word) if hit.matched]


async def test_an_embedding_that_failed_is_retried_without_describing_again(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(embed_errors={1: AnalyzerError("NaN")})
    library = await open_library(analyzer)
    (upload,) = await processed(library, draw_picture())
    assert (upload.status, upload.error_stage) == ("failed", "embedding_generation")
    await library.queue.retry([upload.id])
    await settled(library)
    assert len(analyzer.described) == 1
    kinds = [event.kind for event in await library.history.of(upload.number)]
    assert kinds == ["added", "thumbnail", "described", "failed", "retried", "completed"]
    await library.queue.retry([upload.id])
    await settled(library)
    assert len(analyzer.described) == 2, "a regenerate describes anew"


async def test_a_process_killed_between_description_and_vector_leaves_only_the_vector_to_do(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer()
    library = await open_library(analyzer)
    await add_all(library, draw_picture())
    script = f"""
import asyncio, os, signal
from pathlib import Path
from tests.doubles import ScriptedAnalyzer, ThreadCompute
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library

class Doomed(ScriptedAnalyzer):
    async def embed_document(self, text, labels):
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    library = await Library.open(
        Settings(library=Path({str(library.root)!r})), analyzer=Doomed(), compute=ThreadCompute()
    )
    await library.queue.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], cwd=Path(__file__).parents[2], timeout=DEADLINE_SECONDS
    )
    assert ended.returncode == -9
    (upload,) = await library.uploads.newest()
    assert (upload.status, upload.description) == ("embedding", GOOD_TEXT)
    await library.queue.start()
    await settled(library)
    (upload,) = await library.uploads.newest()
    assert (upload.status, analyzer.described, analyzer.embedded) == ("completed", [], [GOOD_TEXT])
    kinds = [event.kind for event in await library.history.of(upload.number)]
    assert kinds == ["added", "thumbnail", "described", "taken over", "completed"]


async def test_an_edit_and_a_choice_go_through_the_embedding_alone(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer()
    library, other = await open_library(analyzer), await open_library()
    (upload,) = await processed(library, draw_picture())
    assert await other.descriptions.edit(upload.id, ZEBRA, ["zebra"]), "in another window"
    await settled(library)
    assert analyzer.embedded == [GOOD_TEXT, ZEBRA]
    newest, oldest = await other.descriptions.of(upload.number)
    assert (newest.analyzer, newest.edited, newest.current, newest.tags) == (EDITED_BY_HAND, True, True, ("zebra",))
    assert await words_find(library, "zebra") == await words_find(other, "zebra") == [upload.id]
    assert await words_find(library, "tabby") == []
    assert await library.descriptions.edited([upload.id]) == [upload.id]
    assert await library.queue.retry([upload.id]) == []
    assert await library.descriptions.choose(upload.id, oldest.number)
    await settled(library)
    assert await words_find(library, "tabby") == [upload.id]
    assert len(analyzer.described) == 1
    assert await library.queue.retry([upload.id]) == [upload.id]


async def test_no_edit_while_it_runs(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer)
    (result,) = await add_all(library, draw_picture())
    assert result.upload is not None
    await library.queue.start()
    await being_described(library, analyzer)
    with pytest.raises(UsageError, match="is being processed"):
        await library.descriptions.edit(result.upload.id, "My own words")
    with pytest.raises(UsageError, match="at least a word"):
        await library.descriptions.edit(result.upload.id, " ")


async def test_another_embedding_model_re_embeds_from_the_stored_text(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    before = await open_library(ScriptedAnalyzer())
    uploads = await processed(before, *(draw_picture(f"{number}.png", number) for number in range(3)))
    assert await before.queue.stale_embeddings() == (0, 3)
    await before.queue.stop()
    gate = asyncio.Event()
    analyzer = ScriptedAnalyzer(embedding_model="other-text", embed_gate=gate, embed_errors={2: AnalyzerError("NaN")})
    library = await open_library(analyzer, workers=1)
    assert await library.queue.stale_embeddings() == (3, 3)
    assert await library.queue.reembed() == 3
    assert await library.queue.reembed() == 0
    estimate = await library.queue.seconds_left()
    assert estimate is not None
    took = [event.seconds for event in await library.history.of(uploads[0].number) if event.kind == "described"]
    assert took[0] is not None
    assert estimate < 3 * (took[0] + 1), "an embedding is no description"
    await library.queue.start()

    async def one_runs() -> bool:
        return len(analyzer.embedded) == 1

    await until(one_runs)
    assert set(await words_find(library, "tabby")) == {upload.id for upload in uploads}, "words find them meanwhile"
    await library.queue.stop()
    assert await library.queue.stale_embeddings() == (3, 3)
    gate.set()
    analyzer.embedded.clear()
    await library.queue.start()
    await settled(library)
    assert await library.queue.stale_embeddings() == (1, 3)
    (failed,) = [upload for upload in await library.uploads.newest() if upload.status == "failed"]
    assert failed.id in await words_find(library, "tabby"), "a failure takes nothing away"
    assert await library.queue.reembed() == 1
    await settled(library)
    assert await library.queue.stale_embeddings() == (0, 3)
    assert analyzer.described == []
    assert {upload.regeneration_count for upload in await library.uploads.newest()} == {0}
    back = await open_library(ScriptedAnalyzer())
    assert await back.queue.stale_embeddings() == (0, 3), "to switch back costs nothing"
