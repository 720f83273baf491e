from __future__ import annotations

import re

import numpy as np
from transformers import PreTrainedTokenizerFast

from datamodules.tokens.examples import IGNORE_INDEX
from datamodules.tokens.preview import COLOURS, LEFT, PLAIN, RIGHT, render_preview


def preview_of(tokenizer: PreTrainedTokenizerFast, prompt: str, completion: str) -> tuple[str, str, int]:
    """Return the heading and the text of a row whose completion is supervised, and how many of its tokens are."""
    first, second = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (prompt, completion))
    ids = np.array([*first, *second, tokenizer.eos_token_id], dtype=np.int32)
    labels = np.array([*[IGNORE_INDEX] * len(first), *ids[len(first) :]], dtype=np.int64)
    heading, text = render_preview(tokenizer, ids, labels, "name, arrow").split("\n", 1)
    return heading, text.removesuffix("\n"), len(second) + 1


def test_what_is_supervised_is_marked_once_and_the_prompt_is_as_it_is(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    heading, text, supervised = preview_of(tokenizer, "CCO ->", " ethanol")
    marked = re.findall(f"{LEFT}(.*?){RIGHT}", text)
    assert text.startswith(f"CCO ->{LEFT}")
    assert "".join(marked) == " ethanol</s>"
    assert len(marked) == 1
    assert (
        heading
        == f"-- name, arrow: {supervised + len(tokenizer('CCO ->', add_special_tokens=False)['input_ids'])} "
        + (f"tokens, of which {supervised} supervised, in {LEFT} {RIGHT} --")
    )


def test_each_supervised_token_has_a_colour_of_its_own_on_a_terminal(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    ids = np.array(tokenizer("CCO -> ethanol", add_special_tokens=False)["input_ids"], dtype=np.int32)
    labels = np.where(np.arange(len(ids)) < 4, IGNORE_INDEX, ids).astype(np.int64)
    heading, text = render_preview(tokenizer, ids, labels, "t", colour=True).split("\n", 1)
    assert "in colour" in heading
    assert text.count(PLAIN) == len(ids) - 4
    assert LEFT not in text
    for code in (*COLOURS, PLAIN):
        text = text.replace(code, "")
    assert text == tokenizer.decode(ids.tolist()) + "\n"


def test_characters_of_several_tokens_are_whole_in_the_prompt(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer("\u03b1", add_special_tokens=False)["input_ids"]) > 1  # bytes that are no text alone
    _, text, _ = preview_of(tokenizer, "\u03b1-pinene \u2192", " x")
    assert text.startswith(f"\u03b1-pinene \u2192{LEFT}")


def test_a_row_without_supervised_tokens_is_its_text(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = np.array(tokenizer("CCO", add_special_tokens=False)["input_ids"], dtype=np.int32)
    heading, text = render_preview(tokenizer, ids, np.full(len(ids), IGNORE_INDEX), "t").split("\n", 1)
    assert "of which 0 supervised" in heading
    assert text == "CCO\n"
