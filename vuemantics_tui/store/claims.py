"""Who works on which upload: claims, leases, and what becomes of the claims of the dead."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence

import aiosqlite

from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.media import FileType
from vuemantics_tui.domain.upload import ProcessingStage
from vuemantics_tui.store.database import Database, placeholders
from vuemantics_tui.store.runs import Claim, Clock, Failure, mark_failed, put_back

LEASE_SECONDS = 60.0
# How often an upload is begun: whether it takes the whole program down with it or only fails each time.
MAX_ATTEMPTS = 3

# Named, as SQLite would else rather read every waiting row than the index that has their order.
_NEXT = """
    FROM uploads INDEXED BY uploads_waiting
    WHERE processing_status = 'pending' AND claim_token IS NULL AND deleted_at IS NULL
    AND (retry_at IS NULL OR retry_at <= ?)
    AND NOT (SELECT paused FROM library)
"""


class ClaimStore:
    """Gives out claims and takes them back. `clock` gives seconds since the epoch."""

    def __init__(self, database: Database, owner: str, clock: Clock = time.time) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock

    async def claim_next(self) -> Claim | None:
        """Claim the next waiting upload that is due, by priority, then age; None if there is none or it is paused."""
        now = self._clock()
        if await self._database.fetch_one(f"SELECT 1 {_NEXT} LIMIT 1", (now,)) is None:
            return None  # without taking the write lock, as an idle window asks this again and again
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    f"SELECT number {_NEXT} ORDER BY priority DESC, number LIMIT 1", (now,)
                )
            )
            return await self._take(connection, rows[0][0]) if rows else None

    async def claim(self, upload_id: str) -> Claim | None:
        """Claim this very upload if it waits and nobody has it, paused or not, due or not."""
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT number FROM uploads WHERE id = ? AND processing_status = 'pending' AND claim_token IS NULL"
                    " AND deleted_at IS NULL",
                    (upload_id,),
                )
            )
            return await self._take(connection, rows[0][0]) if rows else None

    async def _take(self, connection: aiosqlite.Connection, number: int) -> Claim:
        token = str(uuid.uuid4())
        await connection.execute(
            """
            UPDATE uploads SET claim_token = ?, claim_owner = ?, claim_expires_at = ?, attempts = attempts + 1,
                   retry_at = NULL, error_message = NULL, error_stage = NULL, error_kind = NULL, hint = NULL
            WHERE number = ?
            """,
            (token, self._owner, self._clock() + LEASE_SECONDS, number),
        )
        rows = list(
            await connection.execute_fetchall(
                "SELECT id, user_id, file_type, extension, attempts, resume_description FROM uploads WHERE number = ?",
                (number,),
            )
        )
        upload_id, user_id, file_type, extension, attempts, resume = rows[0]
        return Claim(token, number, upload_id, user_id, FileType(file_type), extension, attempts, resume)

    async def renew(self, tokens: Sequence[str]) -> None:
        """Prolong the leases of these claims."""
        if not tokens:
            return
        async with self._database.transaction() as connection:
            await connection.execute(
                f"UPDATE uploads SET claim_expires_at = ? WHERE claim_token IN ({placeholders(tokens)})",
                (self._clock() + LEASE_SECONDS, *tokens),
            )

    async def release(self, token: str) -> None:
        """Put what this claim holds back to waiting, as if it had never begun."""
        await self._release("claim_token = ?", token)

    async def release_all(self) -> None:
        """Put everything that this owner holds back to waiting."""
        await self._release("claim_owner = ?", self._owner)

    async def _release(self, condition: str, value: str) -> None:
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(f"SELECT number FROM uploads WHERE {condition}", (value,))
            for row in list(rows):
                await put_back(connection, row[0], ("stopped", ""), attempts_given_back=1)

    async def take_over(self, is_dead: Callable[[str], bool]) -> int:
        """Put back what dead owners hold, and what anyone holds past its lease; returns how many.

        `is_dead` is asked once for each owner; what has been begun MAX_ATTEMPTS times becomes failed instead.
        """
        owners = await self._database.fetch(
            "SELECT DISTINCT claim_owner FROM uploads WHERE claim_token IS NOT NULL AND claim_owner <> ?",
            (self._owner,),
        )
        dead = [row[0] for row in owners if is_dead(row[0])]
        expired = await self._database.fetch_one(
            "SELECT 1 FROM uploads WHERE claim_token IS NOT NULL AND claim_expires_at < ? LIMIT 1",
            (self._clock(),),
        )
        if not dead and expired is None:
            return 0
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    f"""
                    SELECT number, attempts, stage FROM uploads WHERE claim_token IS NOT NULL
                    AND (claim_owner IN ({placeholders(dead)}) OR claim_expires_at < ?)
                    """,
                    (*dead, self._clock()),
                )
            )
            for number, attempts, stage in rows:
                if attempts >= MAX_ATTEMPTS:
                    await mark_failed(connection, number, _gave_up(attempts, ProcessingStage(stage)))
                else:
                    await put_back(connection, number, ("taken over", ""))
        return len(rows)


def _gave_up(attempts: int, stage: ProcessingStage) -> Failure:
    return Failure(
        f"Processing failed: the program ended {attempts} times in the middle of this upload",
        ErrorKind.PERMANENT,
        stage,
        "Look at the log file, then retry it by itself.",
    )
