"""The data module and the model as callbacks see them; callbacks import neither.

A trainer's own attributes for them are untyped, so callbacks use `evaluation_data` and `evaluated_model`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor

from callbacks.rows.evaluated_row import Stage
from datamodules.rows.row import Row
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import TrainingRecord
from datamodules.sources.rows import Rows
from datamodules.sources.tables.options import TableOptions
from datamodules.tasks import Task
from datamodules.texts.asking import Asking


class Format(Protocol):
    """How prompts and completions are laid out."""

    @property
    def name(self) -> str:
        """Its name in `--data.format`."""


class UnusedRow(Protocol):
    """A row that was skipped."""

    @property
    def line(self) -> int:
        """1-based line in its file."""

    @property
    def text(self) -> str:
        """The beginning of its text."""

    @property
    def reason(self) -> str:
        """Why it was skipped, in a few words."""


class EvaluationData(Protocol):
    """The evaluated rows and the training rows."""

    @property
    def tasks(self) -> Sequence[Task]:
        """The tasks, in the order given."""

    @property
    def task_names(self) -> list[str]:
        """The names of the tasks."""

    @property
    def held_out(self) -> list[str]:
        """The names of the tasks that are evaluated and never trained."""

    @property
    def form(self) -> Format:
        """The format of the prompts."""

    @property
    def asking(self) -> Asking:
        """How the model is asked."""

    @property
    def report(self) -> Mapping[str, Any]:
        """Counts of rows; `sources` holds the counts of each source by name."""

    @property
    def predict_path(self) -> str | None:
        """The file whose rows `predict` answers."""

    @property
    def predict_shard(self) -> str | None:
        """Which part of that file is answered, such as 3/16; None if all of it is."""

    @property
    def find_answered(self) -> list[Callable[[], NDArray[np.bool_]]]:
        """What callbacks add here returns which prompts of `predict` need no answer any more; all ranks call it together."""

    def hash_questions(self) -> str:
        """Return a hash of everything that `predict` asks."""

    def num_rows(self, stage: Stage) -> int:
        """Return how many rows a stage evaluates, over all ranks."""

    def num_asked(self, stage: Stage) -> int:
        """Return how many prompts a stage has: its rows, and behind them the further windows of long rows."""

    def asked_as(self, stage: Stage, index: int) -> list[int]:
        """Return the prompts by which a row is asked, by index."""

    def row(self, stage: Literal[Stage, "train"], index: int) -> Row:
        """Return a row of a stage by the index of a prompt that asks it."""

    def extract(self, stage: Literal[Stage, "train"], index: int, text: str) -> str:
        """Return the answer in a generated text, without the format's own text."""

    def affixes(self, stage: Stage, index: int) -> tuple[str, str]:
        """Return the format's text before and after a row's answer."""

    def answer_lengths(self, stage: Stage) -> NDArray[np.int64]:
        """Return the number of tokens of each evaluated row's target, (N,), including the stop token."""

    def set_aside(self, stage: str) -> Sequence[UnusedRow]:
        """Return the rows that were skipped."""

    @property
    def question_rows(self) -> Rows | None:
        """The rows of the file to predict with all their columns; None before it is read."""

    @property
    def table_options(self) -> TableOptions:
        """What the user says about files."""

    def find_token_pairs(self, side: str) -> NDArray[np.uint64]:
        """Return the different pairs of neighbouring tokens of a side's prompts."""

    def count_new_pairs(self, stage: str, known: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return how many pairs of each prompt of a stage, (P,), are none of the known ones."""

    def side_texts(self, side: str) -> list[SideTexts]:
        """Return the texts of a side's rows (train, val or test), file by file."""

    def iterate_texts(self, side: str) -> Iterator[SideTexts]:
        """Yield the same texts in blocks of rows, for what needs no other block."""

    def trained_texts(self, record: TrainingRecord) -> list[SideTexts]:
        """Return the texts of all rows, on any side, that a model was trained on by its record, file by file."""

    def all_texts(self) -> list[SideTexts]:
        """Return the texts of all usable rows of all tasks, on any side, file by file."""

    def note_losses(self, losses: Mapping[str, float], epoch: int) -> Mapping[str, float]:
        """Take the tasks' validation losses after an epoch; return the shares of the next one, or nothing if they are fixed."""

    def questions(self, stage: Stage, rows: Sequence[int]) -> Any:
        """Return some rows of an evaluation, by index, as one batch for the model."""


class Generation(Protocol):
    """The settings of generation: `--model.generation`."""

    @property
    def strategy(self) -> str:
        """How tokens are chosen: greedy, beam or sample."""

    @property
    def max_new_tokens(self) -> int:
        """Maximum number of tokens of an answer."""

    @property
    def only_valid(self) -> bool:
        """Whether answers are kept valid during generation."""

    @property
    def choice_score(self) -> str:
        """How the choices of a task are scored: sum, mean or pmi."""

    @property
    def only_from(self) -> str | None:
        """`input` if answers are spans of the input."""

    @property
    def block(self) -> float:
        """The share of the input's positions whose next token is forbidden, for other wordings; 0 forbids none."""

    @property
    def abstain_below(self) -> float | None:
        """The lowest probability at which an answer is given; None gives all."""


class Constraint(Protocol):
    """Restricts the answers that the model may generate."""

    @property
    def tries(self) -> int:
        """Most tokens tried in one step before the row is left free."""

    def may_go_on(self, text: str) -> bool:
        """Return whether a text can be a prefix of an answer."""

    def may_end(self, text: str) -> bool:
        """Return whether a text is a complete answer."""


class BaseFacts(Protocol):
    """Where a base comes from."""

    @property
    def name(self) -> str:
        """The value of `--model.base`."""

    @property
    def path(self) -> str:
        """A local folder or a Hub id; empty for a package's file."""

    @property
    def is_local(self) -> bool:
        """Whether the base is a folder on this machine."""

    @property
    def licence(self) -> str:
        """Licence of the weights, or `unknown`."""


class Risk(Protocol):
    """The settings of `--model.objective risk`."""

    @property
    def reward(self) -> str:
        """What candidates are rewarded for."""


class EvaluatedModel(Protocol):
    """The model being trained or evaluated."""

    reward_of: Callable[[list[int], list[str]], Sequence[float]] | None
    """Returns the rewards of texts that were generated for training rows, by index, for `objective` risk."""

    constraints_of: Callable[[list[int]], Sequence[Constraint | None]] | None
    """Returns the constraints of rows, by index, for `generation.only_valid`."""
    sources_of: Callable[[list[int]], Sequence[tuple[str, str] | None]] | None
    """Returns the format's text before the answer and the input of rows, by index, for `generation.block`."""

    @property
    def base(self) -> str:
        """The base from which it was fine-tuned."""

    @property
    def base_facts(self) -> BaseFacts:
        """Where the base comes from."""

    @property
    def generation(self) -> Generation:
        """Its settings of generation."""

    @property
    def tokenizer(self) -> Any:
        """Its transformers tokenizer."""

    @property
    def decoder(self) -> Any:
        """Its transformers decoder."""

    @property
    def average_weights(self) -> float | None:
        """The decay of the average of the weights that is evaluated and exported; None if there is no average."""

    @property
    def objective(self) -> str:
        """What training lowers: nll or risk."""

    @property
    def risk(self) -> Risk:
        """Its settings of `objective` risk."""

    @property
    def left_out(self) -> Tensor:
        """() bool: whether the last optimizer step was skipped because of a non-finite number."""

    def plain_decoder(self, weights: dict[str, Tensor]) -> tuple[Any, dict[str, Tensor]]:
        """Return a decoder that plain transformers can load, and `weights`, a state dict of `decoder`, converted to it."""

    def answer_untrained(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the base's answers to a batch, before any fine-tuning, with the keys of a step's outputs."""


def evaluation_data(trainer: Trainer) -> EvaluationData:
    """Return a trainer's data module."""
    datamodule: EvaluationData = trainer.datamodule  # type: ignore[attr-defined]
    return datamodule


def evaluated_model(pl_module: LightningModule) -> EvaluatedModel:
    """Return a Lightning module as callbacks see it."""
    model: Any = pl_module
    typed: EvaluatedModel = model
    return typed
