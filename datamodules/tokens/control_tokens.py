"""Texts that a tokenizer takes for control tokens, wherever they stand: no cell of a table may hold one.

A cell with `</s>` would end its prompt or its answer in the middle. Tokenizers declare such tokens in several ways, and not
all of them are in `all_special_tokens`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# How markers are written that are no text: <|im_end|>, [INST], <<SYS>>, <start_of_turn>, </s>.
_MARKER = re.compile(
    r"<[|\uff5c][^|\uff5c<>\s]+[|\uff5c]>|\[/?[A-Z][A-Z_]{2,}\]|<</?[A-Z_]+>>|</?[A-Za-z][\w.-]*>"
)
_PIPED = re.compile(r"<[|\uff5c].+[|\uff5c]>")
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|[%}]}((?:[^{]|{(?![{%#]))*)")
_USUAL = frozenset({
    "<s>", "</s>", "<pad>", "<unk>", "<mask>", "<bos>", "<eos>", "<sep>", "<cls>",
    "[PAD]", "[UNK]", "[MASK]", "[BOS]", "[EOS]", "[SEP]", "[CLS]",
})  # fmt: skip


@dataclass(frozen=True)
class ControlTokens:
    """The texts that no cell may hold."""

    texts: tuple[str, ...] = ()
    """Found in a text as it stands."""
    folded: tuple[str, ...] = ()
    """Found in a text as the tokenizer's normalizer leaves it, in lower case for instance; themselves normalized."""
    fold: Callable[[str], str] | None = None
    """The normalizer, if there are any of those."""
    rules: str = ""
    """What the normalizer depends on, for the cache."""

    def describe(self) -> list[Any]:
        """Return what the answers of `find` depend on."""
        return [list(self.texts), list(self.folded), self.rules]

    def find(self, texts: pa.LargeStringArray) -> dict[int, str]:
        """Return the control token that a text holds, by the text's number, of N texts."""
        found = _search(texts, self.texts)
        if self.fold is not None:
            folded = pa.array([self.fold(text) for text in texts.to_pylist()], pa.large_string())
            found = {**_search(folded, self.folded), **found}
        return found


def _search(texts: pa.LargeStringArray, tokens: tuple[str, ...]) -> dict[int, str]:
    """Return the first of some tokens that a text holds, by the text's number; all are sought at once, bases have hundreds."""
    if not tokens:
        return {}
    pattern = "|".join(re.escape(token).replace("\n", "n") for token in tokens)
    numbers = np.flatnonzero(pc.match_substring_regex(texts, pattern)).tolist()
    return {number: next(token for token in tokens if token in texts[number].as_py()) for number in numbers}


def find_control_tokens(tokenizer: Any, chat: bool = False) -> ControlTokens:
    """Return the texts that act as control tokens of a tokenizer.

    These are its special tokens; all tokens that are declared special when they are added, whatever their role; added tokens
    that are not declared special but stand in its chat template or are written as `<|...|>`; the usual control tokens that it
    has in its vocabulary alone and finds in a text; and, where prompts are chats, all markers of its chat template.

    A special token of one character is text (a pad token `!`), unless it is the begin or stop token.

    Args:
        tokenizer: A Hugging Face tokenizer.
        chat: Whether prompts are made by its chat template.
    """
    ends = {tokenizer.bos_token, tokenizer.eos_token}
    texts = dict.fromkeys(token for token in tokenizer.all_special_tokens if len(token) > 1 or token in ends)
    template = "\n".join(_read_literals(getattr(tokenizer, "chat_template", None)))
    folded: dict[str, None] = {}
    for token in getattr(tokenizer, "added_tokens_decoder", {}).values():
        text = token.content
        shown = len(text) > 1 and (text in template or _PIPED.fullmatch(text))
        if (token.special and len(text) > 1) or text in ends or (shown and _MARKER.fullmatch(text)):
            texts[text] = None
            if token.normalized:
                folded[text] = None
    vocabulary = tokenizer.get_vocab()
    for text in vocabulary.keys() & _USUAL - texts.keys():
        if tokenizer(text, add_special_tokens=False)["input_ids"] == [vocabulary[text]]:
            texts[text] = None
    if chat:
        texts |= dict.fromkeys(_MARKER.findall(template))
    normalizer = getattr(getattr(tokenizer, "backend_tokenizer", None), "normalizer", None)
    if normalizer is None or not folded:
        return ControlTokens(tuple(sorted(texts)))
    rules = json.dumps(json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"], sort_keys=True)
    fold = normalizer.normalize_str
    return ControlTokens(tuple(sorted(texts)), tuple(sorted({fold(text) for text in folded})), fold, rules)


def _read_literals(template: Any) -> list[str]:
    """Return the texts that a chat template (or several, by name) puts around messages, without its code."""
    if not template:
        return []
    templates = template.values() if isinstance(template, dict) else [template]
    return [next(filter(None, found), "") for one in templates for found in _LITERAL.findall(str(one))]
