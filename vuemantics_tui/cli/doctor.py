"""The command that checks everything: doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import FAILED, analyzer_option, current_settings, library_option
from vuemantics_tui.cli.output import emit, emit_json
from vuemantics_tui.cli.session import run
from vuemantics_tui.domain.text import visible

if TYPE_CHECKING:
    from vuemantics_tui.domain.findings import Finding


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all findings.")
@analyzer_option
@library_option
def doctor(as_json: bool) -> None:
    """Check the analyzers, the library, the disk and the terminal.

    Exits with 1 if the analyzer in use or the library has a problem.
    """
    from vuemantics_tui.doctor import examine, is_ok

    settings = current_settings(warn=False)
    findings = run(lambda: examine(settings))
    if as_json:
        emit_json({"ok": is_ok(findings), "findings": [finding_document(finding) for finding in findings]})
    else:
        for finding in findings:
            for line in finding_lines(finding):
                emit(line)
    raise SystemExit(0 if is_ok(findings) else FAILED)


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as a JSON object."""
    return {
        "verdict": finding.verdict.value,
        "subject": finding.subject,
        "text": finding.text,
        "hint": finding.hint,
        "lines": list(finding.lines),
        "data": dict(finding.data),
    }


def finding_lines(finding: Finding) -> list[str]:
    """Return a finding as lines: what it is, what to do, and what can be copied."""
    indent = " " * 13
    lines = [f"{finding.glyph} {finding.subject:<10} {visible(finding.text)}"]
    if finding.hint:
        lines.append(f"{indent}{visible(finding.hint)}")
    return lines + [f"{indent}    {visible(line)}" for line in finding.lines]
