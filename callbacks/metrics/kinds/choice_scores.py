"""How good the probabilities of a task's choices are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from lightning.pytorch import LightningModule, Trainer

from callbacks.metrics.row_metric import Estimate, RowMetric, mean_estimate
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.protocols import evaluation_data
from callbacks.statistics.class_names import name_class
from callbacks.statistics.classification import (
    balanced_accuracy,
    calibration_error,
    calibration_table,
    confusion_table,
    macro_f1,
    rank_classes,
)
from callbacks.statistics.intervals import bootstrap_interval

LEAST_PROBABILITY = 1e-12
"""A choice that the model excludes counts with this probability in the log-loss, which would be infinite."""


MOST_OWN = 100
"""Most choices of a row whose probabilities are kept."""


class ChoiceScores(RowMetric):
    """What the probabilities of choices are worth, with 95 % intervals (Wilson for shares, else bootstrap).

    `accuracy`, `balanced_accuracy` (mean recall of the classes), `macro_f1`, `auroc` and `average_precision` (of two classes
    the second is the positive one; of more, means of one against the rest), `log_loss` (nats), `brier` (sum over the choices),
    `calibration_error`, and `recall_<choice>` and `precision_<choice>` of each class. Rows with choices of their own have
    `accuracy`, `log_loss` and `brier` only. `auroc` is the headline. It applies to tasks with choices only.
    """

    higher_is_better = MappingProxyType(
        {"accuracy": True, "balanced_accuracy": True, "macro_f1": True, "auroc": True, "average_precision": True,
         "log_loss": False, "brier": False, "calibration_error": False}
    )  # fmt: skip
    headline = "auroc"

    def __init__(self) -> None:
        super().__init__()
        self.columns = ("choice_target",)
        self._options: dict[str, tuple[str, ...]] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make a column for each choice of the task that has most; the data module has read its rows."""
        super().setup(trainer, pl_module, stage)
        tasks = {task.name: task.choices for task in evaluation_data(trainer).tasks if task.choices}
        self._options = {name: choices.options for name, choices in tasks.items()}
        own = max((MOST_OWN for choices in tasks.values() if choices.column), default=0)
        most = max((len(options) for options in self._options.values()), default=0)
        self.columns = ("choice_target", *(f"p{number}" for number in range(max(most, own))))

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return the number of the right choice, and the probability of each one."""
        return [
            {
                "choice_target": float(row.choices.index(row.target)),
                **{f"p{number}": chance for number, chance in enumerate(row.probabilities[:MOST_OWN])},
            }
            if row.probabilities and row.target in row.choices
            else {}
            for row in evaluation.rows
        ]

    def summarize_task(self, task: str, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the metrics of one task."""
        options = self._options.get(task)
        rows = ~np.isnan(table["choice_target"])
        if options is None or not rows.any():
            return {}
        targets = table["choice_target"][rows].astype(int)
        chances = np.stack(
            [values[rows] for name, values in table.items() if name != "choice_target"], axis=1
        )
        return summarize_choices(chances, targets, options)


def summarize_choices(
    chances: np.ndarray, targets: np.ndarray, options: tuple[str, ...]
) -> dict[str, Estimate]:
    """Return the metrics of rows with choices.

    Args:
        chances: `(n, k)` probabilities, n > 0; nan behind the last choice of a row.
        targets: `(n,)` the number of the right choice.
        options: The choices if they are the same for all rows; otherwise empty.

    Examples:
        >>> found = summarize_choices(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), ("no", "yes"))
        >>> found["accuracy"].value, found["auroc"].value, round(found["brier"].value, 2)
        (1.0, 1.0, 0.05)
    """
    n = len(targets)
    known = np.nan_to_num(chances, nan=0.0)
    predictions = known.argmax(axis=1)
    right = known[np.arange(n), targets]
    one_hot = np.eye(known.shape[1])[targets]
    found = {
        "accuracy": mean_estimate((predictions == targets).astype(float), "wilson"),
        "log_loss": mean_estimate(-np.log(np.maximum(right, LEAST_PROBABILITY)), "bootstrap"),
        "brier": mean_estimate(((known - one_hot) ** 2).sum(axis=1), "bootstrap"),
    }
    if not options:
        return found
    k = len(options)
    known = known[:, :k]
    confusion = confusion_table(predictions, targets, k)
    for name, function in (("balanced_accuracy", balanced_accuracy), ("macro_f1", macro_f1)):
        of_sums = _of_matrix(function, k)
        low, high = bootstrap_interval(confusion, statistic=of_sums)
        found[name] = Estimate(float(of_sums(confusion.sum(axis=0)[None])[0]), low, high)
    parts = calibration_table(known, targets)
    low, high = bootstrap_interval(parts, statistic=calibration_error)
    found["calibration_error"] = Estimate(float(calibration_error(parts.sum(axis=0)[None])[0]), low, high)
    found |= {name: Estimate(*values) for name, values in rank_classes(known, targets).items()}
    for number, option in enumerate(options):
        for kind, of in (("recall", targets == number), ("precision", predictions == number)):
            if of.any():
                found[name_class(kind, option)] = mean_estimate(
                    (predictions == targets)[of].astype(float), "wilson"
                )
    return found


def _of_matrix(function: Callable[[np.ndarray], np.ndarray], k: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda sums: function(sums.reshape(-1, k, k))
