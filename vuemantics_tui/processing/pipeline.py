"""The processing of one upload: thumbnail, description, audit, embedding, index; and the slots of each stage."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Analyzer, Compute
from vuemantics_tui.domain.description import AuditResult, Description, audit_description
from vuemantics_tui.domain.errors import (
    AnalyzerError,
    DefectError,
    ErrorKind,
    LibraryError,
    MediaError,
    ServerDownError,
    VuemanticsError,
    WorkerDiedError,
    defect_hint,
)
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import LookSize, MediaMetadata, SmallPicture, Square
from vuemantics_tui.domain.upload import ProcessingStage
from vuemantics_tui.files import inside, is_disk_fault, make_folder, original_at, write_whole
from vuemantics_tui.media.jobs import extract_frames, first_look, read_metadata
from vuemantics_tui.processing.circuit import Circuit, Part
from vuemantics_tui.processing.picture_vectors import PictureModel
from vuemantics_tui.processing.presence import Presence
from vuemantics_tui.store.database import uninterrupted
from vuemantics_tui.store.queue import MAX_ATTEMPTS, ClaimStore
from vuemantics_tui.store.runs import Claim, ClaimLostError, Failure, RunStore


@dataclass(frozen=True, slots=True)
class StageLimits:
    """How many uploads may have their thumbnail made, be described, and be embedded at a time, in this process."""

    thumbnail: int
    describe: int
    embed: int

    @property
    def in_flight(self) -> int:
        """Return how many uploads may be in progress, so that every stage can be busy.

        Equal limits mean stages that share one pool: a few more than it has processes keep those busy while others are
        written to the store.
        """
        if self.thumbnail == self.describe == self.embed:
            return self.describe + min(self.describe, 2)
        return self.thumbnail + self.describe + self.embed


class Slots:
    """So many places, given out first come, first served; how many may change while some are held."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def locked(self) -> bool:
        """Whether one who asks now has to wait."""
        return bool(self._waiting) or self._held >= self._count

    async def acquire(self) -> None:
        """Take a place, waiting for it."""
        if not self.locked():
            self._held += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            elif not place.cancelled():
                # It was given and not taken.
                self.release()
            raise

    def release(self) -> None:
        """Give a place back."""
        self._held -= 1
        self._give_out()

    def resize(self, count: int) -> None:
        """Have another number of places; of those that are held none is taken away."""
        self._count = count
        self._give_out()

    def _give_out(self) -> None:
        while self._waiting and self._held < self._count:
            place = self._waiting.popleft()
            if not place.done():
                self._held += 1
                place.set_result(None)


class StageSlots:
    """The slots of each stage."""

    def __init__(self, limits: StageLimits) -> None:
        self.thumbnail = Slots(limits.thumbnail)
        self.describe = Slots(limits.describe)
        self.embed = Slots(limits.embed)

    def resize(self, limits: StageLimits) -> None:
        """Have these limits from now on."""
        self.thumbnail.resize(limits.thumbnail)
        self.describe.resize(limits.describe)
        self.embed.resize(limits.embed)


class HeldSlots:
    """What one run holds: the slot of its stage, and for a moment that of the next one too."""

    def __init__(self) -> None:
        self._held: list[Slots] = []

    def __len__(self) -> int:
        return len(self._held)

    async def take(self, slot: Slots) -> None:
        """Take a slot, waiting for it."""
        await slot.acquire()
        self._held.append(slot)

    async def take_if_free(self, slot: Slots) -> bool:
        """Take a slot if there is one for which nobody else waits; whether it did."""
        if slot.locked():
            return False
        await self.take(slot)
        return True

    def give_back(self, slot: Slots) -> None:
        """Give back a slot that is held."""
        self._held.remove(slot)
        slot.release()

    def give_back_all(self) -> None:
        """Give back whatever is held."""
        while self._held:
            self._held.pop().release()


log = logging.getLogger(__name__)

PIPELINE_ERROR_CHARACTERS = 200
ANALYZER_ERROR_CHARACTERS = 500

MOST_SECONDS = 60.0
# A server may ask for any pause; after this long it is tried again anyway.
MOST_SECONDS_ASKED_FOR = 600.0
# Jitter, so that uploads that failed together are not retried together.
JITTER = (0.75, 1.25)

Result = TypeVar("Result")

Frames = dict[str, tuple[int, int]]
"""By upload ID: the frame that is being looked at, and of how many. Too fleeting for the store."""

