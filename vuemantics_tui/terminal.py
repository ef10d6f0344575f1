"""What this terminal can show, from its environment and its own answers, asked before Textual starts."""

from __future__ import annotations

import logging
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

log = logging.getLogger(__name__)


class Protocol(StrEnum):
    """How a terminal shows a picture."""

    KITTY = "Kitty graphics"
    KITTY_PLACED = "Kitty graphics, without placeholders"
    ITERM2 = "iTerm2 inline images"
    SIXEL = "Sixel"
    BLOCKS = "blocks"


class Blocks(StrEnum):
    """Block characters, by the pixels into which they divide a cell: two, four or six."""

    HALVES = "half blocks"
    QUARTERS = "quarter blocks"
    SEXTANTS = "sextants"


BLOCK_NAMES = {"halves": Blocks.HALVES, "quarters": Blocks.QUARTERS, "sextants": Blocks.SEXTANTS}
"""The block characters by their names in the setting `blocks`."""

NAMES = {
    "kitty": Protocol.KITTY,
    "iterm2": Protocol.ITERM2,
    "sixel": Protocol.SIXEL,
    "blocks": Protocol.BLOCKS,
}
"""The protocols by their names in the setting `graphics`."""

# Those that answer the question for Kitty graphics but know no Unicode placeholders, by how their answer to XTVERSION
# begins.
_WITHOUT_PLACEHOLDERS = ("Konsole", "WezTerm", "iTerm2")
# Those with iTerm2's inline images. They say so by XTVERSION, TERM_PROGRAM or LC_TERMINAL, the last also over SSH.
_ITERM2 = ("iterm", "wezterm", "mintty", "warp")
# And those that have them only if they are switched on, which their answer for Sixel tells: both are one add-on.
_ITERM2_WITH_SIXEL = ("xterm.js", "vscode", "tabby", "hyper")

# Those that draw sextants themselves, whatever the font has: as XTVERSION, TERM or TERM_PROGRAM begins.
_WITH_SEXTANTS = ("kitty", "xterm-kitty", "foot", "wezterm", "ghostty", "xterm-ghostty", "contour", "vte(")
# GNOME's and others' terminal widget draws them since 0.62 (VTE_VERSION 6200).
_VTE_WITH_SEXTANTS = 6200

