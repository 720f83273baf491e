"""A data module and a model with scripted answers, as the callbacks see them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from callbacks.metrics.row_metric import RowMetric
from callbacks.rows.evaluated_row import EvaluatedRow, Stage
from callbacks.rows.evaluation import Evaluation
from callbacks.rows.protocols import Constraint
from datamodules.formats import InstructionFormat
from datamodules.rows.row import Row
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.training_record import TrainingRecord
from datamodules.sources.rows import Rows
from datamodules.sources.tables.options import TableOptions
from datamodules.tasks import Side, Task
from datamodules.texts.asking import Asking
from lightning_modules.generation.generate import GenerationSettings
from lightning_modules.training.risk_settings import RiskSettings


class Pair(NamedTuple):
    """An evaluated row and the model's scripted answer."""

    input: str
    target: str
    prediction: str
    task: str = "to_smiles"
    output_notation: str = "smiles"
    input_notation: str = "text"


class Aside(NamedTuple):
    line: int
    reason: str
    text: str


def batches_of(n: int, rank: int, world: int, size: int, repeat: bool) -> list[list[int]]:
    """This rank's batches of row indices: all ranks have equally many, completed with repeats or fillers (-1)."""
    shards = [list(range(n))[r::world] for r in range(world)]
    longest = max(len(shard) for shard in shards)
    shard = shards[rank]
    shard = shard + [(shard[0] if repeat and shard else -1)] * (longest - len(shard))
    return [shard[i : i + size] for i in range(0, longest, size)]


