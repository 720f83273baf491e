"""Baselines for tasks with choices or numbers: the most frequent class, the mean, and the nearest training rows.

Legend: Q evaluated rows, K classes, N training rows.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from callbacks.metrics.kinds.choice_scores import summarize_choices
from callbacks.metrics.kinds.component_match import ComponentMatch
from callbacks.metrics.kinds.number_errors import summarize_numbers
from callbacks.metrics.kinds.token_f1 import TokenF1
from callbacks.metrics.row_metric import Estimate
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.structures import holds_structures, read_structures
from callbacks.statistics.intervals import bootstrap_interval
from datamodules.notations._unicode import compose
from datamodules.notations.answer import simplify
from datamodules.notations.number import is_valid

_SENTENCES = re.compile(r"[.!?]+(?:\s+|$)|\n")
NEIGHBOURS = 7
"""Training rows that vote."""
SHOWN = (
    "accuracy",
    "auroc",
    "balanced_accuracy",
    "average_precision",
    "log_loss",
    "mae_all",
    "rmse",
    "r2",
    "spearman",
)
"""The metrics of a line of the table, each as far as it was measured."""


class Answered(NamedTuple):
    """A system's answers to Q rows."""

    name: str
    values: NDArray[np.float64]
    """(Q, K) probabilities of the choices, or (Q,) numbers, nan where there is none."""
    seconds: float | None = None


