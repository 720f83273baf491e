"""Whether a predicted name, read by a name parser, means the molecule that was asked about."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch import LightningModule, Trainer
from rich.console import Console

from callbacks.metrics.row_metric import DetailedMetric
from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.structures import molecules_of, relations_of
from datamodules.workers.opsin import why_unavailable

NOTIONS = {
    "round_trip": "canonical",
    "round_trip_tautomer": "tautomer",
    "round_trip_without_stereo": "without_stereo",
}
"""The metrics, the strictest first, and the relation of molecules (see `smiles.relate`) that each asks for."""


class RoundTrip(DetailedMetric):
    """Share of predicted IUPAC names that OPSIN reads as the molecule of the input, with 95 % Wilson intervals.

    `round_trip`: the same canonical SMILES; `round_trip_tautomer`: the same InChIKey, so that tautomers may count as
    equal; `round_trip_without_stereo`: the same once stereo and isotopes are dropped. `readable` is the share of names
    that OPSIN reads as any molecule. An unreadable name is wrong. Where the input is no structure, the molecule is that
    of the target name, and rows whose target cannot be read are left out.

    Needs Java and the extra `opsin`; without, one line says so and the metrics are left out. All names of an evaluation
    are read in one batch, about a thousand a second.

    Args:
        each_epoch: Whether to measure after each epoch of a `fit`, too.
    """

    columns = (*NOTIONS, "readable")
    interval = "wilson"

    def __init__(self, each_epoch: bool = False) -> None:
        super().__init__(each_epoch)
        self._reads = False
        self._told = False

    def read_rows(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, rows: list[EvaluatedRow]
    ) -> None:
        """Score and log; say once why not, where there is no OPSIN."""
        self._reads = reads_names(trainer, rows)
        has_names = any(row.output_notation == "iupac" for row in rows)
        if (
            has_names
            and not self._reads
            and self.is_on(trainer)
            and not self._told
            and trainer.is_global_zero
        ):
            self._told = True
            text = f"Round trip is left out, names are compared as text only: {why_unavailable() or 'no OPSIN on all ranks'}"
            Console().print(text, style="yellow", markup=False, soft_wrap=True)
        super().read_rows(trainer, pl_module, stage, rows)

    def score(self, rows: list[EvaluatedRow]) -> list[dict[str, float]]:
        """Return 0 or 1 for each notion; nothing for rows that are no names or cannot be judged."""
        return [
            {}
            if relation is None
            else {name: float(relation[of]) for name, of in NOTIONS.items()} | {"readable": readable}
            for relation, readable in self._judge(rows)
        ]

    def _judge(self, rows: Sequence[EvaluatedRow]) -> list[tuple[dict[str, bool] | None, float]]:
        named = [row for row in rows if row.output_notation == "iupac"] if self._reads else []
        molecules = molecules_of(named, with_names=True)
        found = {
            row.index: (relation, float(bool(of.prediction and of.prediction.smiles)))
            for row, of, relation in zip(named, molecules, relations_of(molecules), strict=True)
        }
        return [found.get(row.index, (None, 0.0)) for row in rows]


def reads_names(trainer: Trainer, rows: Sequence[EvaluatedRow]) -> bool:
    """Return whether the names of this evaluation are read: a `RoundTrip` measures it, and there is OPSIN on all ranks.

    Names that are asked are read, too, where there is no reference to judge the answers by.

    Every rank must call it, with its own rows; the answer is equal on all of them.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    if not any(isinstance(one, RoundTrip) and one.is_on(trainer) for one in callbacks):
        return False
    here = any(
        row.output_notation == "iupac" or (row.input_notation == "iupac" and row.target is None)
        for row in rows
    )
    if not trainer.strategy.reduce_boolean_decision(here, all=False):
        return False  # Java need not even start
    return trainer.strategy.reduce_boolean_decision(why_unavailable() is None)