class StubData(LightningDataModule):
    def __init__(
        self,
        pairs: list[Pair],
        batch_size: int = 4,
        repeat: bool = False,
        aside: list[Aside] | None = None,
        predict_path: str | None = None,
        cells: dict[int, dict[str, str]] | None = None,
    ) -> None:
        super().__init__()
        self.cells = cells or {}
        self.pairs, self.batch_size, self.repeat = pairs, batch_size, repeat
        self.aside, self.predict_path = aside or [], predict_path
        self.predict_shard: str | None = None
        self.find_answered: list[Callable[[], NDArray[np.bool_]]] = []
        self.form = SimpleNamespace(name="not recorded")
        self.report = {"sources": {"pairs.csv": len(pairs)}}
        self.lines = [line for line in range(2, 10_000) if line not in {row.line for row in self.aside}]

    @property
    def task_names(self) -> list[str]:
        return list(dict.fromkeys(pair.task for pair in self.pairs))

    @property
    def held_out(self) -> list[str]:
        return []

    @property
    def asking(self) -> Asking:
        return Asking(tuple(self.tasks), InstructionFormat("arrow", "{{ input }} ->", " {{ output }}"))

    @property
    def question_rows(self) -> Rows | None:
        if not self.cells:
            return None
        lines = np.array(list(self.cells), dtype=np.int64)
        table = pa.Table.from_pylist(list(self.cells.values()))
        return Rows(table, lines, self.predict_path or "", [], False, len(lines))

    @property
    def table_options(self) -> TableOptions:
        return TableOptions()

    @property
    def tasks(self) -> list[Task]:
        return [
            Task(pair.task, Side("input", pair.input_notation), Side("output", pair.output_notation))
            for pair in {pair.task: pair for pair in reversed(self.pairs)}.values()
        ][::-1]

    def hash_questions(self) -> str:
        return repr((self.pairs, self.predict_path))

    def num_rows(self, stage: Stage) -> int:
        return len(self.pairs)

    def num_asked(self, stage: Stage) -> int:
        return len(self.pairs)

    def asked_as(self, stage: Stage, index: int) -> list[int]:
        return [index]

    def row(self, stage: Literal[Stage, "train"], index: int) -> Row:
        pair = self.pairs[index]
        target = None if stage == "predict" else pair.target
        notations = pair.input_notation, pair.output_notation
        return Row(index, pair.task, pair.input, target, *notations, line=self.lines[index])

    def extract(self, stage: Literal[Stage, "train"], index: int, text: str) -> str:
        return text.removesuffix("<end>")

    def affixes(self, stage: Stage, index: int) -> tuple[str, str]:
        return "", "<end>"

    def answer_lengths(self, stage: Stage) -> NDArray[np.int64]:
        return np.array([len(pair.target) for pair in self.pairs])

    def find_token_pairs(self, side: str) -> NDArray[np.uint64]:
        return np.arange(3, dtype=np.uint64)

    def count_new_pairs(self, stage: str, known: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The rows of this stub have so many pairs as their number says, from 0."""
        return np.maximum(np.arange(len(self.pairs)) + 1 - len(known), 0)

    def side_texts(self, side: str) -> list[SideTexts]:
        return []

    def iterate_texts(self, side: str) -> Iterator[SideTexts]:
        return iter(self.side_texts(side))

    def trained_texts(self, record: TrainingRecord) -> list[SideTexts]:
        return []

    def all_texts(self) -> list[SideTexts]:
        return []

    def note_losses(self, losses: Mapping[str, float], epoch: int) -> Mapping[str, float]:
        return {}

    def questions(self, stage: Stage, rows: Sequence[int]) -> Any:
        return make_batch(list(rows))

    def set_aside(self, stage: str) -> list[Aside]:
        return self.aside

    def _loader(self) -> DataLoader[Any]:
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        indices = batches_of(len(self.pairs), rank, world, self.batch_size, self.repeat)
        batches: Any = [make_batch(rows) for rows in indices]  # a list works as a dataset
        return DataLoader(batches, batch_size=None)

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader()

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader()

    def test_dataloader(self) -> DataLoader[Any]:
        return self._loader()

    def predict_dataloader(self) -> DataLoader[Any]:
        return self._loader()


def make_batch(rows: list[int]) -> dict[str, torch.Tensor]:
    """Row i has 2 prompt tokens, i % 3 + 1 supervised ones, and padding up to 5; a filler row only padding."""
    labels = torch.full((len(rows), 5), -100)
    for place, row in enumerate(rows):
        if row >= 0:
            labels[place, 2 : 3 + row % 3] = 7
    return {
        "input_ids": torch.ones(len(rows), 5, dtype=torch.int64),
        "labels": labels,
        "row_index": torch.tensor(rows),
        "prompt_ids": torch.tensor([[1, 3, 4]] * len(rows)),
        "prompt_mask": torch.tensor([[0, 1, 1]] * len(rows)),
    }


class Base(NamedTuple):
    """Where a base comes from."""

    name: str
    path: str = ""
    is_local: bool = False
    licence: str = "unknown"


BASE = Base("stub")


class ScriptedModel(LightningModule):
    """Answers every row with the prediction of its `Pair`; its training does not matter."""

    base = "stub"
    base_facts = BASE
    generation = GenerationSettings()
    average_weights: float | None = None
    objective = "nll"
    risk = RiskSettings()
    tokenizer: Any
    decoder: Any

    def __init__(self, pairs: list[Pair]) -> None:
        super().__init__()
        self.pairs = pairs
        self.left_out = torch.tensor(False)
        self.constraints_of: Callable[[list[int]], Sequence[Constraint | None]] | None = None
        self.reward_of: Callable[[list[int], list[str]], Sequence[float]] | None = None
        self.sources_of: Callable[[list[int]], Sequence[tuple[str, str] | None]] | None = None
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        loss = (self.weight - 1).square().sum()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> dict[str, Any]:
        index = batch["row_index"]
        return {
            "row_index": index,
            "prediction": [
                self.pairs[i].prediction + "<end>" if i >= 0 else "filler" for i in index.tolist()
            ],
            "score": -0.5 * index.float() - 1,
            "stopped": index % 2 == 0,
            "num_tokens": index + 1,
            "row_loss": 0.25 * (index.float() + 1) * (index + 2),
            "row_tokens": index + 2,
        }

    test_step = validation_step
    predict_step = validation_step

    def plain_decoder(self, weights: dict[str, torch.Tensor]) -> tuple[Any, dict[str, torch.Tensor]]:
        return self.decoder, weights

    def answer_untrained(self, batch: Any) -> dict[str, Any]:
        return {"prediction": ["" for _ in batch["row_index"]]}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def make_trainer(folder: Path, callbacks: list[Any], **options: Any) -> Trainer:
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
        "use_distributed_sampler": False,
    }
    return Trainer(default_root_dir=folder, callbacks=callbacks, **{**defaults, **options})


def read_axes(folder: Path) -> dict[str, tuple[str, str | None]]:
    """Return each metric's x axis in the W&B run in `folder`, and whether its summary keeps the maximum or minimum."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    from tests.helpers.wandb_files import read_records

    axes = {}
    for path in folder.glob("wandb/offline-run-*/run-*.wandb"):
        for content in read_records(path):
            record = Record.FromString(content)
            if record.WhichOneof("record_type") == "metric":
                summary = record.metric.summary
                best = "max" if summary.max else "min" if summary.min else None
                axes[record.metric.name] = (record.metric.step_metric, best)
    return axes


def finish_wandb(folder: Path) -> list[Path]:
    """Finish the W&B run and return the files of the runs in `folder`, once they are written.

    `wandb.finish()` returns from an offline run before its file is on disk (seen in 4 of 8 runs on a busy machine).
    """
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    from tests.helpers.wandb_files import read_records

    def is_whole(path: Path) -> bool:
        content = path.read_bytes() and list(read_records(path))
        return bool(content) and Record.FromString(content[-1]).WhichOneof("record_type") == "exit"

    wandb.finish()
    deadline = time.monotonic() + 120
    while not all(is_whole(path) for path in folder.glob("wandb/offline-run-*/run-*.wandb")):
        assert time.monotonic() < deadline, "the W&B run was never written"
        time.sleep(0.05)
    return sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))


def make_row(prediction: str, target: str, notation: str = "smiles", index: int = 0) -> EvaluatedRow:
    """Return an evaluated row that differs from others only in its texts."""
    return EvaluatedRow(index, "t", "in", target, "text", notation, prediction, -1.0, True, 3)


def score_rows(metric: RowMetric, *rows: tuple[str, ...]) -> list[dict[str, float]]:
    """Return the scores of rows, each given as prediction, target and optional notation."""
    evaluated = [
        make_row(prediction, target, notation[0] if notation else "smiles", index)
        for index, (prediction, target, *notation) in enumerate(rows)
    ]
    return metric.score(Evaluation(evaluated))
