from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from datamodules.storage.text_columns import TextColumn
from datamodules.tokens import examples
from datamodules.tokens.examples import IGNORE_INDEX, Encoded, encode
from tests.helpers.bpe import make_tokenizer

TOKENIZER = make_tokenizer(begin="<s>")


def test_the_completion_and_its_stop_token_are_supervised_and_nothing_else(tokenizer: Any) -> None:
    encoded = encode(tokenizer, ["CCO\nAnswer:", "C"], [" ethanol", " methane"])
    for index, (prompt, completion) in enumerate([("CCO\nAnswer:", " ethanol"), ("C", " methane")]):
        ids, labels = encoded.example(index), encoded.labels(index)
        supervised = labels != IGNORE_INDEX
        assert tokenizer.decode(ids[supervised]) == completion + "</s>"
        assert tokenizer.decode(ids[~supervised]) == "<s>" + prompt
        assert (labels[supervised] == ids[supervised]).all()
        assert tokenizer.decode(encoded.prompt(index)) == "<s>" + prompt
    assert encoded.lengths.tolist() == [len(encoded.example(0)), len(encoded.example(1))]


def test_loss_on_all_supervises_the_prompt_too(tokenizer: Any) -> None:
    encoded = encode(tokenizer, ["CCO"], [" ethanol"])
    assert (encoded.labels(0, "all") == encoded.example(0)).all()


@pytest.mark.pitfall(5)
def test_the_stop_token_is_supervised_when_pad_is_the_same_token() -> None:
    tokenizer = make_tokenizer(begin="</s>", stop="</s>", pad="</s>")
    encoded = encode(tokenizer, ["CCO"], [" ethanol"])
    ids, labels = encoded.example(0), encoded.labels(0)
    assert ids[0] == ids[-1] == tokenizer.pad_token_id
    assert labels[0] == IGNORE_INDEX
    assert labels[-1] == tokenizer.eos_token_id


@pytest.mark.pitfall(6)
def test_parts_are_tokenised_apart_and_no_begin_token_stands_in_the_middle() -> None:
    # As OPT: </s> before every text, and </s> as stop token.
    tokenizer = make_tokenizer(begin="</s>", stop="</s>", pad="<pad>")
    encoded = encode(tokenizer, ["Question"], [" ethanol"])
    ids = encoded.example(0)
    assert (ids == tokenizer.eos_token_id).sum() == 2
    assert ids[0] == ids[-1] == tokenizer.eos_token_id
    # "acet" + "ic": tokenised together, a merge crosses the border and the completion's tokens are not found.
    together = tokenizer("acet" + "ic")["input_ids"]
    apart = encode(tokenizer, ["acet"], ["ic"]).example(0)[:-1].tolist()
    assert together != apart
    assert (
        apart[-len(tokenizer("ic", add_special_tokens=False)["input_ids"]) :]
        == tokenizer("ic", add_special_tokens=False)["input_ids"]
    )


def test_tokenizer_that_ends_texts_itself_leaves_the_prompt_open(tokenizer_of: Any) -> None:
    from tokenizers import processors

    tokenizer = tokenizer_of(begin="<s>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[("<s>", tokenizer.bos_token_id), ("</s>", tokenizer.eos_token_id)],
    )
    encoded = encode(tokenizer, ["CCO"], [" ethanol"])
    assert (encoded.example(0) == tokenizer.eos_token_id).sum() == 1


def test_tokenizer_without_a_stop_token_is_an_error(tokenizer_of: Any) -> None:
    tokenizer = tokenizer_of()
    tokenizer.eos_token = None
    with pytest.raises(ValueError, match="has no eos_token, so no model could learn to stop"):
        encode(tokenizer, ["a"], ["b"])


def test_taken_examples_are_the_encoded_ones(tokenizer: Any) -> None:
    prompts, completions = ["CCO", "C", "c1ccccc1"], [" ethanol", " methane", " benzene"]
    taken = encode(tokenizer, prompts, completions).take(np.array([True, False, True]))
    expected = encode(tokenizer, prompts[::2], completions[::2])
    for name in ("ids", "offsets", "prompt_lengths"):
        assert (getattr(taken, name) == getattr(expected, name)).all()
    joined = Encoded.join(
        [encode(tokenizer, prompts[:1], completions[:1]), encode(tokenizer, prompts[1:], completions[1:])]
    )
    together = encode(tokenizer, prompts, completions)
    for name in ("ids", "offsets", "prompt_lengths"):
        assert (getattr(joined, name) == getattr(together, name)).all()


