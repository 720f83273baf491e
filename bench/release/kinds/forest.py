"""A random forest on Morgan fingerprints, trained and asked on the same rows as the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.release.kinds.cells import FRACTIONS
from callbacks.metrics.kinds.choice_scores import summarize_choices
from callbacks.metrics.kinds.number_errors import summarize_numbers
from callbacks.rows.nearest_training import fingerprints
from datamodules.rows.side_texts import SideTexts
from datamodules.task_data import TaskData
from datamodules.workers.worker_pool import WorkerPool
from lightning_modules.decoder.decoders import load_tokenizer


def grow_forest(flags: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """Return the line of a random forest on the same rows."""
    settings: dict[str, Any] = {
        key.removeprefix("data."): value
        for key, value in {**flags, **FRACTIONS}.items()
        if key.startswith("data.")
    }
    data = TaskData(load_tokenizer("bundled"), format="arrow", **settings)
    data.prepare_sides(["train", "test"])
    [train], [test] = data.side_texts("train"), data.side_texts("test")
    options = data.tasks[0].choices.options if data.tasks[0].choices else ()
    with WorkerPool() as pool:
        features = [np.unpackbits(fingerprints(list(side.inputs), pool), axis=1) for side in (train, test)]
    answers = answer_by_forest(features[0], features[1], train, options, seed)
    if options:
        targets = np.array([options.index(text) for text in test.outputs])
        estimates = summarize_choices(answers, targets, options)
    else:
        estimates = summarize_numbers(answers, np.array([float(text) for text in test.outputs]))
    line: dict[str, Any] = {
        "system": "random forest",
        "task": data.task_names[0],
        "rows": float(len(test.outputs)),
    }
    for metric, (value, low, high) in estimates.items():
        line |= {metric: value, f"{metric}_low": low, f"{metric}_high": high}
    return [line]


def answer_by_forest(
    known: NDArray[np.uint8], asked: NDArray[np.uint8], train: SideTexts, options: Sequence[str], seed: int
) -> NDArray[np.float64]:
    """Return probabilities of the options, (Q, K), or numbers, (Q,), of a forest that learned from the training rows."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    if not options:
        forest = RandomForestRegressor(500, random_state=seed, n_jobs=-1)
        answers: NDArray[np.float64] = forest.fit(known, [float(text) for text in train.outputs]).predict(
            asked
        )
        return answers
    classes = RandomForestClassifier(500, random_state=seed, n_jobs=-1)
    classes.fit(known, [options.index(text) for text in train.outputs])
    chances = np.zeros((len(asked), len(options)))
    chances[:, classes.classes_] = classes.predict_proba(asked)
    return chances
