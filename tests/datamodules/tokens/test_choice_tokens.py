from __future__ import annotations

import numpy as np

from datamodules.tokens.batching import BatchDataset
from datamodules.tokens.choice_tokens import encode_choices
from datamodules.tokens.examples import encode
from tests.helpers.tiny import make_tokenizer


def test_choices_have_the_tokens_that_training_gives_them() -> None:
    tokenizer = make_tokenizer(False)
    trained = encode(tokenizer, ["CC:", "CC:"], [" no", " maybe"])
    choices = encode_choices(tokenizer, [[" no", " maybe"], [], [" maybe", " yes", " no"]], [":", "?", ":"])
    for code, row in zip(choices.codes[:2].tolist(), range(2), strict=True):
        expected = trained.example(row)[trained.prompt_lengths[row] :]
        assert choices.completions.example(code).tolist() == expected.tolist()
    assert len(choices.completions) == 3
    assert choices.row_of_choice.tolist() == [0, 0, 2, 2, 2]
    assert (
        choices.nulls.prompt(int(choices.null_codes[0])).tolist()
        == encode(tokenizer, [":"], [""]).prompt(0).tolist()
    )


def test_a_batch_holds_the_choices_of_its_rows_only() -> None:
    tokenizer = make_tokenizer(False)
    choices = encode_choices(tokenizer, [[" no", " maybe"], [], [" maybe", " yes", " no"]], [":", ":", ":"])
    encoded = encode(tokenizer, ["C:", "CC:", "CCC:"], [""] * 3)
    plan = [np.array([2, 1]), np.array([1]), np.array([], dtype=np.int64)]
    mixed, plain, filler = BatchDataset(encoded, plan, 0, with_prompts=True, choices=choices)  # type: ignore[misc]
    assert mixed["choice_row"].tolist() == [0, 0, 0]
    ids = choices.of_rows(np.array([2])).codes
    for place, code in enumerate(ids.tolist()):
        length = int(mixed["choice_lengths"][place])
        assert mixed["choice_ids"][place, :length].tolist() == choices.completions.example(code).tolist()
    assert mixed["null_ids"].shape == mixed["null_mask"].shape
    assert "choice_ids" not in plain
    assert "choice_ids" not in filler
