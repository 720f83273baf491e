"""Tokens that a tokenizer lacks, and embedding rows for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from tokenizers import AddedToken
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from configs.lookup import find_config, load_yaml

ROW_MULTIPLE = 64
"""A grown vocabulary gets a multiple of this many rows: matrix kernels are faster on such shapes."""


def read_tokens(tokens: Sequence[str] | str | None) -> list[str]:
    """Return the tokens that `--model.add_tokens` means.

    Args:
        tokens: The tokens themselves, or the name of a list in configs/tokens, or the path of such a YAML file.

    Raises:
        ValueError: If there is no such list, or it holds something else than distinct words.

    Examples:
        >>> read_tokens(["[C@@H]", "[nH]"]), read_tokens(None)
        (['[C@@H]', '[nH]'], [])
        >>> read_tokens(["[nH]", "[nH]"])
        Traceback (most recent call last):
            ...
        ValueError: --model.add_tokens: the token '[nH]' is there twice.
    """
    where = "--model.add_tokens"
    if isinstance(tokens, str):
        file = find_config("tokens", tokens)
        content, where = load_yaml(file), str(file)
        if set(content) != {"tokens"} or not isinstance(content["tokens"], list):
            raise ValueError(f"{file}: expected one key, `tokens:`, with a list, but got {sorted(content)}.")
        tokens = cast("list[str]", content["tokens"])
    seen: set[str] = set()
    for token in tokens or []:
        if not isinstance(token, str) or token.strip() != token or not token:
            raise ValueError(
                f"{where}: expected tokens without space around them (quote those that YAML takes for something "
                f"else: '[nH]'), but got {token!r}."
            )
        if token in seen:
            raise ValueError(f"{where}: the token {token!r} is there twice.")
        seen.add(token)
    return list(tokens or [])


def add_tokens(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str]) -> list[int]:
    """Add tokens in place and return the ids of those that the tokenizer did not have.

    One that it has is no longer merged with its neighbours.

    An added token is found wherever it stands in a text, before anything else is cut. So it should be something that
    stands nowhere else: `[C@@H]` is, `Cl` is not (Clone).

    Raises:
        ValueError: If a text with an added token does not come back from the tokenizer as it was.
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
    """Return how many rows the embeddings have; the configuration knows it also when adapters wrap them."""
    return int(decoder.config.get_text_config().vocab_size)


def fit_vocabulary(
    decoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, new_ids: Sequence[int], mean: bool
) -> None:
    """Give each token of the tokenizer a row in both embeddings, in place.

    Args:
        decoder: Grows to a multiple of 64 rows if it has too few; its surplus rows are never generated (see
            `decoders.never_generated`).
        tokenizer: With all its tokens.
        new_ids: Ids of added tokens. Their rows may be there already: OPT, Pythia and others pad their vocabulary.
        mean: Set new rows to the mean of the rows of the old tokens; random rows would at first be far more, or
            far less, probable than any other token. Else the rows stay as the architecture initialises them.
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
