"""Verify and rerank: of several answers keep the first that passes a check which needs no reference, or abstain."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from lightning.pytorch import LightningModule, Trainer

from callbacks.metrics.row_reader import PartReader
from callbacks.rows.check_words import name_relation, name_unread
from callbacks.rows.evaluated_row import Stage, gather_by_index
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.outcomes import RIGHT
from callbacks.rows.structures import Structure, holds_structures, limit_relation, read_structures
from callbacks.run.run_facts import output_folder
from callbacks.statistics.intervals import mcnemar_exact, wilson_interval
from datamodules.notations._unicode import compose
from datamodules.storage.safe_csv import write_csv

RULES = {
    "own": "the strategy's own answer",
    "valid": "the most probable answer that is valid; a name that OPSIN reads",
    "formula": "the most probable answer with the molecular formula of the question",
    "back": "the most probable answer that is read back as the molecule of the question",
    "best": "a right answer if any is right: what no rule can exceed",
}
"""The rules, in words. `formula` and `back` are for names of structures; in `predict` also for structures of names."""

COLUMNS = ("task", "rule", "meaning", "different_answers", "rows", "right", "low", "high", "exact", "exact_low", "exact_high",
           "exact_gained", "exact_lost", "p", "verified", "right_of_verified", "verified_low", "verified_high")  # fmt: skip


class Checked(NamedTuple):
    """An answer, what it passes, and whether it is right."""

    score: float
    right: bool
    passes: frozenset[str]
    """The rules whose check it passes."""
    text: str = ""
    stopped: bool = True
    reason: str | None = None
    """Why it is not valid; of a name also why OPSIN cannot read it."""
    exact: bool = False
    """Whether it is exactly the target."""
    doubt: str | None = None
    """Why a name in the question or the answer does not stand for exactly one molecule, or that it is another one."""
    unread: bool = False
    """Whether it is a well-formed name that OPSIN cannot read."""

    @property
    def in_words(self) -> str | None:
        """The reason in words that say who gave it."""
        return name_unread(self.reason) if self.unread and self.reason else self.reason


class Reranked(NamedTuple):
    """What a rule made of a row."""

    right: bool
    """Whether its choice is right; where nothing passes, it is the own answer."""
    verified: bool
    """Whether anything passed."""
    exact: bool
    """Whether its choice is exactly the target. For names, `right` means that OPSIN reads them as the molecule, which `back`
    also checks; no rule checks this."""


def rerank(answers: Sequence[Checked], rule: str) -> Reranked:
    """Return what a rule makes of a row's answers, of which the first is the strategy's own.

    Examples:
        >>> own = Checked(score=-0.2, right=False, passes=frozenset({"valid"}))
        >>> other = Checked(score=-0.9, right=True, passes=frozenset({"valid", "back"}))
        >>> rerank([own, other], "own").right, rerank([own, other], "valid").right, rerank([own, other], "back").right
        (False, False, True)
    """
    if rule == "own":
        return Reranked(answers[0].right, True, answers[0].exact)
    passing = [answer for answer in answers if (answer.right if rule == "best" else rule in answer.passes)]
    chosen = max(
        passing, key=lambda answer: answer.score, default=answers[0]
    )  # the first of equally probable ones
    return Reranked(chosen.right, bool(passing), chosen.exact)


def tabulate(rows: Iterable[tuple[str, Sequence[Checked]]]) -> list[dict[str, Any]]:
    """Return a line for each task and rule that has answers to check, from (task, answers) of each row.

    `exact_gained` and `exact_lost` are rows that are exact with the rule and not with the own answer, and the other way round;
    `p` is of McNemar's exact test of the two.
    """
    tasks: dict[str, list[Sequence[Checked]]] = {}
    for task, answers in rows:
        tasks.setdefault(task, []).append(answers)
    lines = []
    for task, of_task in tasks.items():
        known = {"own", "best"}.union(*(answer.passes for answers in of_task for answer in answers))
        for rule in (rule for rule in RULES if rule in known):
            reranked = [rerank(answers, rule) for answers in of_task]
            checked = [one.right for one in reranked if one.verified]
            low, high = wilson_interval(sum(one.right for one in reranked), len(reranked))
            exact = sum(one.exact for one in reranked)
            pairs = [(one.exact, answers[0].exact) for one, answers in zip(reranked, of_task, strict=True)]
            gained, lost = pairs.count((True, False)), pairs.count((False, True))
            exact_low, exact_high = wilson_interval(exact, len(reranked))
            verified_low, verified_high = wilson_interval(sum(checked), len(checked))
            lines.append(
                {
                    "task": task, "rule": rule, "meaning": RULES[rule],
                    "different_answers": sum(map(len, of_task)) / len(of_task), "rows": len(of_task),
                    "right": sum(one.right for one in reranked) / len(reranked), "low": low, "high": high,
                    "exact": exact / len(reranked), "exact_low": exact_low, "exact_high": exact_high,
                    "exact_gained": gained, "exact_lost": lost, "p": mcnemar_exact(lost, gained),
                    "verified": len(checked) / len(reranked),
                    "right_of_verified": sum(checked) / len(checked) if checked else None,
                    "verified_low": verified_low, "verified_high": verified_high,
                }
            )  # fmt: skip
    return lines


def choose(answers: Sequence[Checked]) -> tuple[Checked, str]:
    """Return the answer to give, and the strictest check that it passes: `back`, `formula`, `valid` or nothing.

    It is the most probable one that passes the strictest check that any passes; where none does, the own answer.
    """
    for rule in ("back", "formula", "valid"):
        if passing := [answer for answer in answers if rule in answer.passes]:
            return max(passing, key=lambda answer: answer.score), rule
    return answers[0], ""


def name_verified(passed: str) -> str:
    """Return what verified an answer, of the strictest check that it passes: that it is well-formed verifies nothing.

    Examples:
        >>> [name_verified(passed) for passed in ("back", "formula", "valid", "")]
        ['back', 'formula', '', '']
    """
    return passed if passed in ("back", "formula") else ""


def check(evaluation: Evaluation) -> list[list[Checked]]:
    """Return the different answers of each row, the own one first, checked without the reference."""
    places, spread = [], []
    for place, row in enumerate(evaluation.rows):
        for text, score, stopped in different(row.candidates or [(row.prediction, row.score, row.stopped)]):
            places.append(place)
            spread.append(
                dataclasses.replace(row, prediction=text, score=score, stopped=stopped, candidates=())
            )
    answers = evaluation.of(spread)
    found: list[list[Checked]] = [[] for _ in evaluation.rows]
    judged = zip(places, spread, answers.outcomes, answers.invalid_reasons, _compare(answers), strict=True)
    for place, row, outcome, invalid, (relation, doubt) in judged:
        molecule = outcome.molecules.prediction
        reason = invalid or (molecule.reason if molecule else None)
        checks = {
            "valid": reason is None and row.stopped,
            "formula": relation["formula"],
            "back": relation["canonical"],
        }
        passes = frozenset(name for name, holds in checks.items() if holds)
        right, exact = outcome.name in RIGHT, outcome.name == "exact"
        found[place].append(
            Checked(
                row.score,
                right,
                passes,
                row.prediction,
                row.stopped,
                reason,
                exact,
                doubt,
                unread=row.output_notation == "iupac" and invalid is None and reason is not None,
            )
        )
    return found


def different(candidates: Sequence[tuple[str, float, bool]]) -> list[tuple[str, float, bool]]:
    """Return the answers with different texts, the first of each."""
    found: dict[str, tuple[str, float, bool]] = {}
    for candidate in candidates:
        found.setdefault(compose(candidate[0]), candidate)
    return list(found.values())


def _compare(evaluation: Evaluation) -> list[tuple[dict[str, bool], str | None]]:
    """Return how the answer's molecule is related to that of the question, where both are known and one is named.

    The second value is why a name in the question or the answer does not stand for exactly one molecule, or that it stands for
    another one.

    A structure made from a structure is not compared: it may be another one, such as a reaction's product. A name in the input
    is read only without a reference: OPSIN's reading is the reference in effect, so `back` would be right by definition.
    """
    rows, calls = evaluation.rows, evaluation.calls
    nothing = {"formula": False, "canonical": False}
    asked: list[Structure | None] = [None] * len(rows)
    comparable = [
        place
        for place, row in enumerate(rows)
        if (row.output_notation == "iupac" and holds_structures(row.input_notation))
        or (row.input_notation == "iupac" and holds_structures(row.output_notation) and row.target is None)
    ]
    for notation in {rows[place].input_notation for place in comparable}:
        places = [place for place in comparable if rows[place].input_notation == notation]
        inputs = [rows[place].meant for place in places]
        read = read_structures(calls, notation, inputs, evaluation.reads_names)
        for place, structure in zip(places, read, strict=True):
            asked[place] = structure
    answered = [molecules.prediction for molecules in evaluation.molecules]
    pairs = [
        (one.smiles, other.smiles) if one and one.smiles and other and other.smiles else None
        for one, other in zip(answered, asked, strict=True)
    ]
    known = iter(calls.call("smiles", "relate", [pair for pair in pairs if pair]))
    related = [next(known).value if pair else None for pair in pairs]
    found = []
    for compared, answer, question, row in zip(related, answered, asked, rows, strict=True):
        relation, doubt = compared or nothing, None
        if question and question.reason and row.input_notation == "iupac":
            doubt = f"OPSIN cannot read the question: {question.reason}"
        for side, one in (("question", question), ("answer", answer)):
            if question and one and one.warning:
                relation = limit_relation(relation, one.warning)
                doubt = doubt or f"OPSIN on the {side}: {one.warning}"
        if compared and doubt is None and not (compared["canonical"] or compared["formula"]):
            doubt = f"by OPSIN: {name_relation(compared)}"
        found.append((relation, doubt))
    return found


class Rerank(PartReader):
    """Writes `rerank.csv` at `test` when rows have several answers (`--model.generation.candidates 8`).

    For each rule it holds the share of rows with a right choice and, if the rule abstains where no answer passes, the share
    of answered rows and the share right among them. The checks see only the question and the answer, never the reference.
    Generating n answers takes n times as long; that is the cost.
    """

    stages = ("test",)

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[int, tuple[str, list[Checked]]] = {}

    def begin(self) -> None:
        """Drop the rows of an evaluation that was stopped."""
        self._found = {}

    def read_part(
        self, trainer: Trainer, pl_module: LightningModule, stage: Stage, evaluation: Evaluation
    ) -> None:
        """Check this rank's answers, if rows have several."""
        several = [row for row in evaluation.rows if len(row.candidates) > 1]
        checked = check(evaluation.of(several))
        self._found |= {row.index: (row.task, one) for row, one in zip(several, checked, strict=True)}

    def finish(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        """Gather all answers on rank 0, and write there."""
        found, self._found = self._found, {}
        items = gather_by_index(found)
        if trainer.is_global_zero and items:
            write_csv(output_folder(trainer) / "rerank.csv", COLUMNS, tabulate(items.values()))
