"""Whether a name parser reads a predicted name as the molecule of the input."""

from __future__ import annotations

from types import MappingProxyType

from lightning.pytorch import LightningModule, Trainer

from callbacks.loggers.terminal import say
from callbacks.metrics.row_metric import DetailedMetric
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.structures import RowMolecules
from datamodules.workers.opsin import why_unavailable

NOTIONS = {
    "round_trip": "canonical",
    "round_trip_tautomer": "tautomer",
    "round_trip_without_stereo": "without_stereo",
}
"""The metrics, the strictest first, and the relation of molecules (see `smiles.relate`) that each requires."""


class RoundTrip(DetailedMetric):
    """Share of predicted IUPAC names that OPSIN reads as the molecule of the input, with 95 % Wilson intervals.

    `round_trip` compares canonical SMILES. `round_trip_tautomer` compares InChIKeys, so that tautomers may count as equal.
    `round_trip_without_stereo` ignores stereo and isotopes. `readable` is the share of names that OPSIN reads as any
    molecule. An unreadable name is wrong. If the input is not a structure, the target name is read instead, and rows whose
    target cannot be read are left out.

    Needs Java and the extra `opsin`; without them it prints one line and leaves the metrics out. OPSIN reads all names of
    an evaluation in one batch, about a thousand per second.

    Args:
        each_epoch: Whether `fit` also measures after each epoch.
    """

    columns = (*NOTIONS, "readable")
    higher_is_better = MappingProxyType(dict.fromkeys(columns, True))
    interval = "wilson"

    def __init__(self, each_epoch: bool = False) -> None:
        super().__init__(each_epoch)
        self._warned = False

    def wants_names(self, trainer: Trainer) -> bool:
        """Return whether this evaluation is measured."""
        return self.is_on(trainer)

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Score; without OPSIN, print once why the metrics are left out."""
        has_names = any(row.output_notation == "iupac" for row in evaluation.rows)
        should_warn = has_names and not self._warned and trainer.is_global_zero
        if should_warn and self.is_on(trainer) and not evaluation.reads_names:
            self._warned = True
            text = f"Round trip is left out, names are compared as text only: {why_unavailable() or 'some ranks have no OPSIN'}"
            say(text, style="yellow")
        super().read_part(trainer, pl_module, stage, evaluation)

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return 0 or 1 for each notion; empty for rows that are not names or cannot be compared."""
        if not evaluation.reads_names:
            return [{} for _ in evaluation.rows]
        checked = zip(evaluation.rows, evaluation.molecules, evaluation.relations, strict=True)
        return [
            {name: float(relation[of]) for name, of in NOTIONS.items()} | {"readable": _is_read(molecules)}
            if relation is not None and row.output_notation == "iupac"
            else {}
            for row, molecules, relation in checked
        ]


def _is_read(molecules: RowMolecules) -> float:
    """Return 1 if the answer denotes a molecule, else 0."""
    return float(bool(molecules.prediction and molecules.prediction.smiles))
