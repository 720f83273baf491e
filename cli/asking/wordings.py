"""Other wordings of texts: several answers a text, in which parts of the text itself are forbidden."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cli.asking.answers import Answer
from cli.asking.model import Generated, Model, read_questions
from datamodules.tasks import Task
from datamodules.texts.augmentation import labels_of
from lightning_modules.generation.settings import GenerationSettings


def reword(
    model: Model,
    texts: Sequence[str],
    task_name: str | None,
    count: int,
    block: float,
    batch_size: int = 64,
    condition: str | None = None,
) -> list[list[Answer]]:
    """Return other wordings of each text, the most probable first, each text independently of the others.

    A wording is well-formed, another string than the text, and of the same meaning where that can be checked. A text that is not
    valid, or of which no answer is one, has a single answer without a text, and the reason.

    Args:
        model: The model.
        texts: N texts in the task's notation.
        task_name: One of the model's tasks; None if it has only one.
        count: Answers a text.
        block: The share of the text's positions whose next token is forbidden, as `--model.generation.block`.
        batch_size: Answers decoded at once.
        condition: The condition to answer in; default: the task's.

    Raises:
        ValueError: If the task's input and output have not one notation, or a number makes no sense.
    """
    task = model.find_task(task_name, condition=condition)
    if task.kind != "text" or task.input.shown_notation != task.output.notation:
        raise ValueError(
            f"Expected a task whose input and output have one notation for other wordings, but got {task.name} "
            f"({task.input.shown_notation} -> {task.output.notation}): choose another one by --task."
        )
    if count < 1 or not 0 < block <= 1:
        raise ValueError(
            f"Expected at least 1 wording and a block in (0, 1], but got {count} and {block:g}: --wordings 8 --block 0.5."
        )
    limit = model.weights(task.name).max_new_tokens
    settings = GenerationSettings(max_new_tokens=limit, block=block)
    normal = read_questions(model.calls, task, texts)
    questions = [str(one.value) for one in normal if one.error is None]
    numbers = list(range(count)) * len(questions)
    asked = [question for question in questions for _ in range(count)]
    made = model.generate(task, asked, settings, batch_size, numbers)
    groups = iter(_verify(model, task, questions, made, count, limit))
    label = labels_of(task)[0]
    return [
        next(groups)
        if one.error is None
        else [_nothing(f"not a valid {label}: {one.error.removeprefix('ValueError: ')}")]
        for one in normal
    ]


def _nothing(why: str) -> Answer:
    return Answer(None, None, False, "", why)


def _verify(
    model: Model,
    task: Task,
    questions: Sequence[str],
    made: Sequence[Generated | None],
    count: int,
    limit: int,
) -> list[list[Answer]]:
    """Return the wordings among the `count` answers of each question; names are read only if OPSIN is available."""
    from callbacks.reports.worded_answers import check_wordings, keep_wordings
    from callbacks.rows.evaluated_row import EvaluatedRow
    from callbacks.rows.evaluation import Evaluation
    from datamodules.workers.opsin import why_unavailable

    rows = []
    notations = task.input.notation, task.output.notation
    for place, question in enumerate(questions):
        drawn = tuple(
            (one.text.strip(), one.score, one.stopped)
            for one in made[place * count : (place + 1) * count]
            if one
        )
        for text, score, stopped in drawn[:1]:
            rows.append(
                EvaluatedRow(
                    place,
                    task.name,
                    question,
                    None,
                    *notations,
                    text,
                    score,
                    stopped,
                    num_tokens=0,
                    candidates=drawn,
                )
            )
    no_opsin = why_unavailable() if task.output.notation == "iupac" else None
    unread = no_opsin and f"names are not read: {no_opsin}"
    evaluation = Evaluation(
        rows, model.calls, reads_names=task.output.notation == "iupac" and no_opsin is None
    )
    found: dict[int, list[Answer]] = {}
    for row, answers in zip(rows, check_wordings(evaluation), strict=True):
        found[row.index] = [
            Answer(
                one.text,
                math.exp(one.score),
                True,
                "back" if "back" in one.passes else "",
                one.doubt or unread,
            )
            for one in keep_wordings(answers)
        ] or [_nothing(f"none of {count} answers of at most {limit} tokens is another wording")]
    longer = f"longer than the {model.weights(task.name).room} tokens that the model can read"
    return [found.get(place, [_nothing(longer)]) for place in range(len(questions))]
