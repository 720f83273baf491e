"""SequenceTaskDataModule: joins source, task, split, format, tokens and batches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as distributed
from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from datamodules.formats import load_format
from datamodules.rows import data_report
from datamodules.rows.guess_notations import blame
from datamodules.rows.read_and_split import Split, SplitSettings
from datamodules.storage.cache import DataCache, default_folder
from datamodules.task_data import EvalStage, Stages
from datamodules.tasks import choose_tasks, sides_to_guess
from datamodules.texts.augmentation import Phrasings
from datamodules.tokens.batching import (
    Batch,
    BatchDataset,
    RankSampler,
    leave_signals_to_parent,
    plan_evaluation,
)
from datamodules.tokens.epoch_batches import TrainingBatches
from datamodules.tokens.examples import LossOn
from datamodules.tokens.preview import render_preview
from datamodules.workers.cores import count_cores

SIDES = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ()}
"""Sides of the split that a stage uses."""


class SequenceTaskDataModule(Stages, LightningDataModule):
    """Turns a table of pairs into batches for a decoder language model.

    Args:
        tokenizer: The base's tokenizer; on the command line it comes from the model.
        task: A name in configs/tasks, the path of a YAML file, or several with weights: `a,b` or `a:2,b:1`.
            Default: name_small_molecules, or a task made of the two columns when those are given.
        source: A built-in source (pubchem, pubchem_small, cmudict, dna_to_protein, english, words), a csv, tsv, jsonl or
            parquet file, or hf://datasets/OWNER/NAME/FILE. Default: the task's own.
        format: A name in configs/formats, or the path of a YAML file.
        input_column: Column to read inputs from, in place of the task's.
        output_column: Column to read outputs from, in place of the task's.
        input_notation: What the input column holds: text, number, smiles, selfies, iupac, formula, phonemes. Default: the
            task's; of two columns without a task what 200 of their cells look like, which one line tells.
        output_notation: What the output column holds.
        split: `identity` (by a hash of the molecule's connectivity or the input's text), `scaffold` (Bemis-Murcko),
            `parent` (most salts and ions with their molecule), or `random` (identities shuffled). None leaks an identity.
        split_column: Column that holds train, val or test, for a table that brings its own split.
        val_source: File with the validation rows, for data that come split into files.
        test_source: File with the test rows.
        val_fraction: Share of identities in validation.
        test_fraction: Share of identities in test.
        split_seed: Another seed gives another split; apart from `seed`, so that runs compare on one split.
        train_rows: Most training rows a task; subsets are nested (the first 100 are among the first 1,000).
        epoch_rows: Most training rows of an epoch in all, drawn anew each epoch; default all.
        val_rows: Most validation rows a task, always the same ones.
        test_rows: Most test rows a task; default all.
        shots: Demonstrations before each question, from the training split only (k-shot).
        phrasings: `all` draws an instruction phrasing per training row and epoch, `first` keeps the first, `others` draws
            any but the first. Evaluation asks with the first.
        loss_on: Supervise the `completion` only, or `all` tokens.
        max_length: Most tokens of prompt, completion and stop token; longer rows are set aside and counted.
        batch_size: Rows a step on each rank, before gradient accumulation.
        eval_batch_size: Rows decoded at once on each rank when validating, testing and predicting.
        packing: Lay rows end to end instead of padding each; the loss is the same.
        num_workers: Worker processes that collate batches; 0 is right for small models on a CPU.
        seed: Seed of order, phrasing and spelling; on the command line `--seed_everything`.
        predict_path: For `predict`: the file with the inputs.
        cache: Keep prepared rows and tokens of tables of at least 10,000 rows (on several ranks, of any table) for the next
            run, keyed by the content of everything that they depend on. To empty the cache, remove its folder.
        cache_dir: The cache's folder; default $PATOIS_CACHE, else ~/.cache/patois.
    """

    def __init__(
        self,
        tokenizer: Any,
        task: str | list[str] | dict[str, float] | None = None,
        source: str | None = None,
        format: str = "question_answer",
        input_column: str | None = None,
        output_column: str | None = None,
        input_notation: str | None = None,
        output_notation: str | None = None,
        split: Split = "identity",
        split_column: str | None = None,
        val_source: str | None = None,
        test_source: str | None = None,
        val_fraction: float = 0.05,
        test_fraction: float = 0.05,
        split_seed: int = 0,
        train_rows: int | None = None,
        epoch_rows: int | None = None,
        val_rows: int = 1000,
        test_rows: int | None = None,
        shots: int = 0,
        phrasings: Phrasings = "all",
        loss_on: LossOn = "completion",
        max_length: int = 256,
        batch_size: int = 32,
        eval_batch_size: int = 64,
        packing: bool = False,
        num_workers: int = 0,
        seed: int = 0,
        predict_path: str | None = None,
        cache: bool = True,
        cache_dir: str | None = None,
    ) -> None:
        for name, value, least in (
            ("train_rows", train_rows, 1), ("val_rows", val_rows, 0), ("test_rows", test_rows, 1), ("shots", shots, 0),
            ("epoch_rows", epoch_rows, 1),
            ("batch_size", batch_size, 1), ("eval_batch_size", eval_batch_size, 1), ("max_length", max_length, 2),
        ):  # fmt: skip
            if value is not None and value < least:
                raise ValueError(f"Expected --data.{name} to be at least {least}, but got {value}.")
        form = load_format(format)
        if not form.asks and (loss_on != "all" or shots):
            raise ValueError(
                f"--data.format {form.name} asks nothing, so it needs --data.loss_on all and --data.shots 0; "
                f"got loss_on {loss_on!r} and shots {shots}."
            )
        context = getattr(tokenizer, "model_max_length", None)
        if context is not None and max_length > context:
            raise ValueError(
                f"Expected --data.max_length to be at most the base's context of {context} tokens, but got {max_length}."
            )
        LightningDataModule.__init__(self)
        folder = Path(cache_dir).expanduser() if cache_dir else default_folder()
        Stages.__init__(
            self,
            tokenizer,
            *choose_tasks(task, input_column, output_column, input_notation, output_notation),
            form,
            source=source,
            settings=SplitSettings(
                split, split_column, val_source, test_source, val_fraction, test_fraction, split_seed
            ),
            limits={"train": train_rows, "val": val_rows, "test": test_rows},
            epoch_rows=epoch_rows,
            shots=shots,
            phrasings=phrasings,
            max_length=max_length,
            seed=seed,
            cache=DataCache(folder if cache else None),
            to_guess=sides_to_guess(task, input_column, output_column, input_notation, output_notation),
        )
        self.predict_path, self.loss_on, self.num_workers = predict_path, loss_on, num_workers
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.packing = packing
        self._agrees = False
        self._position: dict[str, int] = {"epoch": 0, "batches": 0}

    @property
    def world_size(self) -> int:
        """Ranks that share the batches."""
        return self.trainer.world_size if self.trainer else 1

    @property
    def rank(self) -> int:
        """This process's number among the ranks."""
        return self.trainer.global_rank if self.trainer else 0

    @property
    def pins_memory(self) -> bool:
        """Whether batches are copied to the device while it computes, for which they must lie in pinned memory."""
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def prepare_data(self) -> None:
        """Prepare what a stage needs with all cores on one rank of each machine, and keep it for the other ranks.

        Lightning calls it on that rank and lets the others wait, however long it takes, until it is done or has failed. They
        find the rows in the cache; without a cache each rank prepares its own, in `setup`.
        """
        assert self.trainer is not None
        stage = self.trainer.state.fn
        assert stage is not None
        if self.world_size > 1 and self.cache.folder is not None:
            self.cache.least_rows = 0
            # Every rank meets an error again in `setup` and ends with it; raised here, on one, it would let the others wait.
            with suppress(Exception):
                self._fill_sides(stage, count_cores())

    def _fill_sides(self, stage: str, workers: int | None = None) -> None:
        """Read the rows and tokenise those of the stage's sides, unless that is done."""
        if (SIDES[stage] or self.shots) and not self.report:
            self.read(workers)
        for side in SIDES[stage]:
            if side not in self.encoded:
                self.encode_side(side)

    def setup(self, stage: str) -> None:
        """Read, split, render and tokenise the rows of a stage (fit, validate, test or predict)."""
        self._agree_on_notations(stage)
        self._fill_sides(stage)
        if stage == "predict":
            self.read_questions(self.predict_path)
        if SIDES[stage] and self.trainer is not None and self.trainer.is_global_zero:
            folder, name = Path(self.trainer.default_root_dir), TrainerFn(stage).value
            data_report.write(self.report, self.aside["fit"], folder if stage == "fit" else folder / name)
        if self.cache.kept_bytes:
            rank_zero_info(
                f"Kept {self.cache.kept_bytes / 1e6:,.1f} MB of prepared data in {self.cache.folder} for the next run; "
                "remove the folder to empty the cache."
            )
            self.cache.kept_bytes = 0
        if stage == "fit" and not len(self.pools["train"]):
            raise ValueError(data_report.why_empty(self.report, self.aside["fit"]) + blame(self.guesses))

    def _agree_on_notations(self, stage: str) -> None:
        """Take over what rank 0 reads off the cells, once: a cell may take too long on one rank and not on another."""
        if not self.to_guess or self._agrees or not SIDES[stage] or not distributed.is_initialized():
            return
        self._agrees = True
        if self.rank == 0:
            with suppress(Exception):  # it comes again, on every rank, where the rows are read
                self.settle_notations()
        box = [self.guesses]
        distributed.broadcast_object_list(box, src=0)
        self._settle(box[0])

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's training batches, from where a checkpoint left off; Lightning tells the sampler the epoch."""
        was, now = self._position, {**self._position, **self._shape()}
        if was["batches"] and (other := [name for name in was if was[name] != now[name]]):
            raise ValueError(
                f"The checkpoint stands in the middle of epoch {was['epoch']}, after {was['batches']} batches of a rank, made "
                f"with {', '.join(f'{name} {was[name]}' for name in other)}, but now it is "
                f"{', '.join(f'{name} {now[name]}' for name in other)}. Go on with the same, or from a checkpoint between two "
                "epochs, such as best.ckpt."
            )
        dataset = TrainingBatches(
            self.encode_training,
            batch_size=self.batch_size,
            world_size=self.world_size,
            seed=self.seed,
            epoch=was["epoch"],
            **self._batch_options(),
        )
        return self._loader(dataset, was["epoch"], was["batches"])

    def state_dict(self) -> dict[str, int]:
        """Return where in which epoch training stands, for a checkpoint."""
        assert self.trainer is not None
        loop: Any = self.trainer.fit_loop
        epoch = loop.epoch_progress.current.processed
        within = loop.epoch_progress.current.started > epoch
        batches = loop.epoch_loop.batch_progress.current.completed if within else 0
        return {"epoch": epoch, "batches": batches, **self._shape()}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on where a checkpoint stands, in the next `train_dataloader`."""
        self._position = dict(state_dict)

    def _shape(self) -> dict[str, int]:
        """Return what a number of batches, and which rows they hold, depends on."""
        return {
            "rows": len(self.pools["train"]), "batch_size": self.batch_size, "ranks": self.world_size, "seed": self.seed,
            "packing": int(self.packing), "epoch_rows": self.epoch_rows or 0,
        }  # fmt: skip

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's batches of the fixed validation rows."""
        return self._evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's test batches."""
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's batches of the file to predict."""
        return self._evaluation_loader("predict")

    def _batch_options(self) -> dict[str, Any]:
        pad_id = self.tokenizer.pad_token_id
        pad_id = self.tokenizer.eos_token_id if pad_id is None else pad_id
        return {
            "pad_id": pad_id,
            "loss_on": self.loss_on,
            "pack_to": self.max_length if self.packing else None,
        }

    def _evaluation_loader(self, stage: EvalStage) -> DataLoader[Batch]:
        lengths = self.encoded[stage].prompt_lengths
        return self._loader(
            self._evaluation_batches(stage, plan_evaluation(lengths, self.eval_batch_size, self.world_size))
        )

    def _evaluation_batches(self, stage: EvalStage, plan: Sequence[NDArray[np.int64]]) -> BatchDataset:
        options = {**self._batch_options(), "pack_to": None, "slots": self.eval_batch_size}
        asked = (
            self.form.asks or stage == "predict"
        )  # a text that was to be learned has no right continuation
        return BatchDataset(self.encoded[stage], plan, with_prompts=asked, **options)

    def questions(self, stage: EvalStage, rows: Sequence[int]) -> Batch:
        """Return some rows of an evaluation, by their index, in one batch: to be asked once more, of another model."""
        return self._evaluation_batches(stage, [np.array(rows, dtype=np.int64)])[0]

    def _loader(self, dataset: BatchDataset, epoch: int = 0, start: int = 0) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            batch_size=None,
            sampler=RankSampler(dataset, self.world_size, self.rank, epoch, start),
            num_workers=self.num_workers,
            worker_init_fn=leave_signals_to_parent,
            pin_memory=self.pins_memory,
            # One of its own: a loader draws a number whenever it begins, and a run that goes on begins once more.
            generator=torch.Generator(),
        )

    def preview(self, count: int) -> list[str]:
        """Return training rows as the model sees them in epoch 0, supervised tokens marked."""
        encoded, rows = self.encode_training(0)
        assert self.store is not None
        chosen = np.linspace(0, len(rows) - 1, num=min(count, len(rows))).astype(int)
        tasks = [self.store.locate(int(self.pools["train"][rows[place]]))[0].task.name for place in chosen]
        return [
            render_preview(
                self.tokenizer,
                encoded.example(place),
                encoded.labels(place, self.loss_on),
                f"{task}, {self.form.name}",
            )
            for place, task in zip(chosen, tasks, strict=True)
        ]