Texts = dict[str, str]
"""By upload ID: the description that is being written, as far as it is. Too fleeting for the store."""

Describe = Callable[[], Awaitable[Description]]
Write = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Run:
    """One run of one upload: what it may write with, how far it is, and the slots that it holds.

    `picture` has the pixels that the first stage decoded, for those that follow; `seen` those for a joint model, after
    its name.
    """

    claim: Claim
    file_type: FileType
    source: Path = Path()
    thumbnail: Path = Path()
    picture: SmallPicture | bytes | None = None
    seen: tuple[str, SmallPicture | bytes] | None = None
    stage: ProcessingStage = ProcessingStage.QUEUED
    slots: HeldSlots = field(default_factory=HeldSlots)

    @property
    def upload_id(self) -> str:
        return self.claim.upload_id


class Pipeline:
    """Takes single uploads from waiting to completed or failed, and keeps `frames` and `texts` up to date meanwhile.

    What may succeed later goes back to waiting instead; `circuit` learns of every answer.
    """

    def __init__(
        self,
        *,
        library: Path,
        claims: ClaimStore,
        runs: RunStore,
        analyzer: Analyzer,
        compute: Compute,
        circuit: Circuit,
        limits: StageLimits,
        video_frames: int,
        max_pixels: int,
        frames: Frames,
        texts: Texts,
        presence: Presence,
        pictures: PictureModel,
    ) -> None:
        self._library = library
        self._pictures = pictures
        self._presence = presence
        self._claims = claims
        self._runs = runs
        self._analyzer = analyzer
        self._compute = compute
        self._circuit = circuit
        self._slots = StageSlots(limits)
        self._video_frames = video_frames
        self._max_pixels = max_pixels
        self._frames = frames
        self._texts = texts
        self._begun: dict[str, _Run] = {}
        self._defects: set[tuple[type[Exception], str]] = set()

    @property
    def running(self) -> int:
        """Return how many uploads are in a stage, without those that wait for a slot."""
        return sum(len(run.slots) > 0 for run in self._begun.values())

    def resize(self, limits: StageLimits) -> None:
        """Have these limits from now on: workers of a cluster come and go."""
        self._slots.resize(limits)

    async def process_upload_background(
        self, upload_id: str, user_id: str, file_type: str, extension: str, *, claim: Claim | None = None
    ) -> None:
        """Process one upload to its end: thumbnail, description, embedding, each written to the store as it comes.

        Without a `claim` it claims the upload for itself, and does nothing where that does not wait. What goes wrong
        is logged, and the upload, unless it is completed or failed already, becomes failed with `Processing failed:
        <first 200 characters>`. An error of the analyzer that may pass puts it back to waiting. Raises nothing but a
        cancellation, which makes the upload failed too.
        """
        log.info("processing of %s begins", upload_id)
        run: _Run | None = None
        try:
            claim = claim or await self._circuit.insist(partial(self._claims.claim, upload_id))
            if claim is None:
                log.info("processing of %s: it does not wait, nothing to do", upload_id)
                return
            run = self._begun[claim.token] = _Run(claim, FileType(file_type))
            # Before anything else is awaited: slots go out in the order of the claims.
            await run.slots.take(self._slots.thumbnail if claim.resume_description is None else self._slots.embed)
            await asyncio.to_thread(self._locate, run, user_id, extension)
            if not await self._is_put_aside(run):
                await self._walk(run)
            log.info("processing of %s ends", upload_id)
        except ClaimLostError:
            log.info("processing of %s ends: it was deleted, cancelled or taken over meanwhile", upload_id)
        except Exception as error:  # noqa: BLE001 - it is recorded, and logged with its trace if it is a bug
            # If the file has disappeared in the meantime, that caused the error.
            if run is not None and await self._is_put_aside(run):
                return
            self._log_failure(upload_id, error)
            if run is not None:
                await self._record(run, partial(self._runs.fail, run.claim, _pipeline_failure(error, run.stage)))
        except BaseException:
            if claim is not None:
                await self._give_back(claim)
            raise
        finally:
            if run is not None:
                run.slots.give_back_all()
                del self._begun[run.claim.token]
            self._frames.pop(upload_id, None)
            self._texts.pop(upload_id, None)

    def _locate(self, run: _Run, user_id: str, extension: str) -> None:
        """Find the upload's files. Raises MediaError where the library leads out of its folder."""
        try:
            if run.claim.source is None:
                run.source = inside(self._library, paths.original_file(user_id, run.upload_id, extension))
            else:
                run.source = original_at(self._library, run.claim.file_path, run.claim.source)
            run.thumbnail = inside(self._library, paths.thumbnail_file(user_id, run.upload_id))
            make_folder(run.thumbnail.parent)
        except LibraryError as error:
            raise MediaError(error.message, error.hint) from error

    async def _is_put_aside(self, run: _Run) -> bool:
        """Put an upload back to waiting if its original in a source is not there. Tell whether that was so."""
        source = run.claim.source
        if source is None or run.stage is ProcessingStage.COMPLETED or await asyncio.to_thread(run.source.exists):
            return False
        error = await self._presence.look_for(run.claim.number, Path(source), run.source)
        log.warning("%s waits: %s", run.upload_id, error)
        await self._record(run, partial(self._runs.put_aside, run.claim, error.message))
        return True

    def _log_failure(self, upload_id: str, error: Exception) -> None:
        """Log why an upload failed: on one line, or for a bug with its traceback, which is the same for all uploads."""
        defect = (type(error), str(error))
        if is_expected(error):
            words = str(error) if isinstance(error, VuemanticsError) else repr(error)
            log.warning("processing of %s failed: %s", upload_id, " ".join(words.split()))
        elif defect in self._defects:
            log.error("processing of %s failed by the same bug: %r", upload_id, error)
        else:
            self._defects.add(defect)
            log.exception("processing of %s failed", upload_id)

    async def _walk(self, run: _Run) -> None:
        """Run all stages, or only the embedding if there is a description already."""
        try:
            if run.claim.resume_description is None:
                await self._make_thumbnail(run)
                number, description = await self._describe(run)
            else:
                number = run.claim.resume_description
                description = await self._circuit.insist(partial(self._runs.resumed, run.claim))
                await self._begin(run, ProcessingStage.EMBEDDING_GENERATION)
            await self._embed(run, number, description)
        except ServerDownError as error:
            log.warning("the server is away, %s waits: %s", run.upload_id, error)
            await self._record(run, partial(self._runs.step_back, run.claim, error.message))
        except AnalyzerError as error:
            log.warning("the analyzer failed on %s: %s", run.upload_id, error)
            message = f"AI processing failed: {error.message[:ANALYZER_ERROR_CHARACTERS]}"
            failure = Failure(message, error.kind, run.stage, error.hint, error.missing_model)
            await self._record(run, self._again_or_not(run, failure, error.retry_after))
        except WorkerDiedError as error:
            # Once may be the machine's fault, such as a lack of memory; a file that kills its process each time is at
            # fault.
            log.warning("the process that worked on %s died: %s", run.upload_id, error)
            failure = _pipeline_failure(error, run.stage)
            await self._record(run, self._again_or_not(run, failure))

    def _again_or_not(self, run: _Run, failure: Failure, retry_after: float | None = None) -> Write:
        """Return how to record a failure: another attempt where that may help and some are left."""
        attempts = run.claim.attempts
        if failure.kind is ErrorKind.TRANSIENT and attempts < MAX_ATTEMPTS:
            return partial(self._runs.try_again, run.claim, failure, retry_delay(attempts, retry_after))
        return partial(self._runs.fail, run.claim, failure)

    # The stages

    async def _make_thumbnail(self, run: _Run) -> None:
        """Make the thumbnail and read the metadata. A thumbnail that cannot be made is only noted."""
        await self._begin(run, ProcessingStage.THUMBNAIL)
        began = time.perf_counter()
        thumbnail: str | None = None
        metadata, traits = MediaMetadata(), None
        warning: str | None
        model, size, square = await self._wanted(run)
        try:
            look = await self._compute.run(first_look, run.source, run.file_type, size, self._max_pixels, square)
        except DefectError:
            raise
        except (VuemanticsError, OSError) as error:
            # As where the file killed the process that decoded it.
            fault = str(error)
            metadata = await self._metadata_alone(run)
        else:
            fault = look.fault
            if look.metadata is not None:
                metadata = look.metadata
            elif not look.metadata_fault:
                # Another machine has the file's bytes alone, and not what is beside it.
                metadata = await self._metadata_alone(run)
            else:
                log.warning("no metadata of %s: %s", run.upload_id, look.metadata_fault)
            run.picture, traits = look.picture, look.traits
            for_model = look.picture if square is None else look.square
            run.seen = None if model is None or for_model is None else (model, for_model)
        if fault:
            log.warning("no thumbnail for %s: %s", run.upload_id, fault)
            warning = f"no thumbnail: {fault}"[:PIPELINE_ERROR_CHARACTERS]
        else:
            warning = look.missing or None
            try:
                await self._circuit.insist(partial(self._write_thumbnail, run, look.thumbnail))
                thumbnail = paths.thumbnail_file(run.claim.user_id, run.upload_id).as_posix()
            except OSError as error:
                log.warning("the thumbnail of %s cannot be written: %s", run.upload_id, error)
                warning = f"no thumbnail: {error}"[:PIPELINE_ERROR_CHARACTERS]
        traits_error = None if traits else warning
        seconds = time.perf_counter() - began
        is_video = run.file_type is FileType.VIDEO

        async def finish(next_stage: ProcessingStage) -> None:
            await self._runs.finish_thumbnail(
                run.claim,
                next_stage,
                thumbnail_path=thumbnail,
                warning=warning,
                metadata=metadata,
                traits=traits,
                traits_error=traits_error,
                seconds=seconds,
            )

        await self._go_on(
            run,
            finish,
            (self._slots.thumbnail, self._slots.describe),
            ProcessingStage.EXTRACTING_FRAMES if is_video else ProcessingStage.VISION_ANALYSIS,
        )

    async def _wanted(self, run: _Run) -> tuple[str | None, LookSize | None, Square | None]:
        """Return the joint model in use, how large the picture is wanted, and the square that the model wants of it."""
        if run.file_type is not FileType.IMAGE:
            return None, None, None
        size = self._analyzer.look_size
        wanted = await self._circuit.insist(self._pictures.wanted)
        if wanted is None:
            return None, size, None
        model, look = wanted
        return (model, size, look) if isinstance(look, Square) else (model, look.joined(size), None)

    async def _metadata_alone(self, run: _Run) -> MediaMetadata:
        """Return what a file says of itself where nothing could be seen of it."""
        try:
            return await self._compute.run(read_metadata, run.source, run.file_type, self._max_pixels)
        except DefectError:
            raise
        except (VuemanticsError, OSError) as error:
            log.warning("no metadata of %s: %s", run.upload_id, error)
            return MediaMetadata()

    async def _write_thumbnail(self, run: _Run, thumbnail: bytes) -> None:
        """Write the thumbnail. Raises LibraryError where the disk cannot take it, and OSError."""
        try:
            await asyncio.to_thread(write_whole, run.thumbnail, thumbnail)
        except OSError as error:
            if not is_disk_fault(error):
                raise
            raise LibraryError(
                f"No thumbnail can be written in {self._library}: {error.strerror}",
                "Free some space. The queue then resumes.",
            ) from error

    async def _describe(self, run: _Run) -> tuple[int, Description]:
        """Describe and check: twice where the first text is poor and another one may be better."""
        began = time.perf_counter()
        describe = await self._look(run)
        description, audit = await self._describe_once(run, describe)
        if not audit.passed and not self._analyzer.deterministic:
            await self._circuit.insist(
                partial(self._runs.describe_again, run.claim, ProcessingStage.VISION_ANALYSIS, audit)
            )
            run.stage = ProcessingStage.VISION_ANALYSIS
            try:
                second, second_audit = await self._describe_once(run, describe)
            except ServerDownError:
                raise
            except AnalyzerError as error:
                log.warning("no second description of %s: %s", run.upload_id, error)
            else:
                if second_audit.score > audit.score:
                    description, audit = second, second_audit
        seconds = time.perf_counter() - began

        async def finish(next_stage: ProcessingStage) -> int:
            return await self._runs.finish_description(run.claim, description, audit, seconds, next_stage)

        slots = (self._slots.describe, self._slots.embed)
        number = await self._go_on(run, finish, slots, ProcessingStage.EMBEDDING_GENERATION)
        return number, description

    async def _look(self, run: _Run) -> Describe:
        """Return how to describe the upload; for a video this extracts its frames first."""
        on_text = partial(self._texts.__setitem__, run.upload_id)
        if run.file_type is FileType.IMAGE:
            picture = run.source if run.picture is None or self._analyzer.look_size is None else run.picture
            return lambda: self._analyzer.describe_image(picture, on_text)
        frames = await self._compute.run(extract_frames, run.source, self._video_frames)
        await self._begin(run, ProcessingStage.VISION_ANALYSIS)

        def on_frame(number: int, count: int) -> None:
            self._frames[run.upload_id] = (number, count)

        return lambda: self._analyzer.describe_video(frames, on_frame, on_text)

    async def _describe_once(self, run: _Run, describe: Describe) -> tuple[Description, AuditResult]:
        description = await self._ask(run, Part.DESCRIBER, describe())
        # It takes no time: the store notes this stage with what comes of it.
        run.stage = ProcessingStage.DESCRIPTION_AUDIT
        return description, audit_description(description.text)

    async def _embed(self, run: _Run, number: int, description: Description) -> None:
        began = time.perf_counter()
        answer = self._analyzer.embed_document(description.full_text, description.labels)
        vector = await self._ask(run, Part.EMBEDDER, answer)
        if run.seen is not None:
            await self._pictures.see(run.claim.number, run.upload_id, *run.seen)
        run.stage = ProcessingStage.INDEXING
        complete = partial(
            self._runs.complete,
            run.claim,
            number,
            self._analyzer.embedding_model,
            vector.astype("<f4").tobytes(),
            vector.shape[0],
            time.perf_counter() - began,
        )
        await self._circuit.insist(complete)

    # Shared by the stages

    async def _begin(self, run: _Run, stage: ProcessingStage) -> None:
        await self._circuit.insist(partial(self._runs.advance, run.claim, stage))
        run.stage = stage

    async def _go_on(
        self,
        run: _Run,
        finish: Callable[[ProcessingStage], Awaitable[Result]],
        slots: tuple[Slots, Slots],
        stage: ProcessingStage,
    ) -> Result:
        """From one slot to the next: `finish` writes what was found and the next stage, in one transaction.

        Where the next slot is taken, that stage is QUEUED, and the real one is written when there is a slot.
        """
        held, wanted = slots
        is_free = await run.slots.take_if_free(wanted)
        result = await self._circuit.insist(partial(finish, stage if is_free else ProcessingStage.QUEUED))
        run.slots.give_back(held)
        if is_free:
            run.stage = stage
        else:
            run.stage = ProcessingStage.QUEUED
            await run.slots.take(wanted)
            await self._begin(run, stage)
        return result

    async def _ask(self, run: _Run, part: Part, answer: Awaitable[Result]) -> Result:
        """Await the analyzer's answer and tell the circuit. Raises AnalyzerError."""
        try:
            result = await answer
        except ServerDownError as error:
            if self._circuit.refused(part, run.upload_id, error):
                raise AnalyzerError(error.message, error.hint, ErrorKind.TRANSIENT) from error
            raise
        except AnalyzerError:
            self._circuit.answered(part, run.upload_id)
            raise
        self._circuit.answered(part, run.upload_id)
        return result

    async def _record(self, run: _Run, write: Write) -> None:
        """Record how a run ended that did not complete. Raises nothing.

        Unlike what a stage found, this is not worth waiting for: if the store refuses it, the lease ends and the upload
        is processed again.
        """
        try:
            await write()
        except ClaimLostError:
            log.info("the failure of %s is not recorded: it ended otherwise meanwhile", run.upload_id)
        except Exception as error:
            if isinstance(error, LibraryError):
                self._circuit.store_refused(error)
            log.exception("the failure of %s could not be recorded", run.upload_id)

    async def _give_back(self, claim: Claim) -> None:
        try:
            await uninterrupted(self._claims.release(claim.token))
        except Exception:
            log.exception("%s could not be put back to waiting; its lease will end", claim.upload_id)


def retry_delay(
    attempts: int, retry_after: float | None = None, jitter: Callable[[float, float], float] = random.uniform
) -> float:
    """Seconds until the next attempt after so many: 2, 4, 8 ... with jitter, and no less than the server asked for."""
    delay = min(MOST_SECONDS, 2.0**attempts * jitter(*JITTER))
    return max(delay, min(retry_after or 0.0, MOST_SECONDS_ASKED_FOR))


def is_expected(error: BaseException) -> bool:
    """Tell whether the file, a server, the disk or the machine may be to blame; anything else is a defect."""
    return isinstance(error, (VuemanticsError, OSError, MemoryError)) and not isinstance(error, DefectError)


def _pipeline_failure(error: Exception, stage: ProcessingStage) -> Failure:
    message = f"Processing failed: {str(error)[:PIPELINE_ERROR_CHARACTERS]}"
    hint = error.hint if isinstance(error, VuemanticsError) else ""
    if not is_expected(error):
        hint = defect_hint(paths.log_file())
    kind = ErrorKind.PERMANENT if isinstance(error, MediaError) else ErrorKind.TRANSIENT
    return Failure(message, kind, stage, hint)
