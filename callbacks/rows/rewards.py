"""Rewards of answers in [0, 1] by the checks that also judge an evaluation: for training on a model's own answers.

A `Reward` is a function of texts, so that training and commands can use it alike; it knows no model and no trainer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from callbacks.rows.evaluated_row import EvaluatedRow
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.notation_calls import NotationCalls
from callbacks.rows.outcomes import RIGHT
from callbacks.rows.structures import holds_structures, read_structures
from datamodules.notations._unicode import compose
from datamodules.tasks import Task
from datamodules.workers.opsin import how_to_read_names

REWARDS = {
    "right": "1 for the molecule, value or text of the reference, by the output's notation",
    "valid": "1 for a well-formed answer; of names, for one that OPSIN reads",
    "similarity": "Tanimoto similarity of molecules (Morgan, radius 2); of other texts 1 - edit distance / longer length",
    "formula": "1 for the molecular formula of the reference, or of the input where that tells it",
}
"""The rewards in words."""

_ANYTHING = ("text", "answer")
"""Notations in which any text but an empty one is well-formed."""
_OF_ONE = ("similarity", "formula")
"""Rewards that compare an answer with one right output."""

Reward = Callable[[Task, Sequence[str], Sequence[Sequence[str]], Sequence[str]], NDArray[np.float64]]
"""Takes a task, N inputs as their notation reads them, the right outputs of each (none without a reference), and N answers.
Returns (N,) rewards in [0, 1], NaN where nothing tells the right answer."""


@dataclass(frozen=True)
class CheckedReward:
    """The `Reward` of a name in `REWARDS`.

    An answer that cannot be read, or not in time, gets 0. OPSIN reads all names of a call in one batch; `check_reward` says
    beforehand whether it is there.

    Examples:
        >>> from datamodules.tasks import Side
        >>> task = Task("draw", Side("name", "iupac"), Side("smiles", "smiles"))
        >>> reward = CheckedReward("right")
        >>> reward(task, ["ethanol"] * 3, [["CCO"]] * 3, ["OCC", "CCN", "C("]).tolist()
        [1.0, 0.0, 0.0]
        >>> reward.calls.close()
    """

    name: str
    """One of `REWARDS`."""
    calls: NotationCalls = field(default_factory=NotationCalls)
    """The calls to notations, which keep their results; close them in the end."""

    def __post_init__(self) -> None:
        refuse_unknown(self.name)

    def __call__(
        self,
        task: Task,
        inputs: Sequence[str],
        references: Sequence[Sequence[str]],
        answers: Sequence[str],
    ) -> NDArray[np.float64]:
        """Return the rewards (N,) of N answers; see `Reward`."""
        if not answers:
            return np.zeros(0)
        known = fill_references(self.calls, self.name, task, inputs, references)
        rows, starts = list[EvaluatedRow](), list[int]()
        for text, targets, answer in zip(inputs, known, answers, strict=True):
            starts.append(len(rows))
            # What compares with one right output is asked about each of them.
            each = [(one,) for one in targets] if self.name in _OF_ONE else [tuple(targets)]
            for right in each or [()]:
                rows.append(
                    EvaluatedRow(
                        len(rows), task.name, text, right[0] if right else None, task.input.notation,
                        task.output.notation, answer, 0.0, True, 0, others=tuple(right[1:]),
                    )
                )  # fmt: skip
        evaluation = Evaluation(rows, self.calls, reads_names=task.output.notation == "iupac")
        judged = np.array(_JUDGES[self.name](evaluation), dtype=np.float64)
        best: NDArray[np.float64] = np.fmax.reduceat(judged, starts)
        return best


def refuse_unknown(name: str) -> None:
    """Raise ValueError if no reward has a name.

    Examples:
        >>> refuse_unknown("nice")
        Traceback (most recent call last):
        ValueError: Expected a reward of right, valid, similarity, formula, but got 'nice'.
    """
    if name not in REWARDS:
        raise ValueError(f"Expected a reward of {', '.join(REWARDS)}, but got {name!r}.")


def check_reward(name: str, task: Task, has_references: bool = True) -> None:
    """Raise ValueError if a reward can judge no answer of a task here, before any answer is made.

    Args:
        name: The reward.
        task: The task.
        has_references: Whether the rows have right outputs.
    """
    refuse_unknown(name)
    kinds = f"{task.name} ({task.input.notation} to {task.output.notation})"
    if name == "valid" and task.output.notation in _ANYTHING:
        raise ValueError(
            f"Expected a task whose answers can be not well-formed for the reward valid, but got {kinds}, where any text is. "
            "Take right or similarity."
        )
    if name == "formula" and not (
        _holds_molecules(task.output.notation) or task.output.notation == "formula"
    ):
        raise ValueError(
            f"Expected a task with molecules, names or formulas as answers for the reward formula, but got {kinds}. "
            "Take right, valid or similarity."
        )
    if name != "valid" and not has_references and not _input_tells(task):
        other = "" if task.output.notation in _ANYTHING else ", or take the reward valid"
        raise ValueError(
            f"Expected rows with references for the reward {name}, since the inputs of {kinds} do not tell the right answer, "
            f"but they have none. Give a table with the output column{other}."
        )
    needs_names = task.output.notation == "iupac" or (
        name != "valid" and not has_references and task.input.notation == "iupac"
    )
    if needs_names and (how := how_to_read_names()) is not None:
        raise ValueError(
            f"Expected OPSIN for the reward {name} of {kinds}, which reads names, but it is not here: {how}."
        )


def _holds_molecules(notation: str) -> bool:
    """Return whether texts of a notation mean molecules, names included."""
    return holds_structures(notation) or notation == "iupac"


def _input_tells(task: Task) -> bool:
    """Return whether an input tells the right answer: a name for a structure, a structure for a name, either for a formula.

    A structure made from a structure may be another molecule, such as a reaction's product.
    """
    given, made = task.input.notation, task.output.notation
    by_name = _holds_molecules(made) and (given == "iupac") != (made == "iupac")
    return _holds_molecules(given) and (made == "formula" or by_name)


def fill_references(
    calls: NotationCalls, name: str, task: Task, inputs: Sequence[str], references: Sequence[Sequence[str]]
) -> list[Sequence[str]]:
    """Return the right outputs of each input; where none is given, one made of the input if a reward needs it.

    A name becomes a structure only if it fits exactly one molecule; for formulas any reading does. A structure stays without a
    name: answered names are compared with the structure itself.

    Args:
        calls: The calls to notations.
        name: The reward.
        task: Its notations.
        inputs: N inputs.
        references: N lists of right outputs.
    """
    wanted = [text for text, given in zip(inputs, references, strict=True) if not given]
    output = task.output.notation
    if not wanted or name == "valid" or output == "iupac" or not _input_tells(task):
        return list(references)
    texts = list(dict.fromkeys(wanted))
    counts_atoms = name == "formula" or output == "formula"
    read = read_structures(calls, task.input.notation, texts, with_names=True)
    smiles = {
        text: one.smiles
        for text, one in zip(texts, read, strict=True)
        if one and one.smiles and (counts_atoms or one.warning is None)
    }
    if output != "smiles":
        made = calls.call(output, "from_smiles", [(found,) for found in smiles.values()])
        smiles = {text: one.value for text, one in zip(smiles, made, strict=True) if one.value}
    return [
        given or ([smiles[text]] if text in smiles else [])
        for text, given in zip(inputs, references, strict=True)
    ]


def _judge_right(evaluation: Evaluation) -> list[float]:
    return [
        math.nan if not known else float(bool(row.prediction) and outcome.name in RIGHT)
        for row, outcome, known in zip(
            evaluation.rows, evaluation.outcomes, _are_known(evaluation), strict=True
        )
    ]


def _judge_valid(evaluation: Evaluation) -> list[float]:
    return [
        float(reason is None and (one.prediction is None or one.prediction.smiles is not None))
        for reason, one in zip(evaluation.invalid_reasons, evaluation.molecules, strict=True)
    ]


def _judge_similarity(evaluation: Evaluation) -> list[float]:
    if not _holds_molecules(evaluation.rows[0].output_notation):
        return [
            max(
                (
                    Levenshtein.normalized_similarity(compose(row.prediction), compose(one))
                    for one in row.targets
                ),
                default=math.nan,
            )
            for row in evaluation.rows
        ]
    pairs = [
        ((one.prediction.smiles if one.prediction else None) or "", one.reference or "")
        for one in evaluation.molecules
    ]
    readable = [pair for pair in dict.fromkeys(pairs) if all(pair)]
    similarities = evaluation.calls.similarities("smiles", readable)
    found = {pair: (one or {}).get("morgan", 0.0) for pair, one in zip(readable, similarities, strict=True)}
    return [
        math.nan if not (known and pair[1]) else found.get(pair, 0.0)
        for pair, known in zip(pairs, _are_known(evaluation), strict=True)
    ]


def _judge_formula(evaluation: Evaluation) -> list[float]:
    known = _are_known(evaluation)
    if evaluation.rows[0].output_notation == "formula":
        same = [float(same["composition"]) for same in evaluation.sameness]
    else:
        same = [math.nan if one is None else float(one["formula"]) for one in evaluation.relations]
    return [value if known[place] else math.nan for place, value in enumerate(same)]


def _are_known(evaluation: Evaluation) -> list[bool]:
    """Return for each row whether a reference, or the structure that a name is asked for, tells what is right."""
    return [
        row.target is not None or (row.output_notation == "iupac" and molecules.reference is not None)
        for row, molecules in zip(evaluation.rows, evaluation.molecules, strict=True)
    ]


_JUDGES = {
    "right": _judge_right,
    "valid": _judge_valid,
    "similarity": _judge_similarity,
    "formula": _judge_formula,
}
