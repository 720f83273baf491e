"""Choose among the answers that a task allows, for texts in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.texts.asking import Asking
from datamodules.tokens.choice_tokens import encode_choices
from datamodules.tokens.packing import pad_prompts

if TYPE_CHECKING:
    import torch

    from datamodules.tasks import Task
    from lightning_modules.generation.settings import ChoiceScore


def choose(
    decoder: Any,
    tokenizer: Any,
    asking: Asking,
    task: Task,
    questions: Sequence[str],
    device: torch.device,
    batch_size: int,
    room: int,
    how: ChoiceScore = "sum",
) -> list[list[float] | None]:
    """Return the probability of each of the task's choices for each question; None for one that is longer than `room` tokens.

    Args:
        decoder: The model.
        tokenizer: Its tokenizer.
        asking: How the model is asked.
        task: A task whose rows all have the same choices.
        questions: Normalized inputs.
        device: Where the model runs.
        batch_size: Choices to score at once.
        room: The most tokens of a question.
        how: How choices are scored, as `--model.generation.choice_score`.
    """
    from datamodules.tokens.batching import lay_choices
    from lightning_modules.generation.choices import Choices, normalize_scores, score_choices

    assert task.choices is not None
    encoded = asking.encode(tokenizer, task, questions)
    before, after, null = asking.frame(tokenizer, task)
    texts = [before + option + after for option in task.choices.options]
    found: list[list[float] | None] = [None] * len(questions)
    fits = np.flatnonzero(encoded.prompt_lengths <= room).tolist()
    fits.sort(key=lambda place: -int(encoded.prompt_lengths[place]))
    count = len(questions)
    tokens = encode_choices(tokenizer, [texts] * count, [null] * count, special_tokens=not asking.form.chat)
    for start in range(0, len(fits), batch_size):
        places = fits[start : start + batch_size]
        laid: dict[str, Any] = {**lay_choices(tokens.of_rows(np.array(places)), 0)}
        laid = {name: part.to(device) for name, part in laid.items()}
        choices = Choices(laid["choice_ids"], laid["choice_lengths"], laid["choice_row"])
        ids, mask = (part.to(device) for part in pad_prompts([encoded.prompt(place) for place in places], 0))
        scores = score_choices(decoder, ids, mask, choices, batch_size)
        nulls = None
        if how == "pmi":
            nulls = score_choices(decoder, laid["null_ids"], laid["null_mask"], choices, batch_size)
        table = normalize_scores(scores, choices, len(places), how, nulls).exp().tolist()
        for place, chances in zip(places, table, strict=True):
            found[place] = chances
    return found
