"""A search line, put together from the arguments that a shell hands over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.output import note
from vuemantics_tui.domain.query import QueryError, TextField, parse_query, pointed
from vuemantics_tui.domain.query.line import AS_IS
from vuemantics_tui.domain.query.values import FILTERS, LIKE, NEAR, known_name
from vuemantics_tui.domain.text import visible

if TYPE_CHECKING:
    from vuemantics_tui.domain.query.sentence import Sentence
    from vuemantics_tui.library import Library

# An argument's sign, weight and filter, which stand outside the quotes: -tag:Rome by night, 2:golden retriever.
_HEAD = re.compile(r"(?P<sign>-?)(?P<weight>(?:[0-9]{1,3}(?:\.[0-9]{1,3})?:)?)(?P<filter>(?:[A-Za-z]+:)?)")
_TAKES_BLANKS = (*(field.value for field in TextField), NEAR, LIKE)
_PATH = re.compile(r"(?:\.{0,2}|~)[/\\].*\.[A-Za-z0-9]{2,4}", re.DOTALL)


class QueryCommand(click.Command):
    """A command with a QUERY: it explains how to leave a word out when that was taken for an option."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the filters of the search language below the options."""
        with formatter.section("Filters of a QUERY (- before one negates it; quote values with spaces)"):
            formatter.write_dl([(f"{name}:", f"{about}. {example}") for name, (about, example) in FILTERS.items()])
        super().format_epilog(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--") or "--" in given:
                raise
            words = [word for word in given if word.startswith(error.option_name)]
            raise click.UsageError(
                f"There is no option {words[0] if words else error.option_name}. To leave out a word, put -- before"
                f" the query: {ctx.command_path} -- kitten {words[0] if words else '-dog'}",
                ctx,
            ) from None


def query_line(arguments: Sequence[str]) -> str:
    """The search line that arguments make: one that holds blanks was quoted for the shell, and is quoted again.

    Such an argument stays as it is where it holds quotes, arithmetic, a filter or an excluded word of its own, and
    where it is alone and only words: then the whole line was quoted for the shell.
    """
    given = [argument for argument in arguments if argument.strip()]
    return " ".join(_quoted(argument, alone=len(given) == 1) for argument in given)


def _quoted(argument: str, *, alone: bool) -> str:
    argument = argument.strip()
    first, *others = argument.split()
    if not others or '"' in argument or any(_is_syntax(word) for word in others):
        return argument
    match = _HEAD.match(argument)
    assert match is not None, "every part of it may be empty"
    name, value = match["filter"], argument[match.end() :]
    if name and known_name(name[:-1]) is None:
        name, value = "", name + value
    if name and (known_name(name[:-1]) not in _TAKES_BLANKS or not value):
        return argument
    if not name and first in ("+", "-"):
        return argument
    if not name and not match["sign"] and _PATH.fullmatch(value):
        name = f"{LIKE}:"
    if alone and not (match["sign"] or match["weight"] or name):
        return argument
    return f'{match["sign"]}{match["weight"]}{name}"{value.strip()}"'


def _is_syntax(word: str) -> bool:
    """Return whether a word means something in the search language, other than itself."""
    name = word.removeprefix("-").partition(":")
    return word in ("+", "-") or (word[0] == "-" and word[1:2].isalnum()) or bool(name[1] and known_name(name[0]))


@contextmanager
def pointing(text: str) -> Iterator[None]:
    """Point on stderr at what is wrong in a search line, before the error. Raises QueryError."""
    try:
        yield
    except QueryError as error:
        for line in pointed(text, error.place):
            note(line)
        raise


def checked_line(arguments: Sequence[str], *, as_is: bool = False) -> str:
    """Return the search line that arguments make, marked if it is to be taken as it is. Raises QueryError."""
    text = query_line(arguments)
    with pointing(text):
        parse_query(text)
    return f"{AS_IS}{text}" if as_is and text else text


def as_is_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--as-is`, which leaves the phrases of a line words."""
    return click.option("--as-is", is_flag=True, help="Take QUERY as it is: no phrase becomes a filter.")(command)


async def understood(library: Library, text: str) -> Sentence:
    """Return which phrases of a line are filters, and say so on stderr."""
    sentence = await library.search.understand(text)
    if sentence.chips:
        note(f"Understood as {visible(sentence.line)}  (--as-is keeps the words)")
    return sentence