# Every terminal answers the last of these, so anything unanswered by then never comes.
_XTVERSION, _CELL_SIZE, _ATTRIBUTES = "\x1b[>q", "\x1b[16t", "\x1b[c"
# xterm's XTSMGRAPHICS: how many colours Sixel has, and how large a picture may be.
_REGISTERS, _GEOMETRY = "\x1b[?1;1;0S", "\x1b[?2;4;0S"
# One pixel, only to be asked about; i is the number in the answer (Kitty graphics protocol, "Querying support").
_KITTY_ID = 31
_KITTY = f"\x1b_Gi={_KITTY_ID},s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
_ANSWERS = {
    "version": re.compile(r"\x1bP>\|(?P<version>[^\x1b]*)\x1b\\"),
    "kitty": re.compile(rf"\x1b_Gi={_KITTY_ID};(?P<kitty>[^\x1b]*)\x1b\\"),
    "cell": re.compile(r"\x1b\[6;(?P<cell>\d+;\d+)t"),
    "registers": re.compile(r"\x1b\[\?1;0;(?P<registers>\d+)S"),
    "geometry": re.compile(r"\x1b\[\?2;0;(?P<geometry>\d+;\d+)S"),
    # It cannot tell, or does not know the question.
    "unknown": re.compile(r"\x1b\[\?[12];(?P<unknown>[1-9])[\d;]*S"),
    "attributes": re.compile(r"\x1b\[\?(?P<attributes>[\d;]*)c"),
}
_SIXEL_ATTRIBUTE = "4"
# How long a terminal may take to answer, and how long it may be silent before: the first paint waits for it.
LOCAL_SECONDS, REMOTE_SECONDS = 1.0, 3.0
LOCAL_SILENCE, REMOTE_SILENCE = 0.1, 1.5
# Longer for terminals that are known to answer: on a busy machine, a new window may be slow.
SURE_SECONDS, SURE_SILENCE = 4.0, 3.0
# What the environment has in terminals that answer, and how TERM begins in others that do. In tmux it is different: by
# default it passes no question on.
_SURE_VARIABLES = ("KITTY_WINDOW_ID", "XTERM_VERSION", "VTE_VERSION", "KONSOLE_VERSION", "WT_SESSION")
_SURE_KINDS = ("xterm-kitty", "xterm-ghostty", "foot", "wezterm", "contour", "mlterm")
TMUX_SECONDS = 2.0
# How the features of tmux end where it passes on what it does not know, which is off by default.
_PASSES = "passthrough-on"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a terminal answered when it was asked for its abilities; an empty text where it did not.

    `version` is its name and version, `kitty` "OK" or the reason why not, `cell` the size of a cell in pixels (width,
    height), `attributes` the numbers of its primary device attributes. `inner` is the version of the multiplexer that
    it was asked through, `narrow` whether that passes on only 256 colours. `registers` is how many colours Sixel has,
    `geometry` how large its pictures may be in pixels (width, height); 0 and None where nobody says. `typed` are the
    keys pressed meanwhile. `program` is what the environment calls the terminal.
    """

    version: str = ""
    kitty: str = ""
    cell: tuple[int, int] | None = None
    attributes: tuple[str, ...] = ()
    inner: str = ""
    narrow: bool = False
    registers: int = 0
    geometry: tuple[int, int] | None = None
    typed: str = ""
    program: str = ""

    @property
    def protocol(self) -> Protocol:
        """Return the best protocol that the answers prove."""
        if self.has_placeholders:
            return Protocol.KITTY
        if self.has_iterm2:
            return Protocol.ITERM2
        if self.kitty == "OK" and not self.inner:
            return Protocol.KITTY_PLACED
        return Protocol.SIXEL if self.has_sixel else Protocol.BLOCKS

    def shows(self, protocol: Protocol) -> bool:
        """Return whether the answers prove that the terminal can draw with a protocol."""
        return {
            Protocol.KITTY: self.has_placeholders,
            Protocol.KITTY_PLACED: self.kitty == "OK" and not self.inner,
            Protocol.ITERM2: self.has_iterm2,
            Protocol.SIXEL: self.has_sixel,
            Protocol.BLOCKS: True,
        }[protocol]

    @property
    def has_placeholders(self) -> bool:
        """Return whether the terminal shows Kitty graphics by Unicode placeholders."""
        return self.kitty == "OK" and not self.version.startswith(_WITHOUT_PLACEHOLDERS)

    @property
    def has_iterm2(self) -> bool:
        """Return whether the terminal shows iTerm2's inline images; what draws at the cursor, tmux does not know."""
        names = f"{self.version} {self.program}".lower()
        return not self.inner and (
            any(name in names for name in _ITERM2)
            or (self.has_sixel and any(name in names for name in _ITERM2_WITH_SIXEL))
        )

    @property
    def has_sixel(self) -> bool:
        """Return whether the terminal shows Sixel pictures."""
        return _SIXEL_ATTRIBUTE in self.attributes


