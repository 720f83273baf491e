"""Add tokens to a tokenizer, and embedding rows to its decoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from tokenizers import AddedToken
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from configs.lookup import find_config, load_yaml
from configs.yaml_text import read_written

ROW_MULTIPLE = 64
"""A larger vocabulary gets a multiple of this many rows, because matrix kernels are faster on such shapes."""


MOST_NAMED = 20
"""Tokens that an error names."""


def describe_vocabulary(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Return the content of a tokenizer's vocabulary, to which the rows of a checkpoint's embedding belong."""
    text = json.dumps(sorted(tokenizer.get_vocab().items()))
    return {
        "hash": hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
        "added": sorted(map(str, tokenizer.get_added_vocab())),
    }


def refuse_vocabulary(saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ValueError if a checkpoint's weights belong to another vocabulary; both as `describe_vocabulary` gives them.

    Examples:
        >>> refuse_vocabulary({"hash": "a", "added": ["kari"]}, {"hash": "b", "added": ["rika"]})
        Traceback (most recent call last):
            ...
        ValueError: The checkpoint was trained with another vocabulary (added tokens: 'kari') than this command's (added \
tokens: 'rika'). Use the same --model.base and --model.add_tokens, or start a new run.
    """
    if saved["hash"] != now["hash"]:
        raise ValueError(
            f"The checkpoint was trained with another vocabulary (added tokens: {_name(saved['added'])}) than this command's "
            f"(added tokens: {_name(now['added'])}). Use the same --model.base and --model.add_tokens, or start a new run."
        )


def _name(tokens: Sequence[str]) -> str:
    return (
        ", ".join([*map(repr, tokens[:MOST_NAMED]), *(["..."] if len(tokens) > MOST_NAMED else [])]) or "none"
    )


def read_tokens(tokens: Sequence[str] | str | None) -> list[str]:
    """Return the tokens that `--model.add_tokens` specifies.

    Args:
        tokens: The tokens themselves, or the name of a list in configs/tokens, or the path of such a YAML file.

    Raises:
        ValueError: If the list does not exist, or does not consist of distinct tokens without surrounding space.

    Examples:
        >>> read_tokens(["[C@@H]", "[nH]"]), read_tokens(None)
        (['[C@@H]', '[nH]'], [])
        >>> read_tokens(["[nH]", "[nH]"])
        Traceback (most recent call last):
            ...
        ValueError: --model.add_tokens: the token '[nH]' occurs twice.
    """
    where = "--model.add_tokens"
    if isinstance(tokens, str):
        file = find_config("tokens", tokens)
        content, where = load_yaml(file, read_written), str(file)
        if set(content) != {"tokens"} or not isinstance(content["tokens"], list):
            raise ValueError(f"{file}: expected one key, `tokens:`, with a list, but got {sorted(content)}.")
        tokens = cast("list[str]", content["tokens"])
    seen: set[str] = set()
    for token in tokens or []:
        if not isinstance(token, str) or token.strip() != token or not token:
            raise ValueError(
                f"{where}: expected tokens without surrounding space (quote tokens that YAML reads as something "
                f"else: '[nH]'), but got {token!r}."
            )
        if token in seen:
            raise ValueError(f"{where}: the token {token!r} occurs twice.")
        seen.add(token)
    return [str(token) for token in tokens or []]


def add_tokens(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str]) -> list[int]:
    """Add tokens in place and return the ids of the new ones.

    A token that the tokenizer already had is no longer merged with its neighbours.

    An added token is matched anywhere in a text, before all other tokenization. So it should not occur as part of
    something else: `[C@@H]` does not, `Cl` does (Clone).

    Raises:
        ValueError: If the tokenizer does not reproduce a text with an added token.
    """
    known = tokenizer.get_vocab()
    new = [token for token in tokens if token not in known]
    plain = [token for token in tokens if token not in tokenizer.all_special_tokens]
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in plain])
    for token in plain:
        text = f"C{token}C"
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        back = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if back != text:
            raise ValueError(
                f"--model.add_tokens: with {token!r} as a token this tokenizer turns {text!r} into {back!r}. "
                "Choose another base, or leave the token out."
            )
    return cast("list[int]", tokenizer.convert_tokens_to_ids(new))


def vocabulary_rows(decoder: PreTrainedModel) -> int:
    """Return the number of embedding rows, which the configuration holds even if adapters wrap the embeddings."""
    return int(decoder.config.get_text_config().vocab_size)


def fit_vocabulary(
    decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, new_ids: Sequence[int], mean: bool
) -> None:
    """Extend both embeddings, in place, so that each token of the tokenizer has a row.

    Args:
        decoder: Grows to a multiple of 64 rows if it has too few; rows without a token are never generated (see
            `decoders.never_generated`).
        tokenizer: Contains all tokens.
        new_ids: Ids of added tokens. Their rows may already exist: OPT, Pythia and others pad their vocabulary.
        mean: Set new rows to the mean of the old tokens' rows; a token with a random row would at first be far more, or
            far less, probable than any other token. Otherwise the rows keep the architecture's initialization.
    """
    before, ids = vocabulary_rows(decoder), set(tokenizer.get_vocab().values())
    if max(ids) >= before:
        decoder.resize_token_embeddings(max(ids) + 1, pad_to_multiple_of=ROW_MULTIPLE, mean_resizing=False)
    new = sorted({*new_ids, *range(before, vocabulary_rows(decoder))})
    old = sorted(ids - set(new))
    if not mean or not new:
        return
    for module in (decoder.get_input_embeddings(), decoder.get_output_embeddings()):
        parameters: Any = [getattr(module, name, None) for name in ("weight", "bias")]
        with torch.no_grad():  # tied embeddings get the same rows twice
            for parameter in (p for p in parameters if p is not None):
                parameter[new] = parameter[old].mean(dim=0)
