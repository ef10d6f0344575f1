"""Every description ever made, and which one is current."""

from __future__ import annotations

import json

import aiosqlite

from vuemantics_tui.domain.audit import AuditResult
from vuemantics_tui.domain.description import Description
from vuemantics_tui.store.database import now_iso


async def save_description(
    connection: aiosqlite.Connection,
    upload: int,
    description: Description,
    audit: AuditResult,
    seconds: float,
) -> int:
    """Add a description inside a transaction, current if the upload has no other; returns its number."""
    cursor = await connection.execute(
        """
        INSERT INTO descriptions (upload, text, read_text, tags, labels, audit_score, audit_findings, analyzer, model,
                                  seconds, created_at, current)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
                NOT EXISTS (SELECT 1 FROM descriptions WHERE upload = ?1 AND current = 1))
        """,
        (
            *(upload, description.text, description.read_text, json.dumps(description.tags)),
            *(json.dumps(dict(description.labels)), audit.score, json.dumps(audit.findings)),
            *(description.analyzer, description.model, seconds, now_iso()),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def make_current(connection: aiosqlite.Connection, upload: int, description: int) -> None:
    """Make this the upload's one current description, inside a transaction."""
    await connection.execute(
        "UPDATE descriptions SET current = 0 WHERE upload = ? AND current = 1 AND number <> ?",
        (upload, description),
    )
    await connection.execute("UPDATE descriptions SET current = 1 WHERE number = ?", (description,))
