"""The way of one upload: thumbnail, description, audit, embedding, index."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Analyzer, Compute, OnFrame, Picture
from vuemantics_tui.domain.audit import audit_description
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, MediaError, VuemanticsError
from vuemantics_tui.domain.media import FileType, MediaMetadata
from vuemantics_tui.domain.upload import ProcessingStage
from vuemantics_tui.media.jobs import extract_frames, make_thumbnail, read_metadata
from vuemantics_tui.store.claims import Claim, ClaimLostError, ClaimStore, Failure
from vuemantics_tui.store.uninterrupted import uninterrupted

log = logging.getLogger(__name__)

PIPELINE_ERROR_CHARACTERS = 200
ANALYZER_ERROR_CHARACTERS = 500

Frames = dict[str, tuple[int, int]]
"""By upload ID: the frame that is being looked at, and of how many. Too fleeting for the store."""


@dataclass(slots=True)
class _Run:
    """One run of one upload: what it may write with, and how far it is."""

    claim: Claim
    source: Path
    stage: ProcessingStage = ProcessingStage.QUEUED


class Pipeline:
    """Takes single uploads from waiting to completed or failed, and keeps `frames` up to date meanwhile."""

    def __init__(
        self,
        *,
        library: Path,
        claims: ClaimStore,
        analyzer: Analyzer,
        compute: Compute,
        video_frames: int,
        max_pixels: int,
        frames: Frames,
    ) -> None:
        self._library = library
        self._claims = claims
        self._analyzer = analyzer
        self._compute = compute
        self._video_frames = video_frames
        self._max_pixels = max_pixels
        self._frames = frames

    async def process_upload_background(
        self, upload_id: str, user_id: str, file_type: str, extension: str, *, claim: Claim | None = None
    ) -> None:
        """Process one upload to its end: thumbnail, description, embedding, each written to the store as it comes.

        Without a `claim` it claims the upload for itself, and does nothing where that does not wait. What goes wrong
        is logged, and the upload, unless it is completed or failed already, becomes failed with `Processing failed:
        <first 200 characters>`. Nothing escapes but a cancellation, which puts the upload back to waiting.
        """
        log.info("processing of %s begins", upload_id)
        run: _Run | None = None
        try:
            claim = claim or await self._claims.claim(upload_id)
            if claim is None:
                log.info("processing of %s: it does not wait, nothing to do", upload_id)
                return
            run = _Run(claim, self._library / paths.original_file(user_id, upload_id, extension))
            await self._make_thumbnail(run, FileType(file_type))
            await self._analyze(run, FileType(file_type))
            log.info("processing of %s ends", upload_id)
        except ClaimLostError:
            log.info("processing of %s ends: it was deleted, cancelled or taken over meanwhile", upload_id)
        except Exception as error:
            log.exception("processing of %s failed", upload_id)
            if run is not None:
                await self._record_failure(run, _pipeline_failure(error, run.stage))
        except BaseException:
            if claim is not None:
                await self._give_back(claim)
            raise
        finally:
            self._frames.pop(upload_id, None)

    async def _make_thumbnail(self, run: _Run, file_type: FileType) -> None:
        """The thumbnail and what the file says of itself. A thumbnail that cannot be made is noted, no more."""
        await self._begin(run, ProcessingStage.THUMBNAIL)
        began = time.perf_counter()
        relative = paths.thumbnail_file(run.claim.user_id, run.claim.upload_id)
        thumbnail: str | None = relative.as_posix()
        warning = None
        try:
            await self._compute.run(make_thumbnail, run.source, file_type, self._library / relative, self._max_pixels)
        except (VuemanticsError, OSError) as error:
            log.warning("no thumbnail for %s: %s", run.claim.upload_id, error)
            thumbnail, warning = None, f"no thumbnail: {error}"[:PIPELINE_ERROR_CHARACTERS]
        try:
            metadata = await self._compute.run(read_metadata, run.source, file_type, self._max_pixels)
        except (VuemanticsError, OSError) as error:
            log.warning("no metadata of %s: %s", run.claim.upload_id, error)
            metadata = MediaMetadata()
        next_stage = (
            ProcessingStage.EXTRACTING_FRAMES if file_type is FileType.VIDEO else ProcessingStage.VISION_ANALYSIS
        )
        await self._claims.finish_thumbnail(
            run.claim,
            next_stage,
            thumbnail_path=thumbnail,
            warning=warning,
            metadata=metadata,
            seconds=time.perf_counter() - began,
        )
        run.stage = next_stage

    async def _analyze(self, run: _Run, file_type: FileType) -> None:
        """Describe, check and embed. An error of the analyzer ends here, as a failure of its own kind."""
        try:
            began = time.perf_counter()
            description = await self._describe(run, file_type)
            seconds = time.perf_counter() - began
            await self._begin(run, ProcessingStage.DESCRIPTION_AUDIT)
            audit = audit_description(description.text)
            number = await self._claims.finish_description(run.claim, description, audit, seconds)
            run.stage = ProcessingStage.EMBEDDING_GENERATION
            began = time.perf_counter()
            vector = await self._analyzer.embed_document(description.text, description.labels)
            await self._begin(run, ProcessingStage.INDEXING)
            await self._claims.complete(
                run.claim,
                number,
                self._analyzer.embedding_model,
                vector.astype("<f4").tobytes(),
                vector.shape[0],
                time.perf_counter() - began,
            )
        except AnalyzerError as error:
            log.warning("the analyzer failed on %s: %s", run.claim.upload_id, error)
            message = f"AI processing failed: {error.message[:ANALYZER_ERROR_CHARACTERS]}"
            await self._record_failure(run, Failure(message, error.kind, run.stage, error.hint))

    async def _describe(self, run: _Run, file_type: FileType) -> Description:
        if file_type is FileType.IMAGE:
            return await self._analyzer.describe_image(run.source)
        frames: Sequence[Picture] = await self._compute.run(extract_frames, run.source, self._video_frames)
        await self._begin(run, ProcessingStage.VISION_ANALYSIS)
        return await self._analyzer.describe_video(frames, self._frame_listener(run))

    def _frame_listener(self, run: _Run) -> OnFrame:
        def on_frame(number: int, count: int) -> None:
            self._frames[run.claim.upload_id] = (number, count)

        return on_frame

    async def _begin(self, run: _Run, stage: ProcessingStage) -> None:
        await self._claims.advance(run.claim, stage)
        run.stage = stage

    async def _record_failure(self, run: _Run, failure: Failure) -> None:
        try:
            await self._claims.fail(run.claim, failure)
        except ClaimLostError:
            log.info("the failure of %s is not recorded: it ended otherwise meanwhile", run.claim.upload_id)
        except Exception:
            log.exception("the failure of %s could not be recorded: %s", run.claim.upload_id, failure.message)

    async def _give_back(self, claim: Claim) -> None:
        try:
            await uninterrupted(self._claims.release(claim.token))
        except Exception:
            log.exception("%s could not be put back to waiting; its lease will end", claim.upload_id)


def _pipeline_failure(error: Exception, stage: ProcessingStage) -> Failure:
    message = f"Processing failed: {str(error)[:PIPELINE_ERROR_CHARACTERS]}"
    hint = error.hint if isinstance(error, VuemanticsError) else ""
    kind = ErrorKind.PERMANENT if isinstance(error, MediaError) else ErrorKind.TRANSIENT
    return Failure(message, kind, stage, hint)