def wrapped(sequence: str) -> str:
    """Return a sequence as tmux passes it through to its own terminal, if `allow-passthrough` is on."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def asked_terminal(terminal: Terminal, graphics: str) -> Answers:
    """Ask the terminal of this process, unless the setting `graphics` needs no answers. Blocks."""
    if graphics == "blocks" or not terminal.interactive:
        return Answers()
    output = sys.__stdout__ or sys.stdout
    features = _tmux_features() if terminal.in_tmux else ""
    seconds, silence = terminal.patience
    if terminal.in_tmux and not features:
        # It runs where it cannot be reached, or is busy: only its terminal can tell.
        seconds, silence = max(seconds, REMOTE_SECONDS), max(silence, REMOTE_SILENCE)
    try:
        answers = ask_terminal(sys.stdin.fileno(), output.fileno(), seconds, silence, passes=_PASSES in features)
    except OSError:
        log.warning("the terminal cannot be asked what it can show", exc_info=True)
        return Answers()
    answers = replace(answers, program=terminal.program, cell=answers.cell or _cell_of_window(output.fileno()))
    return through_tmux(answers, features) if answers.inner else answers


def through_tmux(answers: Answers, features: str) -> Answers:
    """Return what a terminal can show through tmux, which says `features` of it; an empty text where nobody knows.

    tmux answers for itself that it knows Sixel, and shows text where its terminal does not: then its features or the
    terminal itself must say so.
    """
    known = "sixel" in features if features else bool(answers.version)
    attributes = answers.attributes if known else _without_sixel(answers.attributes)
    return replace(answers, narrow="RGB" not in features, attributes=attributes)


def _without_sixel(attributes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in attributes if each != _SIXEL_ATTRIBUTE)


def _cell_of_window(writing: int) -> tuple[int, int] | None:
    """Return the size of a cell in pixels as the system knows it, for terminals that do not answer, as xterm."""
    if sys.platform == "win32":
        return None
    import fcntl
    import struct
    import termios

    try:
        found = fcntl.ioctl(writing, termios.TIOCGWINSZ, b"\0" * 8)
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("HHHH", found)
    # With the border, which is less than a pixel for each column.
    return (width // columns, height // rows) if rows and columns and width >= columns and height >= rows else None


def _tmux_features() -> str:
    """Return what tmux knows of the terminal that it runs in, and whether it passes on what it does not know.

    Without RGB it turns colours into one of 256.
    """
    try:
        words = ("tmux", "display-message", "-p", "#{client_termfeatures} passthrough-#{allow-passthrough}")
        shown = subprocess.run(words, capture_output=True, text=True, timeout=TMUX_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return shown.stdout


def chosen_protocol(graphics: str, answers: Answers) -> Protocol:
    """Return the protocol to draw with: the one that the setting `graphics` names, or the best that was proved."""
    wanted = NAMES.get(graphics, answers.protocol)
    if wanted is Protocol.KITTY and answers.version.startswith(_WITHOUT_PLACEHOLDERS):
        return Protocol.KITTY_PLACED
    return wanted


def ask_terminal(
    reading: int,
    writing: int,
    seconds: float = LOCAL_SECONDS,
    silence: float = LOCAL_SECONDS,
    *,
    passes: bool = False,
) -> Answers:
    """Ask the terminal behind two file descriptors what it can show; call it before anybody else reads from there.

    Inside tmux, the terminal that tmux runs in is asked too; for one that `passes` questions on it is waited longer.
    Gives up after so many seconds each time, and after so many of silence. Raises OSError if there is no terminal.
    """
    if sys.platform == "win32":
        return Answers()
    import termios
    import tty

    try:
        before = termios.tcgetattr(reading)
    except termios.error as error:
        raise OSError(*error.args) from error
    try:
        questions = _XTVERSION + _KITTY + _CELL_SIZE + _REGISTERS + _GEOMETRY + _ATTRIBUTES
        # TCSANOW, because TCSAFLUSH would discard what was typed.
        tty.setcbreak(reading, termios.TCSANOW)
        found = _read_answers(_ask(reading, writing, questions, seconds, silence))
        if not found.version.startswith("tmux"):
            return found
        if passes:
            seconds, silence = max(seconds, SURE_SECONDS), max(silence, SURE_SILENCE)
        outer = _read_answers(_ask(reading, writing, wrapped(_XTVERSION + _KITTY + _ATTRIBUTES), seconds, silence))
    finally:
        termios.tcsetattr(reading, termios.TCSANOW, before)
    # Sixel needs both; one that says nothing does not deny it.
    denied = outer.attributes and not outer.has_sixel
    return replace(
        found,
        version=outer.version,
        kitty=outer.kitty,
        attributes=_without_sixel(found.attributes) if denied else found.attributes,
        inner=found.version,
        typed=found.typed + outer.typed,
    )


def without_answers(text: str) -> str:
    """Return what was read from the terminal without answers that come too late, which nobody typed."""
    if "\x1b" in text:
        for pattern in _ANSWERS.values():
            text = pattern.sub("", text)
    return text


def _ask(reading: int, writing: int, questions: str, seconds: float, silence: float) -> str:
    """Write questions, and return what came until the last of them was answered, or until the time was over."""
    os.write(writing, questions.encode())
    begun = time.monotonic()
    said = b""
    while not _ANSWERS["attributes"].search(said.decode("utf-8", "replace")):
        left = begun + (seconds if said else min(seconds, silence)) - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            break
        read = os.read(reading, 4096)
        if not read:
            break
        said += read
    return said.decode("utf-8", "replace")


def _read_answers(said: str) -> Answers:
    found: dict[str, str] = {}
    for name, pattern in _ANSWERS.items():
        while match := pattern.search(said):
            found[name] = match[name]
            said = said[: match.start()] + said[match.end() :]
    cell, geometry = _pair(found.get("cell", "")), _pair(found.get("geometry", ""))
    return Answers(
        version=found.get("version", ""),
        kitty=found.get("kitty", ""),
        # Height first.
        cell=(cell[1], cell[0]) if cell else None,
        attributes=tuple(found.get("attributes", "").split(";")) if "attributes" in found else (),
        registers=int(found.get("registers", "0")),
        geometry=geometry,
        typed=said,
    )


def _pair(text: str) -> tuple[int, int] | None:
    first, _, second = text.partition(";")
    return (int(first), int(second)) if second and int(first) and int(second) else None


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal. `kind` is what TERM says; `colours` is how many it says it can show; `size` in (columns, rows).

    `program` are all the names that its environment gives it.
    """

    name: str
    program: str
    kind: str
    colours: int
    size: tuple[int, int]
    interactive: bool
    in_tmux: bool
    over_ssh: bool
    utf8: bool
    no_color: bool
    draws_sextants: bool = False
    is_sure_to_answer: bool = False

    @property
    def patience(self) -> tuple[float, float]:
        """Return how many seconds it may take to answer, and how many it may be silent before."""
        if self.is_sure_to_answer:
            return SURE_SECONDS, SURE_SILENCE
        return (REMOTE_SECONDS, REMOTE_SILENCE) if self.over_ssh else (LOCAL_SECONDS, LOCAL_SILENCE)

    def blocks(self, setting: str, answers: Answers) -> Blocks:
        """Return the block characters to draw with: those that the setting `blocks` names, or what is likely there."""
        if setting in BLOCK_NAMES:
            return BLOCK_NAMES[setting]
        # The font of the Linux console has only half blocks.
        if not self.utf8 or self.kind in ("linux", "dumb"):
            return Blocks.HALVES
        names = (answers.version, self.kind, self.name)
        if self.draws_sextants or any(name.lower().startswith(_WITH_SEXTANTS) for name in names):
            return Blocks.SEXTANTS
        return Blocks.QUARTERS


