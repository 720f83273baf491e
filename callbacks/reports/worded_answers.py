"""Of the answers of a row those that are other wordings of its input."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from callbacks.reports.rerank import Checked, check, choose
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.wordings import Wording, compare_wordings


class Worded(NamedTuple):
    """An answer and how it is related to the input."""

    answer: Checked
    wording: Wording | None
    """None for rows that can have no other wording."""

    @property
    def counts(self) -> bool:
        """Whether it is another wording: whole and well-formed, another string, and not known to mean anything else."""
        return self.wording is not None and self.wording.counts and "valid" in self.answer.passes


def check_wordings(evaluation: Evaluation) -> list[list[Worded]]:
    """Return the different answers of each row, the own one first, checked without the reference.

    An answer in the notation of the input is `back` if it means the same; if it is known to mean another molecule, it has that
    as its doubt.
    """
    checked = check(evaluation)
    spread = [
        dataclasses.replace(row, prediction=answer.text)
        for row, answers in zip(evaluation.rows, checked, strict=True)
        for answer in answers
    ]
    wordings = iter(compare_wordings(evaluation.of(spread)))
    return [
        [_join(answer, next(wordings), row.output_notation) for answer in answers]
        for row, answers in zip(evaluation.rows, checked, strict=True)
    ]


def _join(answer: Checked, wording: Wording | None, notation: str) -> Worded:
    if wording is None or wording.kept is None:
        return Worded(answer, wording)
    if wording.kept:
        return Worded(answer._replace(passes=answer.passes | {"back"}), wording)
    doubt = "by OPSIN: not the same molecule" if notation == "iupac" else "not the same molecule"
    return Worded(answer._replace(doubt=None if answer.reason else answer.doubt or doubt), wording)


def choose_wording(answers: Sequence[Worded]) -> tuple[Checked, str]:
    """Return what `rerank.choose` does of the answers that are not the input, or of all if there is no such answer."""
    others = [one.answer for one in answers if one.wording is None or one.wording.other]
    return choose(others or [one.answer for one in answers])


def keep_wordings(answers: Sequence[Worded]) -> list[Checked]:
    """Return the answers that are other wordings, the most probable first."""
    return sorted((one.answer for one in answers if one.counts), key=lambda answer: -answer.score)
