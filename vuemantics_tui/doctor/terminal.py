"""The terminal: colours, pictures and tmux."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping

from vuemantics_tui.config import AUTO, Settings
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.terminal import Answers, Protocol, Terminal, asked_terminal, chosen_protocol, current_terminal

# Fewer columns or rows than these leave no room for the table.
SMALLEST_SCREEN = (40, 8)
TRUE_COLOUR = 1 << 24
TMUX_SECONDS = 2.0
# In milliseconds: how long tmux waits after Escape for the rest of a key. Above this the delay is noticeable.
SLOW_ESCAPE = 50

_OPTION = re.compile(r"(?P<name>[\w@-]+)(\[\d+\])? ?(?P<value>.*)")


async def examine_terminal(settings: Settings, answers: Answers | None = None) -> list[Finding]:
    """Check what the terminal can show, and what tmux holds back. Without its `answers`, the terminal is asked."""
    terminal = current_terminal()
    findings = [_terminal(terminal)]
    if terminal.interactive:
        if answers is None:
            answers = await asyncio.to_thread(asked_terminal, terminal, AUTO)
        findings += [_colours(terminal, settings), _pictures(terminal, settings, answers)]
    if terminal.in_tmux:
        findings.append(await _tmux(terminal))
    return findings


def _terminal(terminal: Terminal) -> Finding:
    columns, rows = terminal.size
    data: dict[str, object] = {
        "interactive": terminal.interactive,
        "name": terminal.name,
        "term": terminal.kind,
        "columns": columns,
        "rows": rows,
        "in_tmux": terminal.in_tmux,
        "over_ssh": terminal.over_ssh,
        "utf8": terminal.utf8,
    }
    if not terminal.interactive:
        text = "none: the app needs one, commands work without"
        return Finding(Verdict.NEUTRAL, "terminal", text, data=data)
    places = [word for word, here in (("in tmux", terminal.in_tmux), ("over SSH", terminal.over_ssh)) if here]
    words = ", ".join([terminal.name, f"{columns} x {rows}", *places])
    if not terminal.utf8:
        hint = "Set LANG to a UTF-8 locale, such as C.UTF-8."
        return Finding(Verdict.BAD, "terminal", f"{words}: not UTF-8", hint, data=data)
    if columns < SMALLEST_SCREEN[0] or rows < SMALLEST_SCREEN[1]:
        least = " x ".join(map(str, SMALLEST_SCREEN))
        return Finding(Verdict.BAD, "terminal", f"{words}: too small for the app", f"It needs {least}.", data=data)
    return Finding(Verdict.GOOD, "terminal", words, data=data)


def _colours(terminal: Terminal, settings: Settings) -> Finding:
    true_colour = settings.true_colour == "yes" or (
        settings.true_colour == "auto" and terminal.colours >= TRUE_COLOUR and not terminal.no_color
    )
    data = {"colours": terminal.colours, "no_color": terminal.no_color, "true_colour": true_colour}
    words = f"{terminal.colours:,}" + (", but NO_COLOR is set" if terminal.no_color else "")
    if true_colour or terminal.no_color:
        return Finding(Verdict.GOOD, "colours", words, data=data)
    hint = "Most terminals have 16 million. If yours does: export COLORTERM=truecolor, or set true_colour to yes."
    return Finding(Verdict.NEUTRAL, "colours", words, hint, data=data)


def _pictures(terminal: Terminal, settings: Settings, answers: Answers) -> Finding:
    protocol = chosen_protocol(settings.graphics, answers)
    shown = terminal.blocks(settings.blocks, answers).value if protocol is Protocol.BLOCKS else protocol.value
    data: dict[str, object] = {
        "shown_as": shown,
        "graphics": settings.graphics,
        "version": answers.version,
        "program": answers.program,
        "kitty": answers.kitty,
        "cell": list(answers.cell or ()),
        "attributes": list(answers.attributes),
        "sixel_colours": answers.registers,
        "sixel_size": list(answers.geometry or ()),
        "multiplexer": answers.inner,
    }
    text = f"{shown}; {_answered(settings, answers)}"
    if answers.attributes and not answers.shows(protocol):
        hint = (
            f'The terminal did not say that it has {protocol.value}. If you see garbled text, set graphics to "auto".'
        )
        return Finding(Verdict.NEUTRAL, "pictures", text, hint, data=data)
    return Finding(Verdict.GOOD, "pictures", text, data=data)


def _answered(settings: Settings, answers: Answers) -> str:
    """Return in words what the terminal was asked and what it answered."""
    if settings.graphics == "blocks":
        return "the terminal was not asked, because graphics is set to blocks"
    if not answers.attributes:
        return "the terminal was asked for its name, Kitty graphics, Sixel and the size of a cell, and did not answer"
    width, height = answers.geometry or (0, 0)
    limits = [f"{answers.registers:,} colours"] * bool(answers.registers) + [f"{width} x {height} pixels"] * bool(width)
    sixel = f"yes, {', '.join(limits)}" if limits else "yes"
    said = [
        f"name: {answers.version or 'none'}{f' ({answers.program})' if answers.program else ''}",
        f"Kitty graphics: {answers.kitty or 'no'}",
        f"iTerm2 images, by its name: {'yes' if answers.has_iterm2 else 'no'}",
        f"Sixel: {sixel if answers.has_sixel else 'no'}",
        f"cell: {'{} x {} pixels'.format(*answers.cell) if answers.cell else 'unknown'}",
        *([f"asked through {answers.inner}"] if answers.inner else []),
    ]
    return f"the terminal was asked and answered: {', '.join(said)}"


async def _tmux(terminal: Terminal) -> Finding:
    """Return what to change in tmux, as lines to add."""
    shown = await asyncio.gather(_ask("show", "-g"), _ask("show", "-gw"), _ask("show", "-s"))
    if any(text is None for text in shown):
        text = "its settings cannot be read"
        return Finding(Verdict.NEUTRAL, "tmux", text, "Check that tmux is on the PATH.")
    options = tmux_options("\n".join(text or "" for text in shown))
    features = await _ask("display-message", "-p", "#{client_termfeatures}")
    lines = tmux_lines(options, features or "")
    data = {
        name: options.get(name, "")
        for name in ("allow-passthrough", "focus-events", "escape-time", "default-terminal", "terminal-features")
    }
    if not lines:
        return Finding(Verdict.GOOD, "tmux", "no changes needed", data=data)
    hint = "Add to ~/.tmux.conf, then run: tmux source-file ~/.tmux.conf"
    return Finding(Verdict.NEUTRAL, "tmux", "some settings could be better", hint, tuple(lines), data)


def tmux_options(text: str) -> dict[str, str]:
    """Return the options that `tmux show` prints; elements of an array are joined with commas."""
    options: dict[str, str] = {}
    for line in text.splitlines():
        if found := _OPTION.fullmatch(line.strip()):
            name, value = found["name"], found["value"].strip("\"'")
            options[name] = f"{options[name]},{value}" if name in options and "[" in line.split()[0] else value
    return options


def tmux_lines(options: Mapping[str, str], features: str = "") -> list[str]:
    """Return the lines that a tmux with these options lacks; `features` are those of the terminal it knows."""
    lines = []
    if options.get("allow-passthrough", "off") == "off":
        lines.append("set -g allow-passthrough on")
    seen = f"{features},{options.get('terminal-features', '')},{options.get('terminal-overrides', '')}"
    if not re.search(r"\b(RGB|Tc)\b", seen):
        lines.append("set -as terminal-features ',*:RGB'")
    if options.get("focus-events") == "off":
        lines.append("set -s focus-events on")
    escape_time = options.get("escape-time", "")
    if escape_time.isdecimal() and int(escape_time) > SLOW_ESCAPE:
        lines.append("set -s escape-time 10")
    return lines


async def _ask(*words: str) -> str | None:
    """Return what tmux prints; None if it prints nothing in time."""
    if shutil.which("tmux") is None:
        return None
    process = await asyncio.create_subprocess_exec(
        *("tmux", *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(TMUX_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return said.decode("utf-8", "replace") if process.returncode == 0 else None
