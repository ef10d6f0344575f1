"""What became of the files that were to be added, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vuemantics_tui.library import IntakeOutcome, IntakeResult

# So many reasons fit into a notice; the rest is counted.
MOST_REASONS = 3


def added_words(results: Sequence[IntakeResult]) -> list[str]:
    """One sentence for all, then a line for each of the first few that were skipped."""
    if not results:
        return ["There is no picture or video in it."]
    count = Counter(result.outcome for result in results)
    parts = []
    if added := count[IntakeOutcome.ADDED]:
        parts.append(f"{added:,} added")
    if duplicates := count[IntakeOutcome.DUPLICATE]:
        parts.append(f"{duplicates:,} {'was' if duplicates == 1 else 'were'} there already")
    if restored := count[IntakeOutcome.RESTORED]:
        parts.append(f"{restored:,} brought back from the trash")
    if retried := count[IntakeOutcome.RETRIED]:
        parts.append(f"{retried:,} had failed and {'is' if retried == 1 else 'are'} tried again")
    skipped = [result for result in results if result.outcome is IntakeOutcome.SKIPPED]
    if not skipped:
        return [", ".join(parts)]
    reasons = [f"{result.path.name} ({result.reason})" for result in skipped]
    if len(skipped) == 1:
        return [", ".join([*parts, f"1 skipped: {reasons[0]}"]), skipped[0].hint]
    lines = [", ".join([*parts, f"{len(skipped):,} skipped:"]), *reasons[:MOST_REASONS]]
    if len(reasons) > MOST_REASONS:
        lines.append(f"and {len(reasons) - MOST_REASONS:,} more")
    return lines
