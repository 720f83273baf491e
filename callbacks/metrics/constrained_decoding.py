"""Constrained decoding: each prefix of an answer must be able to become valid, or to become a span of the input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, ClassVar

from lightning.pytorch import LightningModule, Trainer

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluated_row import Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.protocols import EvaluationData, evaluated_model, evaluation_data
from datamodules.notations.lookup import load_notation
from datamodules.rows.row import Row
from datamodules.stages import evaluated_rows

TRIES = 64
"""Tokens tried in one step of a row that must become valid; each try checks the row's text once."""
ALL_TOKENS = 1_000_000
"""Tokens tried in one step of a span: some token continues it, however improbable."""


@dataclass(frozen=True)
class Framed:
    """The constraint on an answer inside a format's own text, as `InstructionFormat.extract` reads it."""

    before: str
    after: str
    """The format's text before and after the answer, without white space at the ends."""
    goes_on: Callable[[str], bool]
    """Whether a text can be a prefix of a valid answer."""
    ends: Callable[[str], bool]
    """Whether a text is a valid answer."""
    tries: int = TRIES
    """Most tokens tried in one step before the row is left free."""

    def may_go_on(self, text: str) -> bool:
        """Return whether `text` can be continued to a valid answer inside the format's text."""
        text = text.lstrip()
        if not text.startswith(self.before):
            return self.before.startswith(text)
        body = text.removeprefix(self.before).lstrip()
        if self.goes_on(body):
            return True
        # The answer may be complete: then a prefix of `after`, or the space before it, follows.
        parts = [self.after[:length] for length in range(len(self.after) + 1)] if self.after else []
        return any(body.endswith(part) and self.ends(body.removesuffix(part).rstrip()) for part in parts)

    def may_end(self, text: str) -> bool:
        """Return whether `text` is a valid answer inside the format's text."""
        text = text.strip()
        framed = text.startswith(self.before) and text.endswith(self.after)
        return framed and self.ends(text.removeprefix(self.before).removesuffix(self.after).strip())


class ConstrainedDecoding(RowMetric):
    """Keeps answers valid with `--model.generation.only_valid true`, or spans of the input with `only_from input`.

    `only_valid` applies to tasks with a SMILES output: partialsmiles (the extra `constrained`) checks each prefix, and RDKit
    the complete answer. Spans apply to answers that are text. Other rows are unconstrained. `steered` is the share of rows
    in which a token was replaced. `gave_up` is the share of rows in which none of the 64 most probable tokens was allowed,
    so that the rest was generated without the constraint. Without the flags it does nothing.
    """

    columns = ("steered", "gave_up")
    higher_is_better = MappingProxyType({"gave_up": False})
    interval = "wilson"
    stages: ClassVar[tuple[Stage, ...]] = ("val", "test")

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the model the constraints of its rows.

        Raises:
            ValueError: If partialsmiles is not installed, or no task has an output with constraints.
        """
        super().setup(trainer, pl_module, stage)
        model = evaluated_model(pl_module)
        datamodule = evaluation_data(trainer)
        if model.generation.only_from is not None:
            kinds = {
                task.name: "choices" if task.choices else task.output.notation for task in datamodule.tasks
            }
            if not set(kinds.values()) & set(SPANS):
                raise ValueError(
                    "Expected a task with answers in the notation text or answer for --model.generation.only_from, but got "
                    f"{', '.join(f'{task} ({kind})' for task, kind in kinds.items())}. Leave the flag out."
                )
            model.constraints_of = partial(find_spans, datamodule, evaluated_rows(stage))
        if not model.generation.only_valid:
            return
        notations = {task.name: task.output.notation for task in datamodule.tasks}
        if not any(hasattr(load_notation(name), "may_go_on") for name in notations.values()):
            raise ValueError(
                "Expected a task with a SMILES output for --model.generation.only_valid true, but got "
                f"{', '.join(f'{task} ({name})' for task, name in notations.items())}. Leave the flag out."
            )
        if find_spec("partialsmiles") is None:
            raise ValueError(
                "Expected the package partialsmiles for --model.generation.only_valid true, but it is not installed: "
                'pip install -e ".[constrained]"'
            )
        model.constraints_of = partial(find_constraints, datamodule, evaluated_rows(stage))

    def score(self, evaluation: Evaluation) -> list[dict[str, float]]:
        """Return `steered` and `gave_up` of each row; empty for unconstrained rows."""
        return [
            {"steered": float(row.replaced != 0), "gave_up": float(row.replaced < 0)}
            if row.replaced is not None
            and (row.output_notation in SPANS or hasattr(load_notation(row.output_notation), "may_go_on"))
            else {}
            for row in evaluation.rows
        ]


SPANS = ("text", "answer")
"""The notations of outputs that can be spans of an input."""
_WORD_START = re.compile(r"(?<!\w)\S")


@dataclass(frozen=True)
class Spans:
    """The spans of a text that begin and end with whole words.

    Examples:
        >>> spans = Spans("Anna has a red hat.")
        >>> spans.may_begin("a r"), spans.may_begin("hat red"), spans.is_span("red"), spans.is_span("re")
        (True, False, True, False)
    """

    text: str

    @cached_property
    def _starts(self) -> list[int]:
        return [found.start() for found in _WORD_START.finditer(self.text)]

    def _ends(self, part: str) -> Iterator[int]:
        return (start + len(part) for start in self._starts if self.text.startswith(part, start))

    def may_begin(self, part: str) -> bool:
        """Return whether a span can begin with `part`."""
        return any(True for _ in self._ends(part))

    def is_span(self, part: str) -> bool:
        """Return whether `part` is a span."""
        cut = part[-1:].isalnum()
        return bool(part) and any(
            not (cut and self.text[end : end + 1].isalnum()) for end in self._ends(part)
        )


def find_spans(datamodule: EvaluationData, stage: Stage, rows: list[int]) -> list[Framed | None]:
    """Return the constraint of each row index of a stage to spans of its input, or of the window that is asked; None else."""
    found: list[Framed | None] = []
    for index in rows:
        row = datamodule.row(stage, index) if index >= 0 else None
        if row is None or row.choices or row.output_notation not in SPANS:
            found.append(None)
            continue
        before, after = (affix.strip() for affix in datamodule.affixes(stage, index))
        spans = Spans(row.input if row.asked is None else row.asked)
        found.append(Framed(before, after, spans.may_begin, spans.is_span, ALL_TOKENS))
    return found


def find_constraints(datamodule: EvaluationData, stage: Stage, rows: list[int]) -> list[Framed | None]:
    """Return the constraint of each row index of a stage; None for filler rows (-1) and outputs without constraints."""
    found: list[Framed | None] = []
    for index in rows:
        row = datamodule.row(stage, index) if index >= 0 else None
        notation = None if row is None else load_notation(row.output_notation)
        if row is None or not hasattr(notation, "may_go_on"):
            found.append(None)
            continue
        before, after = (affix.strip() for affix in datamodule.affixes(stage, index))
        found.append(Framed(before, after, *_constrain(row, notation)))
    return found


def _constrain(row: Row, notation: Any) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
    """Return whether a text can be a prefix of a row's valid answer, and whether it is one; an answer may stand in a gap."""
    return (
        lambda text: bool(notation.may_go_on(row.around[0] + text)),
        lambda text: bool(notation.may_end(row.complete(text))),
    )
