"""Time the metrics of 10,000 predictions: `python -m bench.speed.metric_cost` prints one JSON line."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from callbacks.metrics.exact_match import ExactMatch
from callbacks.metrics.fingerprint_similarity import FingerprintSimilarity
from callbacks.metrics.row_metric import RowMetric
from callbacks.metrics.text_similarity import TextSimilarity
from callbacks.metrics.validity import Validity
from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.verdicts import judge_ahead
from datamodules.notations.smiles import randomize
from datamodules.sources.lookup import load_source
from datamodules.splits import nested_order

ROWS = 10_000
METRICS: tuple[type[RowMetric], ...] = (ExactMatch, Validity, TextSimilarity, FingerprintSimilarity)


def make_rows(count: int) -> list[EvaluatedRow]:
    """Return SMILES predictions like those of a half-trained model, for the first rows of a fixed shuffled order.

    Of ten, four are exact, two are other spellings of the right molecule, two are other molecules, two are truncated.
    """
    table = load_source("pubchem").table
    order = nested_order(table.column("inchikey").to_pylist())[: count + 1]
    targets = table.column("smiles").take(order).to_pylist()
    rows = []
    for place in range(count):
        target, other = targets[place], targets[place + 1]
        kinds = (
            [target] * 4 + [randomize(target, place)] * 2 + [other] * 2 + [target[: 2 * len(target) // 3]] * 2
        )
        rows.append(
            EvaluatedRow(
                place, "name_to_smiles", "", target, "iupac", "smiles", kinds[place % 10], -1.0, True, 9
            )
        )
    return rows


def table_of(metric: RowMetric, evaluation: Evaluation) -> dict[str, np.ndarray]:
    """Return the scores of all rows by column, nan where one does not apply."""
    scores = metric.score(evaluation)
    return {name: np.array([score.get(name, np.nan) for score in scores]) for name in metric.columns}


def measure(count: int = ROWS) -> dict[str, float]:
    """Return the seconds of the verdicts in the background, of each metric, and of all together."""
    rows = make_rows(count)
    start = time.perf_counter()
    evaluation = Evaluation(rows)
    judge_ahead(evaluation.calls, rows, list(dict.fromkeys(name for kind in METRICS for name in kind.asks)))
    ends = {"begin": time.perf_counter()}
    for kind in METRICS:
        metric = kind()
        metric.summarize(table_of(metric, evaluation))
        ends[kind.__name__] = time.perf_counter()
    seconds = dict(zip(ends, np.diff([start, *ends.values()]).tolist(), strict=True))
    return {"rows": count, **seconds, "all": sum(seconds.values())}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