def find_similar(
    evaluation: Evaluation, count: int, most_pairs: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
    """Return similarities in [0, 1] and indices, (Q, count), of the training rows that are most similar; -1 for none.

    Molecules are compared by fingerprints, other inputs as text by edit distance; None if that would be more than `most_pairs`
    pairs of texts.
    """
    rows = evaluation.rows
    task, notation = rows[0].task, rows[0].input_notation
    texts = [row.input for row in rows]
    if holds_structures(notation):
        smiles = [molecule or "" for molecule in read_inputs(evaluation)]
        return evaluation.training.find_most_similar(task, smiles, count)
    known = [given for one in evaluation.training.texts(task) for given in one.inputs.composed()]
    if not known or len(known) * len(texts) > most_pairs:
        return None
    similarity = np.zeros((len(texts), count))
    place = np.full((len(texts), count), -1, dtype=np.int64)
    most = min(count, len(known))
    for spot, table in compare_texts(texts, known):
        order = np.argsort(-table, axis=1, kind="stable")[:, :most]
        similarity[spot, :most], place[spot, :most] = np.take_along_axis(table, order, axis=1), order
    return similarity, place


def compare_texts(texts: Sequence[str], known: Sequence[str]) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield some texts at a time with their Levenshtein similarities (q, K) to all known texts, K > 0."""
    step = max(1, 20_000_000 // len(known))  # 80 MB of similarities
    for start in range(0, len(texts), step):
        part = [compose(text) for text in texts[start : start + step]]
        table = process.cdist(part, known, scorer=Levenshtein.normalized_similarity, workers=-1)
        yield slice(start, start + len(part)), table


def read_inputs(evaluation: Evaluation) -> list[str | None]:
    """Return the molecules of inputs that are structures, as SMILES."""
    inputs = [row.input for row in evaluation.rows]
    read = read_structures(evaluation.calls, evaluation.rows[0].input_notation, inputs, with_names=False)
    return [one.smiles if one else None for one in read]


def vote(
    similarity: NDArray[np.float64], place: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean of the neighbours' values, weighted by similarity; that of all training rows without a neighbour.

    Args:
        similarity: (Q, count).
        place: (Q, count), -1 for none.
        values: (N, K) or (N,), one per training row.

    Examples:
        >>> vote(np.array([[0.5, 0.25], [0.0, 0.0]]), np.array([[0, 1], [-1, -1]]), np.array([1.0, 4.0, 7.0])).tolist()
        [2.0, 4.0]
    """
    weights = np.where(place >= 0, similarity, 0.0)
    total = weights.sum(axis=1)
    weights = np.divide(weights, total[:, None], out=np.zeros_like(weights), where=total[:, None] > 0)
    means = np.einsum("qc,qc...->q...", weights, values[place])
    means[total == 0] = values.mean(axis=0)
    return np.asarray(means)


def read_targets(evaluation: Evaluation) -> NDArray[np.float64]:
    """Return the training rows' targets: (N, K) one-hot classes, or (N,) numbers."""
    rows = evaluation.rows
    outputs = [text for one in evaluation.training.texts(rows[0].task) for text in one.outputs]
    if not rows[0].choices:
        return np.array([float(text) if is_valid(text) else np.nan for text in outputs])
    numbers = {option: number for number, option in enumerate(rows[0].choices)}
    table = np.zeros((len(outputs), len(numbers)))
    for row, text in enumerate(outputs):
        if text in numbers:
            table[row, numbers[text]] = 1.0
    return table


def own_answers(rows: Sequence[EvaluatedRow], name: str = "model") -> Answered:
    """Return the model's own answers."""
    if rows[0].choices:
        return Answered(name, np.array([row.probabilities for row in rows]))
    return Answered(
        name, np.array([float(row.prediction) if is_valid(row.prediction) else np.nan for row in rows])
    )


def answer_by_training(evaluation: Evaluation, most_pairs: int) -> list[Answered]:
    """Return the answers of the baselines that need nothing but the training rows; none without training rows.

    Args:
        evaluation: Rows of one task with the same choices, or whose answers are numbers.
        most_pairs: Most pairs of texts to compare.
    """
    targets = read_targets(evaluation)
    if not len(targets):
        return []
    queries, called = len(evaluation.rows), "most frequent class" if targets.ndim == 2 else "training mean"
    constant = np.nanmean(targets, axis=0)
    found = [Answered(called, np.repeat(constant[None], queries, axis=0), 0.0)]
    began = time.perf_counter()
    similar = find_similar(evaluation, NEIGHBOURS, most_pairs)
    if similar is not None:
        seconds = round(time.perf_counter() - began, 1)
        kind = "molecules" if holds_structures(evaluation.rows[0].input_notation) else "inputs"
        found.append(Answered(f"{NEIGHBOURS} nearest training {kind}", vote(*similar, targets), seconds))
    return found


def measure(rows: Sequence[EvaluatedRow], answered: Answered) -> dict[str, Any]:
    """Return a system's line of the table: the metrics of its answers to rows of one task, with their bounds."""
    known = ~np.isnan(answered.values.reshape(len(rows), -1)[:, 0])
    line: dict[str, Any] = {
        "task": rows[0].task, "system": answered.name, "rows": len(rows), "answered": int(known.sum()),
    }  # fmt: skip
    estimates: dict[str, Estimate]
    if rows[0].choices:
        targets = np.array([row.choices.index(row.target or "") for row in rows])
        estimates = summarize_choices(answered.values, targets, rows[0].choices)
    else:
        estimates = summarize_numbers(answered.values, np.array([float(row.target or "nan") for row in rows]))
    for name in SHOWN:
        if name in estimates:
            value, low, high = estimates[name]
            line |= {name: value, f"{name}_low": low, f"{name}_high": high}
    if answered.seconds is not None:
        line["seconds"] = answered.seconds
    return line


def score_parts(evaluation: Evaluation) -> dict[str, float]:
    """Return how much of the answers to rows of one task is right: words of answers, components of SMILES, with intervals."""
    found: dict[str, float] = {}
    for metric in (TokenF1(), ComponentMatch()):
        [name] = metric.columns
        scores = np.array([score[name] for score in metric.score(evaluation) if name in score])
        if len(scores):
            low, high = bootstrap_interval(scores)
            found |= {name: float(scores.mean()), f"{name}_low": low, f"{name}_high": high}
    return found


def has_kind_baselines(rows: Sequence[EvaluatedRow]) -> bool:
    """Return whether rows of one task all have the same choices, or numbers as answers."""
    if rows[0].choices:
        return all(row.choices == rows[0].choices for row in rows)
    return rows[0].output_notation == "number"


def find_nearest_sentence(text: str) -> str:
    """Return the sentence of a passage that shares most words with the question, its last sentence; the first of equals.

    Examples:
        >>> find_nearest_sentence("Anna has a red hat. Bert has a dog. What does Bert have?")
        'Bert has a dog'
    """
    *passage, question = [part.strip() for part in _SENTENCES.split(text) if part.strip()] or [""]
    asked = Counter(simplify(question).split())
    scores = [(asked & Counter(simplify(sentence).split())).total() for sentence in passage]
    return passage[scores.index(max(scores))] if scores else ""


def answer_by_sentence(evaluation: Evaluation) -> list[str | None]:
    """Return for each row the sentence of its input that is nearest to its question."""
    return [find_nearest_sentence(row.input) or None for row in evaluation.rows]
