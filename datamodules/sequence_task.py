"""SequenceTaskDataModule: connects source, task, split, format, tokens and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as distributed
from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from datamodules.epoch_checks import (
    check_batches_left,
    check_interval,
    counts_batches,
    limit_batches,
)
from datamodules.fit_position import FitPosition, find_position
from datamodules.formats import InstructionFormat
from datamodules.limits import parse_shard, refuse_below
from datamodules.rows import data_report
from datamodules.rows.guess_notations import Guess
from datamodules.rows.guess_words import blame, suspect
from datamodules.rows.row import Row
from datamodules.rows.side_texts import SideTexts, texts_by_task
from datamodules.rows.training_record import TrainingRecord, trained_texts
from datamodules.sources.rows import Rows, SetAside
from datamodules.sources.tables.options import TableOptions
from datamodules.stages import SIDES, EvalStage
from datamodules.task_data import TaskData
from datamodules.tasks import Task, keep_asked
from datamodules.texts.asking import Asking
from datamodules.texts.contents import Contents, describe_training
from datamodules.tokens.batching import (
    Batch,
    BatchDataset,
    RankSampler,
    drop_answered,
    leave_signals_to_parent,
    plan_evaluation,
)
from datamodules.tokens.epoch_batches import TrainingBatches
from datamodules.tokens.preview import render_preview
from datamodules.tokens.token_pairs import count_new, find_pairs
from datamodules.workers.cores import count_cores


class SequenceTaskDataModule(LightningDataModule):
    """Turns a table of pairs into batches for a decoder language model.

    `TaskData` provides the rows and their tokens, and declares the flags that select them.

    Args:
        tokenizer: The base's tokenizer; on the command line it comes from the model.
        batch_size: Rows per step on each rank, before gradient accumulation.
        eval_batch_size: Rows decoded at once on each rank during validation, test and prediction.
        packing: Pack several rows into one sequence instead of padding each row; the loss is the same.
        num_workers: Number of worker processes that collate batches; use 0 for small models on a CPU.
        predict_path: File with the inputs for `predict`.
        predict_shard: Answer only a part of that file's rows, `3/16` the third sixteenth, and write it to a file of its own
            (new-03-of-16.csv), for jobs of an array. Default: all rows.
        settings: The flags of `TaskData`.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        batch_size: int = 32,
        eval_batch_size: int = 64,
        packing: bool = False,
        num_workers: int = 0,
        predict_path: str | None = None,
        predict_shard: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        refuse_below(batch_size=batch_size, eval_batch_size=eval_batch_size, num_workers=num_workers)
        self.data = TaskData(tokenizer, **settings)
        loss_on, shots = self.data.drawing.loss_on, self.data.drawing.most_shots
        if not self.form.asks and (loss_on != "all" or shots):
            raise ValueError(
                f"--data.format {self.form.name} asks nothing, so it needs --data.loss_on all and --data.shots 0; "
                f"got loss_on {loss_on!r} and shots {shots}."
            )
        self.loss_on, self.predict_path, self.num_workers = loss_on, predict_path, num_workers
        self.batch_size, self.eval_batch_size, self.packing = batch_size, eval_batch_size, packing
        if predict_shard is not None:
            parse_shard(predict_shard)
        self.predict_shard = predict_shard
        # Callbacks add what tells which prompts of `predict` have their answers; all ranks ask together.
        self.find_answered: list[Callable[[], NDArray[np.bool_]]] = []
        self.position = FitPosition()
        self._shared_guesses = False

    # The callbacks' view of the rows; `questions` and `predict_path` belong to it, too.

    @property
    def tasks(self) -> list[Task]:
        """The tasks, in the order given."""
        return self.data.tasks

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks, in the order given."""
        return self.data.task_names

    @property
    def held_out(self) -> list[str]:
        """Names of the tasks of weight 0, which are evaluated and never trained."""
        return self.data.held_out

    @property
    def form(self) -> InstructionFormat:
        """The instruction format."""
        return self.data.form

    @property
    def guesses(self) -> list[Guess]:
        """The notations that were guessed from the cells."""
        return self.data.guesses

    @property
    def asking(self) -> Asking:
        """How the model is asked."""
        tasks, conditions = tuple(keep_asked(self.data.tasks)), self.report.get("conditions", {})
        known = {task.name: list(conditions[task.name]) for task in tasks if task.name in conditions}
        return Asking(
            tasks, self.form, self.data.drawing.most_shots, known if self.form.uses_condition else {}
        )

    @property
    def report(self) -> dict[str, Any]:
        """Counts of rows, as in `data.json`."""
        return self.data.report

    def num_rows(self, stage: EvalStage) -> int:
        """Return the number of rows that a stage evaluates."""
        return self.data.sides[stage].num_rows

    def num_asked(self, stage: EvalStage) -> int:
        """Return the number of prompts of a stage: its rows, and behind them the further windows of long rows."""
        return len(self.data.sides[stage].places)

    def asked_as(self, stage: EvalStage, index: int) -> list[int]:
        """Return the prompts by which a row is asked, by index: its own, and those of its further windows."""
        return self.data.sides[stage].asked_as(index)

    def row(self, stage: Literal[EvalStage, "train"], index: int) -> Row:
        """Return a row of a stage by the index of a prompt that asks it (0 .. num_asked - 1)."""
        return self.data.sides[stage].row(index)

    def affixes(self, stage: EvalStage, index: int) -> tuple[str, str]:
        """Return the format's text before and after a row's answer in a generated text."""
        return self.data.sides[stage].affixes(index)

    def extract(self, stage: Literal[EvalStage, "train"], index: int, text: str) -> str:
        """Return the answer in a generated text, without the format's own text; a gap's inside the text that has the gap."""
        return self.data.sides[stage].extract(index, text)

    def answer_lengths(self, stage: EvalStage) -> NDArray[np.int64]:
        """Return the number of tokens in each evaluated row's target, (N,), including the stop token."""
        return self.data.sides[stage].answer_lengths()

    def find_token_pairs(self, side: str) -> NDArray[np.uint64]:
        """Return the different pairs of neighbouring tokens of a side's prompts, as they stand before anything is drawn."""
        return find_pairs(self.data.sides[side].encoded)

    def count_new_pairs(self, stage: str, known: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return how many pairs of each prompt of a stage, (P,), are none of the known ones."""
        return count_new(self.data.sides[stage].encoded, known)

    def side_texts(self, side: str) -> list[SideTexts]:
        """Return the texts of a side's rows: train, val or test."""
        return self.data.side_texts(side)

    def iterate_texts(self, side: str) -> Iterator[SideTexts]:
        """Yield the same texts in blocks of rows: those of a large table take no room together."""
        return self.data.iterate_texts(side)

    def trained_texts(self, record: TrainingRecord) -> list[SideTexts]:
        """Return the texts of all rows, on any side, that a model was trained on by its record."""
        assert self.data.prepared is not None
        return trained_texts(self.data.prepared.parts, record, self.held_out)

    def note_losses(self, losses: Mapping[str, float], epoch: int) -> dict[str, float]:
        """Take the tasks' validation losses after an epoch; return the shares of the next one, or nothing if they are fixed."""
        return self.data.note_losses(losses, epoch)

    def all_texts(self) -> list[SideTexts]:
        """Return the texts of all usable rows of all tasks, on any side."""
        assert self.data.prepared is not None
        parts = self.data.prepared.parts
        return texts_by_task(parts, np.arange(sum(map(len, parts))))

    def set_aside(self, stage: str) -> list[SetAside]:
        """Return the skipped rows with line and reason (`predict`: of the file to predict)."""
        return self.data.set_aside(stage)

    @property
    def question_rows(self) -> Rows | None:
        """The rows of the file to predict with all their columns; None before it is read."""
        return self.data.question_rows

    @property
    def table_options(self) -> TableOptions:
        """What the user says about files."""
        return self.data.table_options

    @property
    def world_size(self) -> int:
        """Number of ranks that share the batches."""
        return self.trainer.world_size if self.trainer else 1

    @property
    def rank(self) -> int:
        """This process's number among the ranks."""
        return self.trainer.global_rank if self.trainer else 0

    @property
    def pins_memory(self) -> bool:
        """Whether batches are in pinned memory, so that they can be copied to a GPU while it computes."""
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def prepare_data(self) -> None:
        """Prepare a stage's data on one rank of each machine, with all cores, and cache it for the other ranks.

        Lightning calls this method on that rank, and the other ranks wait without a timeout until it ends or fails. Then they
        load the rows from the cache; without a cache, each rank prepares its own rows in `setup`.
        """
        assert self.trainer is not None
        stage = self.trainer.state.fn
        assert stage is not None
        if self.world_size > 1 and self.data.cache.folder is not None:
            # Every rank gets the error again in `setup` and ends; raised here, on one rank, it would block the others.
            with suppress(Exception):
                self.data.prepare_sides(SIDES[stage], count_cores(), keep_small=True)

    def setup(self, stage: str) -> None:
        """Read, split, render and tokenise the rows of a stage (fit, validate, test or predict)."""
        if SIDES[stage] and distributed.is_initialized():
            self._share_guesses()
        self.data.prepare_sides(SIDES[stage])
        if stage == "fit" and self.trainer is not None and counts_batches(self.trainer):
            check_interval(int(self.trainer.val_check_interval), self._batches_of_epoch())
        if stage == "predict":
            self.data.read_questions(self.predict_path, self.predict_shard)
        if SIDES[stage] and self.trainer is not None and self.trainer.is_global_zero:
            folder, name = Path(self.trainer.default_root_dir), TrainerFn(stage).value
            data_report.write(self.report, self.set_aside("fit"), folder if stage == "fit" else folder / name)
        cache = self.data.cache
        if cache.kept_bytes:
            rank_zero_info(
                f"Cached {cache.kept_bytes / 1e6:,.1f} MB of prepared data in {cache.folder} for the next run; "
                "remove the folder to empty the cache."
            )
            cache.kept_bytes = 0
        if stage == "fit" and not len(self.data.sides["train"].places):
            aside = self.set_aside("fit")
            suspects = suspect(self.guesses, (row.reason for row in aside))
            raise ValueError(data_report.why_empty(self.report, aside) + blame(suspects))
        if stage == "fit":
            self.position.contents = self._describe_contents()

    def _share_guesses(self) -> None:
        """Give all ranks what rank 0 guesses from the cells: a cell may take too long on one rank and not on another."""
        if self.data.open_sides and not self._shared_guesses:
            self._shared_guesses = True
            if self.rank == 0:
                # All ranks get the error again when they read the rows.
                with suppress(Exception):
                    self.data.guess_notations()
            box = [self.guesses]
            distributed.broadcast_object_list(box, src=0)
            self.data.take_guesses(box[0])

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's training batches, from the checkpoint's position on; Lightning sets the sampler's epoch."""
        overfits = bool(getattr(self.trainer, "overfit_batches", 0))
        saved = self.position.check(self._describe_batches(), overfits)
        loader = self._loader(self._training_batches(saved["epoch"]), saved["epoch"], saved["batches"])
        check_batches_left(saved, limit_batches(self.trainer, len(loader)))
        return loader

    def _batches_of_epoch(self) -> int:
        batches = self._training_batches(0)
        return limit_batches(self.trainer, len(RankSampler(batches, self.world_size, self.rank, 0, 0)))

    def _training_batches(self, epoch: int) -> TrainingBatches:
        return TrainingBatches(
            self.data.encode_training,
            batch_size=self.batch_size,
            world_size=self.world_size,
            seed=self.data.seed,
            epoch=epoch,
            **self._batch_options(),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return training's position (epoch and batches within it) and what it depends on, for a checkpoint."""
        assert self.trainer is not None
        epoch, batches = find_position(self.trainer)
        state = {
            "epoch": epoch,
            "batches": batches,
            **self._describe_batches(),
            "contents": self.position.contents,
        }
        return state if self.data.mixing is None else {**state, "mixing": self.data.mixing.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Make the next `train_dataloader` resume from a checkpoint's position; name what differs from the checkpoint's."""
        self.position.take(state_dict)
        if self.data.mixing is not None and "mixing" in state_dict:
            self.data.mixing.load_state_dict(state_dict["mixing"])

    def _describe_contents(self) -> Contents:
        """Return the content of what a fit trains on."""
        drawing = self.data.drawing
        settings = {
            "--data.loss_on": self.loss_on, "--data.phrasings": drawing.phrasings, "--data.shots": drawing.shots,
            "--data.shots_by": drawing.shots_by,
            "--data.sampling": [drawing.sampling, drawing.sampling_floor, drawing.target_task],
            "weights of tasks": None if self.data.weights is None else list(self.data.weights),
            "--data.max_length": self.data.max_length if self.packing else None,
        }  # fmt: skip
        return describe_training(self.data.sides["train"].encoded, self.form, self.tasks, settings)

    def _describe_batches(self) -> dict[str, int]:
        """Return everything that the number of batches and their rows depend on."""
        return {
            "rows": len(self.data.sides["train"].places), "batch_size": self.batch_size, "ranks": self.world_size,
            "seed": self.data.seed, "packing": int(self.packing), "epoch_rows": self.data.drawing.epoch_rows or 0,
        }  # fmt: skip

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's batches of the fixed validation rows."""
        return self._evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's test batches."""
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's batches of the file to predict, without prompts that have their answers."""
        wanted = self.data.asked_prompts()
        lengths = self.data.sides["predict"].encoded.prompt_lengths[wanted]
        plan = [wanted[rows] for rows in plan_evaluation(lengths, self.eval_batch_size, self.world_size)]
        masks = [find() for find in self.find_answered]
        self.find_answered.clear()
        if masks:
            plan = drop_answered(plan, np.logical_and.reduce(masks), self.world_size)
        return self._loader(self._evaluation_batches("predict", plan))

    def hash_questions(self) -> str:
        """Return a hash of everything that `predict` asks: the file's rows, the prompts, and which of them."""
        return self.data.hash_questions()

    def _batch_options(self) -> dict[str, Any]:
        tokenizer = self.data.tokenizer
        pad_id = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        return {
            "pad_id": pad_id,
            "loss_on": self.loss_on,
            "pack_to": self.data.max_length if self.packing else None,
        }

    def _evaluation_loader(self, stage: EvalStage) -> DataLoader[Batch]:
        lengths = self.data.sides[stage].encoded.prompt_lengths
        return self._loader(
            self._evaluation_batches(stage, plan_evaluation(lengths, self.eval_batch_size, self.world_size))
        )

    def _evaluation_batches(self, stage: EvalStage, plan: Sequence[NDArray[np.int64]]) -> BatchDataset:
        options = {**self._batch_options(), "pack_to": None, "slots": self.eval_batch_size}
        # A format without a completion has no correct continuation to generate.
        with_prompts = self.form.asks or stage == "predict"
        choices = self.data.encode_choices(stage) if with_prompts else None
        return BatchDataset(
            self.data.sides[stage].encoded, plan, with_prompts=with_prompts, choices=choices, **options
        )

    def questions(self, stage: EvalStage, rows: Sequence[int]) -> Batch:
        """Return some rows of an evaluation, by index, in one batch, to evaluate another model on them."""
        return self._evaluation_batches(stage, [np.array(rows, dtype=np.int64)])[0]

    def _loader(self, dataset: BatchDataset, epoch: int = 0, start: int = 0) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            batch_size=None,
            sampler=RankSampler(dataset, self.world_size, self.rank, epoch, start),
            num_workers=self.num_workers,
            worker_init_fn=leave_signals_to_parent,
            pin_memory=self.pins_memory,
            # Its own generator: a loader draws a number at each start, and a resumed run starts its loader once more.
            generator=torch.Generator(),
        )

    def preview(self, count: int, colour: bool = False) -> list[str]:
        """Return training rows as the model sees them in epoch 0, with what is supervised marked.

        It reads and splits all rows, but tokenises only the returned ones.

        Args:
            count: Number of rows.
            colour: Mark each supervised token by its colour, for a terminal.
        """
        encoded, rows = self.data.encode_preview(count)
        if not len(rows):
            raise ValueError(data_report.why_empty(self.report, self.set_aside("fit")) + blame(self.guesses))
        return [
            render_preview(
                self.data.tokenizer,
                encoded.example(place),
                encoded.labels(place, self.loss_on),
                f"{self.row('train', int(rows[place])).task}, {self.form.name}",
                colour,
            )
            for place in range(len(rows))
        ]
