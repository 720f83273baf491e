"""Other wordings of the input: how far an answer is from it as text, and whether it means the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
from lightning.pytorch import LightningModule, Trainer

from callbacks.metrics.row_metric import DetailedMetric, Estimate
from callbacks.metrics.text_similarity import BLEU_COLUMNS, bleu, bleu_counts
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.protocols import EvaluationData, evaluated_model, evaluation_data
from callbacks.rows.wordings import compare_wordings, has_wordings, source_text
from callbacks.statistics.intervals import bootstrap_interval
from datamodules.notations._unicode import compose
from datamodules.stages import evaluated_rows

ALPHA = 0.8
"""Weight of the BLEU to the reference in iBLEU."""
_SHARES = ("kept_meaning", "other_wording")
_COUNTS = tuple(f"{side}_{name}" for side in ("source", "target") for name in BLEU_COLUMNS)


def ibleu(sums: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """Return iBLEU: alpha x BLEU to the references - (1 - alpha) x BLEU to the sources.

    Args:
        sums: `(r, 20)`, of each of `r` corpora the summed `bleu_counts` to the sources, then those to the references.
        alpha: The weight.

    Source: H. Sun and M. Zhou, Joint Learning of a Dual SMT System for Paraphrase Generation, ACL 2012.

    Examples:
        >>> counts = np.array([[*bleu_counts("an old hat", "an old hat"), *bleu_counts("an old hat", "an old cap")]])
        >>> ibleu(counts, alpha=0.0).round(3).tolist(), (ibleu(counts) > -0.2).tolist()
        ([-1.0], [True])
    """
    half = sums.shape[1] // 2
    return alpha * bleu(sums[:, half:]) - (1 - alpha) * bleu(sums[:, :half])


class Wordings(DetailedMetric):
    """Answers as other wordings of the input, for tasks whose input and output have one notation.

    `source_bleu` is BLEU over characters, as `char_bleu`, of the answers to their inputs: low for other wordings. `ibleu` is
    0.8 x `char_bleu` - 0.2 x `source_bleu` of the same rows. `kept_meaning` is the share of answers that mean the input's
    molecule: SMILES and SELFIES by InChIKey, names by OPSIN (where `RoundTrip` is measured). `other_wording` is the share of
    these that are another string than the input as well. Intervals: Wilson for shares, bootstrap for the others.

    Measured on rows whose reference means the same as the input, which excludes reactions, for example; with
    `--model.generation.block` on all rows of these tasks, texts included.

    Args:
        each_epoch: Whether `fit` also measures after each epoch.
    """

    columns = (*_SHARES, *_COUNTS)
    higher_is_better = MappingProxyType(
        {"source_bleu": None, "ibleu": True, "kept_meaning": True, "other_wording": True}
    )
    interval = "wilson"

    def __init__(self, each_epoch: bool = False) -> None:
        super().__init__(each_epoch)
        self.blocks = False
        """Whether the model of the current stage is asked for other wordings."""

    def wants_names(self, trainer: Trainer) -> bool:
        """Return whether this evaluation is measured."""
        return self.is_on(trainer)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the model the texts that its rows have to word in another way, if it is asked to.

        Raises:
            ValueError: If no task has one notation on both sides.
        """
        super().setup(trainer, pl_module, stage)
        model, data = evaluated_model(pl_module), evaluation_data(trainer)
        self.blocks = model.generation.block > 0
        if not self.blocks:
            return
        sides = [
            f"{task.name} ({task.input.shown_notation} -> {task.output.notation})" for task in data.tasks
        ]
        if not any(
            task.kind == "text" and task.input.shown_notation == task.output.notation for task in data.tasks
        ):
            raise ValueError(
                "Expected a task of texts whose input and output have one notation for --model.generation.block "
                f"{model.generation.block:g}, but got {', '.join(sides)}. Leave the flag out."
            )
        model.sources_of = partial(find_sources, data, evaluated_rows(stage))

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return the counts and shares of each row; empty for rows that have no other wording."""
        rows = evaluation.rows
        references = [dataclasses.replace(row, prediction=row.target or "") for row in rows]
        meant = compare_wordings(evaluation.of(references)) if not self.blocks else [None] * len(rows)
        found: list[dict[str, float]] = []
        for row, wording, reference in zip(rows, compare_wordings(evaluation), meant, strict=True):
            if wording is None or not (self.blocks or (reference is not None and reference.kept)):
                found.append({})
                continue
            answer, source, target = (
                compose(text) for text in (row.prediction, source_text(row), row.target or "")
            )
            counts = (*bleu_counts(answer, source), *bleu_counts(answer, target))
            shares = (wording.kept, wording.kept and wording.other)
            found.append(
                {name: float(share) for name, share in zip(_SHARES, shares, strict=True) if share is not None}
                | dict(zip(_COUNTS, counts, strict=True))
            )
        return found

    def summarize(self, table: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
        """Return the two shares, and both kinds of BLEU from the summed counts."""
        counts = np.stack([table[name] for name in _COUNTS], axis=1)
        counts = counts[~np.isnan(counts[:, 0])]
        if not len(counts):
            return {}
        found = super().summarize({name: table[name] for name in _SHARES})
        for name, statistic in (("source_bleu", _source_bleu), ("ibleu", ibleu)):
            low, high = bootstrap_interval(counts, statistic=statistic)
            found[name] = Estimate(float(statistic(counts.sum(axis=0, keepdims=True))[0]), low, high)
        return found


def _source_bleu(sums: np.ndarray) -> np.ndarray:
    return bleu(sums[:, : len(BLEU_COLUMNS)])


def find_sources(datamodule: EvaluationData, stage: Stage, rows: list[int]) -> list[tuple[str, str] | None]:
    """Return the format's text before the answer, and the input, of rows of a stage by index; None for rows left free."""
    found: list[tuple[str, str] | None] = []
    for index in rows:
        row = datamodule.row(stage, index) if index >= 0 else None
        if row is None or not has_wordings(row):
            found.append(None)
            continue
        found.append((datamodule.affixes(stage, index)[0], source_text(row)))
    return found