def test_no_texts_encode_to_no_examples(tokenizer: Any) -> None:
    encoded = encode(tokenizer, [], [])
    assert len(encoded) == 0
    assert encoded.offsets.tolist() == [0]


class OwnTokenizer(PreTrainedTokenizerFast):
    """One with a method of its own, which encoding past it would skip."""

    calls = 0

    def _encode_plus(self, *args: Any, **kwargs: Any) -> Any:
        type(self).calls += 1
        return super()._encode_plus(*args, **kwargs)


def encode_slowly(
    tokenizer: Any, prompts: list[str], completions: list[str], special_tokens: bool
) -> list[list[int]]:
    """The reference: a call of the tokenizer for each text, and lists."""
    rows = []
    for prompt, completion in zip(prompts, completions, strict=True):
        asked = tokenizer(prompt, add_special_tokens=special_tokens)["input_ids"]
        answered = tokenizer(completion, add_special_tokens=False)["input_ids"]
        rows.append([*asked, *answered, tokenizer.eos_token_id])
    return rows


@pytest.mark.parametrize("special_tokens", [True, False])
@pytest.mark.parametrize("kind", ["fast", "own", "large"])
def test_encoding_in_chunks_equals_single_calls(
    tokenizer_of: Any, monkeypatch: pytest.MonkeyPatch, kind: str, special_tokens: bool
) -> None:
    monkeypatch.setattr(examples, "_TEXTS_AT_ONCE", 7)
    monkeypatch.setattr(examples, "_ROWS_AT_ONCE", 11)
    monkeypatch.setattr(OwnTokenizer, "calls", 0)
    tokenizer = tokenizer_of(begin="<s>")
    if kind == "own":
        tokenizer.__class__ = OwnTokenizer
    if kind == "large":
        tokenizer.add_tokens([f"<extra{number}>" for number in range(1 << 16)])
    prompts = [f"Question {number % 13}: CCO </s> <s>\u00e9" for number in range(50)] + ["", " "]
    completions = [f" answer {number % 5}" for number in range(50)] + ["", "x"]
    encoded = encode(tokenizer, prompts, completions, special_tokens=special_tokens)
    expected = encode_slowly(tokenizer, prompts, completions, special_tokens)
    assert [encoded.example(row).tolist() for row in range(52)] == expected
    assert (OwnTokenizer.calls > 0) == (kind == "own")
    assert encoded.ids.dtype == (np.int32 if kind == "large" else np.uint16)
    columns = TextColumn.of(prompts), TextColumn.of(completions)
    assert (encode(tokenizer, *columns, special_tokens=special_tokens).ids == encoded.ids).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=4))
def test_encoded_texts_decode_to_themselves(pairs: list[tuple[str, str]]) -> None:
    pairs = [(a.encode(errors="replace").decode(), b.encode(errors="replace").decode()) for a, b in pairs]
    pairs = [(a, b) for a, b in pairs if not any(t in a + b for t in TOKENIZER.all_special_tokens)] or [
        ("a", "b")
    ]
    encoded = encode(TOKENIZER, [a for a, _ in pairs], [b for _, b in pairs])
    for index, (prompt, completion) in enumerate(pairs):
        length = encoded.prompt_lengths[index]
        assert TOKENIZER.decode(encoded.example(index)[1:length]) == prompt
        assert TOKENIZER.decode(encoded.example(index)[length:-1]) == completion
        assert np.count_nonzero(encoded.labels(index) != IGNORE_INDEX) == encoded.lengths[index] - length


def test_marked_answers_survive_taking_and_joining(tokenizer_of: Any) -> None:
    tokenizer = tokenizer_of()
    encoded = encode(tokenizer, ["q\ue002one\ue002 w", "plain"], ["two", "three"], mark="\ue002")
    assert encoded.answers is not None
    again = Encoded.join([encoded.pick(np.array([1])), encoded.take(np.array([True, False]))])
    assert tokenizer.decode(again.ids[again.answers].tolist()).strip() == "one"
    supervised = again.example(1)[again.labels(1, "answers") != IGNORE_INDEX]
    assert "onetwo" in tokenizer.decode(supervised.tolist()).replace(" ", "")
    assert again.labels(0, "answers").tolist() == again.labels(0, "completion").tolist()
    assert (again.labels(0, "all") != IGNORE_INDEX).all()
