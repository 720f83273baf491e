"""What callbacks see of the data module and of the model; they import neither.

A trainer's own attributes for them are untyped, so callbacks get them by `evaluation_data` and `evaluated_model`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor

from callbacks.rows.evaluated_row import Stage
from datamodules.rows.row import Row
from datamodules.rows.side_texts import SideTexts
from datamodules.tasks import Task


class Format(Protocol):
    """How prompts and completions are laid out."""

    @property
    def name(self) -> str:
        """As `--data.format` names it."""


class UnusedRow(Protocol):
    """A row that is not used."""

    @property
    def line(self) -> int:
        """1-based line in its file."""

    @property
    def text(self) -> str:
        """Its beginning."""

    @property
    def reason(self) -> str:
        """What is wrong, in a few words."""


class EvaluationData(Protocol):
    """The rows that are evaluated, and those that were trained on."""

    @property
    def tasks(self) -> Sequence[Task]:
        """The tasks, in the order given."""

    @property
    def task_names(self) -> list[str]:
        """Their names."""

    @property
    def form(self) -> Format:
        """The format of the prompts."""

    @property
    def report(self) -> Mapping[str, Any]:
        """Counts of rows; `sources` has those of each source by its name."""

    @property
    def predict_path(self) -> str | None:
        """The file to predict."""

    def num_rows(self, stage: Stage) -> int:
        """Return how many rows a stage evaluates, over all ranks."""

    def row(self, stage: Literal[Stage, "train"], index: int) -> Row:
        """Return a row of a stage by its index."""

    def extract(self, stage: Stage, index: int, text: str) -> str:
        """Return the answer that a generated text holds, without the format's own words."""

    def affixes(self, stage: Stage, index: int) -> tuple[str, str]:
        """Return what the format has before and after a row's answer."""

    def answer_lengths(self, stage: Stage) -> NDArray[np.int64]:
        """Return how many tokens the target of each evaluated row has, (N,), the stop token included."""

    def set_aside(self, stage: str) -> Sequence[UnusedRow]:
        """Return the rows that could not be used."""

    def side_texts(self, side: str) -> list[SideTexts]:
        """Return the texts of the rows of a side (train, val or test), file by file."""

    def questions(self, stage: Stage, rows: Sequence[int]) -> Any:
        """Return some rows of an evaluation, by their index, in one batch for the model."""


class Generation(Protocol):
    """How answers are generated: `--model.generation`."""

    @property
    def max_new_tokens(self) -> int:
        """Most tokens of an answer."""

    @property
    def only_valid(self) -> bool:
        """Whether answers are kept valid while they are written."""

    @property
    def abstain_below(self) -> float | None:
        """The least probability of an answer that is given; None gives all."""


class Constraint(Protocol):
    """Says what an answer may be."""

    def may_go_on(self, text: str) -> bool:
        """Return whether an answer may begin with a text."""

    def may_end(self, text: str) -> bool:
        """Return whether a text is an answer."""


class EvaluatedModel(Protocol):
    """The model that is trained and evaluated."""

    constraints_of: Callable[[list[int]], Sequence[Constraint | None]] | None
    """Gives the constraints of rows, by their index, for `generation.only_valid`."""

    @property
    def base(self) -> str:
        """What it was fine-tuned from."""

    @property
    def generation(self) -> Generation:
        """How it answers."""

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer, of transformers."""

    @property
    def decoder(self) -> Any:
        """Its decoder, of transformers."""

    @property
    def left_out(self) -> Tensor:
        """() bool: whether the last optimizer step was left out because a number in it was not finite."""

    def plain_decoder(self, weights: dict[str, Tensor]) -> tuple[Any, dict[str, Tensor]]:
        """Return a decoder that plain transformers knows, and `weights`, a state dict of `decoder`, for it."""

    def answer_untrained(self, batch: dict[str, Any]) -> list[str]:
        """Return what the base writes to the prompts of a batch before any fine-tuning."""


def evaluation_data(trainer: Trainer) -> EvaluationData:
    """Return a trainer's data module."""
    datamodule: EvaluationData = trainer.datamodule  # type: ignore[attr-defined]
    return datamodule


def evaluated_model(pl_module: LightningModule) -> EvaluatedModel:
    """Return a trainer's model, as callbacks see it."""
    model: Any = pl_module
    typed: EvaluatedModel = model
    return typed
