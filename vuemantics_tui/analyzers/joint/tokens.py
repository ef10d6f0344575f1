"""Texts as tokens, by the model's own tokenizer: a `tokenizer.json`, or the list of merges of CLIP."""

from __future__ import annotations

import gzip
import html
import re
import string
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.analyzers.joint.layout import TextRules
from vuemantics_tui.domain.errors import AnalyzerError

_START, _END = "<|startoftext|>", "<|endoftext|>"
# The pattern of CLIP's tokenizer: contractions, words, single digits, runs of anything else.
_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
# So many merges of the file belong to CLIP: 49,152 tokens without the single bytes and the two markers.
_MERGES = 49152 - 256 - 2


class TextTokens:
    """Turns texts into rows of token numbers. Raises AnalyzerError for a tokenizer that cannot be read."""

    def __init__(self, rules: TextRules) -> None:
        self._rules = rules
        try:
            tokenizer = _clip_tokenizer(rules.tokenizer) if rules.tokenizer.suffix == ".gz" else _load(rules.tokenizer)
            pad = int(rules.pad) if rules.pad.isdigit() else tokenizer.token_to_id(rules.pad)
            if pad is None:
                raise ValueError(f"it has no token {rules.pad}")
            tokenizer.enable_truncation(max_length=rules.context)
            tokenizer.enable_padding(length=rules.context, pad_id=pad, pad_token=tokenizer.id_to_token(pad) or "")
        except Exception as error:  # the package raises bare exceptions
            raise AnalyzerError(f"{rules.tokenizer} cannot be used: {error}", "Download the model again.") from error
        self._tokenizer = tokenizer

    def rows(self, texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the tokens, and 1 where they are no padding: both of shape (texts, context)."""
        # A tokenizer.json brings its own letter case.
        plain = cleaned if self._rules.tokenizer.suffix == ".gz" else squeezed
        clean = [canonical(text) if self._rules.canonical else plain(text) for text in texts]
        # One at a time: `encode_batch` would start threads of its own.
        encoded = [self._tokenizer.encode(text) for text in clean]
        tokens = np.array([row.ids for row in encoded], np.int64).reshape(len(texts), self._rules.context)
        return tokens, np.array([row.attention_mask for row in encoded], np.int64).reshape(tokens.shape)


def squeezed(text: str) -> str:
    """Return a text with one blank for each run of white space."""
    return re.sub(r"\s+", " ", text).strip()


# Typographic quotes, ligatures, and letters as wide as Chinese ones: CLIP was trained on texts without them.
_QUOTES = dict.fromkeys(map(ord, "‘’‚‛ʼ"), "'") | dict.fromkeys(map(ord, "“”„‟"), '"')
_COMPATIBLE = re.compile("[\uff01-\uff5e\u3000\ufb00-\ufb06]+")


def cleaned(text: str) -> str:
    """Return a text as CLIP sees it: entities resolved, quotes straight, white space squeezed, lower case."""
    plain = html.unescape(html.unescape(unicodedata.normalize("NFC", text))).translate(_QUOTES)
    return squeezed(_COMPATIBLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), plain)).lower()


def canonical(text: str) -> str:
    """Return a text as SigLIP sees it: lower case, without punctuation, white space squeezed."""
    plain = text.replace("_", " ").translate(str.maketrans("", "", string.punctuation)).lower()
    return squeezed(plain)


def _load(path: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))


def _clip_tokenizer(path: Path) -> Any:
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
    from tokenizers.processors import TemplateProcessing

    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    merges = [
        (first, second) for first, _, second in (line.partition(" ") for line in lines[1 : _MERGES + 1]) if second
    ]
    letters = _byte_letters()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge) for merge in merges), _START, _END]
    numbers = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(BPE(numbers, merges, unk_token=_END, end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = Sequence([
        Split(Regex(_WORDS), behavior="removed", invert=True),
        ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.post_processor = TemplateProcessing(
        single=f"{_START} $A {_END}", special_tokens=[(_START, numbers[_START]), (_END, numbers[_END])]
    )
    return tokenizer


def _byte_letters() -> list[str]:
    """A printable letter for each byte, in the order of CLIP's vocabulary: those that print are their own."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printed]
    return [*(chr(byte) for byte in printed), *(chr(256 + place) for place in range(len(others)))]