def current_terminal(environment: Mapping[str, str] = os.environ) -> Terminal:
    """Return the terminal of this process."""
    # While the app runs, standard output is caught by Textual; this one stays what it was.
    output = sys.__stdout__ or sys.stdout
    columns, rows = shutil.get_terminal_size()
    vte = environment.get("VTE_VERSION", "")
    return Terminal(
        name=environment.get("TERM_PROGRAM") or environment.get("TERM", "unknown"),
        program=" ".join(environment[name] for name in ("TERM_PROGRAM", "LC_TERMINAL") if environment.get(name)),
        kind=environment.get("TERM", ""),
        colours=_colours(environment),
        size=(columns, rows),
        interactive=sys.stdin.isatty() and output.isatty(),
        in_tmux="TMUX" in environment,
        over_ssh="SSH_CONNECTION" in environment or "SSH_TTY" in environment,
        utf8="utf" in (getattr(output, "encoding", None) or "").lower(),
        no_color=bool(environment.get("NO_COLOR")),
        draws_sextants=vte.isdecimal() and int(vte) >= _VTE_WITH_SEXTANTS,
        is_sure_to_answer="TMUX" not in environment
        and (
            any(environment.get(name) for name in _SURE_VARIABLES)
            or environment.get("TERM", "").startswith(_SURE_KINDS)
        ),
    )


def _colours(environment: Mapping[str, str]) -> int:
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return 1 << 24
    name = environment.get("TERM", "")
    if "direct" in name:
        return 1 << 24
    return 256 if "256" in name else 16 if name and name != "dumb" else 2
