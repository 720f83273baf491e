"""One evaluation: this rank's rows and the results of checking them, each computed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.outcomes import Outcome, find_outcomes
from callbacks.rows.structures import RowMolecules, find_molecules, find_relations
from callbacks.rows.training_molecules import TrainingMolecules
from callbacks.rows.verdicts import judge_sameness, judge_similarity, judge_validity


class Evaluation:
    """Rows and the results of checking them, each computed on first use and kept.

    Nothing here communicates with other ranks. Values on which all ranks must agree are arguments.

    Examples:
        >>> rows = [EvaluatedRow(0, "t", "ethanol", "CCO", "text", "smiles", "OCC", -0.1, True, 4)]
        >>> Evaluation(rows).outcomes[0].name
        'equivalent'

    Args:
        rows: This rank's rows in index order.
        calls: The calls to notations; by default new ones.
        training: The training rows; by default none.
        reads_names: Whether OPSIN reads IUPAC names, equal on all ranks.
        abstain_below: The lowest probability at which an answer is given; None gives all.
        prompts: The index of each row's prompt: the row's own, by default, unless it is one of several windows.
    """

    def __init__(
        self,
        rows: Sequence[EvaluatedRow],
        calls: NotationCalls | None = None,
        training: TrainingMolecules | None = None,
        *,
        reads_names: bool = False,
        abstain_below: float | None = None,
        prompts: Sequence[int] | None = None,
    ) -> None:
        self.rows = list(rows)
        self.prompts = [row.index for row in self.rows] if prompts is None else list(prompts)
        self.calls = calls or NotationCalls()
        self.training = training or TrainingMolecules(list, self.calls.pool)
        self.reads_names, self.abstain_below = reads_names, abstain_below

    def of(self, rows: Sequence[EvaluatedRow]) -> Evaluation:
        """Return the evaluation of other rows, such as further candidates, with the same settings."""
        return Evaluation(
            rows,
            self.calls,
            self.training,
            reads_names=self.reads_names,
            abstain_below=self.abstain_below,
        )

    @cached_property
    def invalid_reasons(self) -> list[str | None]:
        """For each row why its prediction is invalid in its output notation; None if it is valid."""
        return judge_validity(self.calls, self.rows)

    @cached_property
    def sameness(self) -> list[dict[str, bool]]:
        """For each row whether prediction and target are the same, by each notion of its notation."""
        return judge_sameness(self.calls, self.rows)

    @cached_property
    def similarities(self) -> list[dict[str, float] | None]:
        """For each row its similarities in [0, 1] by fingerprint; None if its notation has none."""
        return judge_similarity(self.calls, self.rows)

    @cached_property
    def molecules(self) -> list[RowMolecules]:
        """For each row its molecules; OPSIN reads all names in one batch."""
        return find_molecules(self.calls, self.rows, self.reads_names)

    @cached_property
    def relations(self) -> list[dict[str, bool] | None]:
        """For each row how the answer's molecule is related to the reference; None if it is not read or there is none."""
        return find_relations(self.calls, self.molecules)

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """For each row its outcome."""
        return find_outcomes(self.rows, self.sameness, self.invalid_reasons, self.molecules, self.relations)
