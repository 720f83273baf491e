"""SequenceTaskDataModule: joins source, task, split, format, tokens and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from datamodules import data_report
from datamodules.batching import Batch, BatchDataset, RankSampler, plan_evaluation
from datamodules.cache import DataCache, default_folder
from datamodules.examples import Encoded, LossOn
from datamodules.filling import fill, pack, unpack
from datamodules.fingerprints import describe_tokenizer
from datamodules.formats import load_format
from datamodules.prepared import LEAST_ROWS, Prepared, prepare
from datamodules.preview import render_preview
from datamodules.rendering import RowStore
from datamodules.sources.lookup import load_source
from datamodules.sources.rows import TEXT_LIMIT, SetAside
from datamodules.splits import TEST, TRAIN, VAL
from datamodules.stage_rows import Split, SplitSettings
from datamodules.task_rows import TaskRows, read_task
from datamodules.tasks import choose_tasks
from datamodules.training_batches import TrainingBatches, choose_epoch_rows
from datamodules.variants import Phrasings

EvalStage = Literal["val", "test", "predict"]


@dataclass(frozen=True)
class Row:
    """One evaluated row, as callbacks look it up."""

    index: int
    task: str
    input: str
    """As it stands in the file."""
    target: str | None
    """The right output, or None for prediction."""
    input_notation: str
    output_notation: str
    line: int
    """1-based line in its file."""


class SequenceTaskDataModule(LightningDataModule):
    """Turns a table of pairs into batches for a decoder language model.

    Args:
        tokenizer: The base's tokenizer; on the command line it comes from the model.
        task: A name in configs/tasks, the path of a YAML file, or several with weights: `a,b` or `a:2,b:1`.
            Default: name_small_molecules, or a task made of the two columns when those are given.
        source: A built-in source (pubchem, pubchem_small, cmudict, dna_to_protein), a csv, tsv, jsonl or parquet file, or
            hf://datasets/OWNER/NAME/FILE. Default: the task's own.
        format: A name in configs/formats, or the path of a YAML file.
        input_column: Column to read inputs from, in place of the task's.
        output_column: Column to read outputs from, in place of the task's.
        input_notation: What the input column holds: text, number, smiles, selfies, iupac, formula, phonemes.
        output_notation: What the output column holds.
        split: `identity` (by a hash of the molecule's connectivity or the input's text), `scaffold`
            (Bemis-Murcko), or `random` (identities shuffled by split_seed). None leaks an identity.
        split_column: Column that holds train, val or test, for a table that brings its own split.
        val_source: File with the validation rows, for data that come split into files.
        test_source: File with the test rows.
        val_fraction: Share of identities in validation.
        test_fraction: Share of identities in test.
        split_seed: Another seed gives another split; apart from `seed`, so that runs compare on one split.
        train_rows: Most training rows a task; subsets are nested (the first 100 are among the first 1,000).
        val_rows: Most validation rows a task, always the same ones.
        test_rows: Most test rows a task; default all.
        shots: Demonstrations before each question, from the training split only (k-shot).
        phrasings: `all` draws an instruction phrasing per training row and epoch, `first` keeps the first.
        loss_on: Supervise the `completion` only, or `all` tokens.
        max_length: Most tokens of prompt, completion and stop token; longer rows are set aside and counted.
        batch_size: Rows a step on each rank, before gradient accumulation.
        eval_batch_size: Rows decoded at once on each rank when validating, testing and predicting.
        packing: Lay rows end to end instead of padding each; the loss is the same.
        share_prefix: With packing, what all prompts of a batch begin with (an instruction, demonstrations) stands once
            in each sequence and is computed once; the loss is the same.
        num_workers: Worker processes that collate batches; 0 is right for small models on a CPU.
        seed: Seed of order, phrasing and spelling; on the command line `--seed_everything`.
        predict_path: For `predict`: the file with the inputs.
        cache: Keep prepared rows and tokens of tables of at least 10,000 rows for the next run, keyed by the content
            of everything that they depend on. To empty the cache, remove its folder.
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
        val_rows: int = 1000,
        test_rows: int | None = None,
        shots: int = 0,
        phrasings: Phrasings = "all",
        loss_on: LossOn = "completion",
        max_length: int = 256,
        batch_size: int = 32,
        eval_batch_size: int = 64,
        packing: bool = False,
        share_prefix: bool = False,
        num_workers: int = 0,
        seed: int = 0,
        predict_path: str | None = None,
        cache: bool = True,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.tasks, self.weights = choose_tasks(
            task, input_column, output_column, input_notation, output_notation
        )
        self.form = load_format(format)
        self.source, self.predict_path = source, predict_path
        self.split_settings = SplitSettings(
            split, split_column, val_source, test_source, val_fraction, test_fraction, split_seed
        )
        self.limits: dict[str, int | None] = {"train": train_rows, "val": val_rows, "test": test_rows}
        for name, value, least in (
            ("train_rows", train_rows, 1), ("val_rows", val_rows, 0), ("test_rows", test_rows, 1), ("shots", shots, 0),
            ("batch_size", batch_size, 1), ("eval_batch_size", eval_batch_size, 1), ("max_length", max_length, 2),
        ):  # fmt: skip
            if value is not None and value < least:
                raise ValueError(f"Expected --data.{name} to be at least {least}, but got {value}.")
        self.shots, self.phrasings, self.loss_on = shots, phrasings, loss_on
        self.max_length, self.batch_size, self.eval_batch_size = max_length, batch_size, eval_batch_size
        self.packing, self.share_prefix = packing, share_prefix
        if share_prefix and (not packing or loss_on == "all"):
            raise ValueError(
                "--data.share_prefix needs --data.packing true and --data.loss_on completion: a shared prefix stands in a "
                f"packed sequence and is not supervised; got packing {packing} and loss_on {loss_on!r}."
            )
        self.num_workers, self.seed = num_workers, seed
        context = getattr(tokenizer, "model_max_length", None)
        if context is not None and max_length > context:
            raise ValueError(
                f"Expected --data.max_length to be at most the base's context of {context} tokens, but got {max_length}."
            )
        folder = Path(cache_dir).expanduser() if cache_dir else default_folder()
        self.cache = DataCache(folder if cache else None)
        self.prepared: Prepared | None = None
        self.store: RowStore | None = None
        self.candidates: dict[str, list[NDArray[np.int64]]] = {}
        self.pools: dict[str, NDArray[np.int64]] = {}
        self.encoded: dict[str, Encoded] = {}
        self.aside: dict[str, list[SetAside]] = {}
        self.report: dict[str, Any] = {}

    @property
    def world_size(self) -> int:
        """Ranks that share the batches."""
        return self.trainer.world_size if self.trainer else 1

    @property
    def rank(self) -> int:
        """This process's number among the ranks."""
        return self.trainer.global_rank if self.trainer else 0

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks, in the order given."""
        return [task.name for task in self.tasks]

    def setup(self, stage: str) -> None:
        """Read, split, render and tokenise the rows of a stage (fit, validate, test or predict)."""
        sides = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ()}[stage]
        if (sides or self.shots) and not self.report:
            self._read()
        for side in sides:
            if side not in self.encoded:
                self._encode(side)
        if stage == "predict":
            self._read_predict()
        if sides and self.trainer is not None and self.trainer.is_global_zero:
            folder = Path(self.trainer.default_root_dir)
            data_report.write(self.report, self.aside["fit"], folder if stage == "fit" else folder / stage)
        if stage == "fit" and not len(self.pools["train"]):
            raise ValueError(data_report.why_empty(self.report))

    def _read(self) -> None:
        """Read all rows, split them, and keep as many of each side as asked for."""
        prepared = prepare(self.tasks, self.source, self.split_settings, self._forbidden(), self.cache)
        self.prepared, self.store = prepared, self._make_store(prepared.parts)
        numbers = np.array([self.task_names.index(part.task.name) for part in prepared.parts])
        task_of = np.repeat(numbers, [len(part) for part in prepared.parts])
        order_sides, order_tasks = prepared.sides[prepared.order], task_of[prepared.order]
        for side, name in ((TRAIN, "train"), (VAL, "val"), (TEST, "test")):
            self.candidates[name] = [
                prepared.order[(order_sides == side) & (order_tasks == task)]
                for task in range(len(self.tasks))
            ]
            self.pools[name] = np.concatenate([rows[: self.limits[name]] for rows in self.candidates[name]])
        if self.shots:
            self.store.draw_demonstrations_from(self.pools["train"])
        self.aside["fit"] = [row for part in prepared.parts for row in part.set_aside]
        self.report = data_report.make(
            prepared.totals,
            prepared.sides,
            self.pools,
            prepared.overlap,
            self.split_settings,
            self.task_names,
        )

    def _make_store(self, parts: Sequence[TaskRows]) -> RowStore:
        return RowStore(
            parts, self.form, self.tokenizer, seed=self.seed, shots=self.shots, phrasings=self.phrasings
        )

    def _forbidden(self) -> list[str]:
        return [token for token in self.tokenizer.all_special_tokens if len(token) > 1]

    def _encode(self, side: str) -> None:
        """Tokenise as many of the side's rows as asked for; those over `max_length` are set aside and others taken."""
        assert self.store is not None
        key = self._token_key(side)
        kept = None if key is None else self.cache.load("tokens", key)
        if kept is not None:
            filled = unpack(kept)
        else:
            filled = fill(self.candidates[side], self.limits[side], self.max_length, self.store.encode)
            if key is not None and len(self.store) >= LEAST_ROWS:
                self.cache.save("tokens", key, pack(filled))
        for row, length in filled.long.tolist():
            part, place = self.store.locate(row)
            reason = f"longer than --data.max_length {self.max_length}: {length} tokens ({side})"
            self.aside["fit"].append(
                SetAside(part.file, int(part.lines[place]), reason, part.inputs[place][:TEXT_LIMIT])
            )
        if len(filled.long):
            self.report["too_long"][side] = len(filled.long)
        self.pools[side], self.encoded[side] = filled.rows, filled.encoded
        self.report["rows"][side] = len(filled.rows)

    def _token_key(self, side: str) -> dict[str, Any] | None:
        """Return all that a side's rows and their tokens depend on, or None if that cannot be said."""
        assert self.prepared is not None
        tokenizer = describe_tokenizer(self.tokenizer)
        if self.prepared.key is None or tokenizer is None:
            return None
        drawn = self.shots or any(task.input.randomize for task in self.tasks)
        return {
            "rows": self.prepared.key,
            "format": asdict(self.form),
            "tokenizer": tokenizer,
            "side": side,
            "limit": self.limits[side],
            "max_length": self.max_length,
            "seed": self.seed if drawn else None,
            "shots": [self.shots, self.limits["train"]] if self.shots else None,
        }

    def _read_predict(self) -> None:
        """Read the file to predict; rows that cannot be asked are kept for the output with their reason."""
        if not self.predict_path:
            raise ValueError("`predict` needs the file with the inputs: --data.predict_path mols.csv")
        if len(self.tasks) > 1:
            raise ValueError(
                f"`predict` answers one task; choose one of {', '.join(self.task_names)} with --data.task."
            )
        part = read_task(
            self.tasks[0], load_source(self.predict_path), with_output=False, forbidden=self._forbidden()
        )
        store = self._make_store([part])
        if self.shots:
            assert self.store is not None
            store = self._make_store([part, *self.store.parts])
            store.draw_demonstrations_from(self.pools["train"] + len(part))
        rows = np.arange(len(part))
        encoded = store.encode(rows)
        fits = encoded.lengths <= self.max_length
        self.aside["predict"] = list(part.set_aside) + [
            SetAside(
                part.file,
                int(part.lines[row]),
                f"longer than --data.max_length {self.max_length}",
                part.originals[row],
            )
            for row in rows[~fits]
        ]
        self.predict_store, self.pools["predict"] = store, rows[fits]
        self.encoded["predict"] = encoded.take(fits)

    def encode_training(self, epoch: int) -> tuple[Encoded, NDArray[np.int64]]:
        """Return the tokens of an epoch's training rows, and each row's index in the training pool."""
        assert self.store is not None
        rows = choose_epoch_rows(self.pool_tasks("train"), self.weights, self.seed, epoch)
        if not self.store.varies() and len(rows) == len(self.pools["train"]):
            return self.encoded["train"], rows
        return self.store.encode(self.pools["train"][rows], epoch, self.max_length), rows

    def pool_tasks(self, side: str) -> NDArray[np.int64]:
        """Return the number of the task of each row of a side."""
        assert self.store is not None
        numbers = np.array([self.task_names.index(part.task.name) for part in self.store.parts])
        return numbers[np.searchsorted(self.store.starts, self.pools[side], side="right") - 1]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return this rank's training batches; Lightning tells the sampler the epoch."""
        return self._loader(TrainingBatches(self, **self._batch_options()))

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
            "share_prefix": self.share_prefix,
        }

    def _evaluation_loader(self, stage: EvalStage) -> DataLoader[Batch]:
        encoded = self.encoded[stage]
        plan = plan_evaluation(encoded.prompt_lengths, self.eval_batch_size, self.world_size)
        options = {**self._batch_options(), "pack_to": None, "slots": self.eval_batch_size}
        return self._loader(BatchDataset(encoded, plan, with_prompts=True, **options))

    def _loader(self, dataset: BatchDataset) -> DataLoader[Batch]:
        sampler = RankSampler(dataset, self.world_size, self.rank)
        return DataLoader(dataset, batch_size=None, sampler=sampler, num_workers=self.num_workers)

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

    def row(self, stage: EvalStage, index: int) -> Row:
        """Return an evaluated row by its index (0 .. num_rows - 1)."""
        store = self.predict_store if stage == "predict" else self.store
        assert store is not None
        part, place = store.locate(int(self.pools[stage][index]))
        target = None if stage == "predict" else part.outputs[place]
        task = part.task
        return Row(
            index,
            task.name,
            part.originals[place],
            target,
            task.input.notation,
            task.output.notation,
            int(part.lines[place]),
        )

    def num_rows(self, stage: EvalStage) -> int:
        """Return how many rows a stage evaluates."""
        return len(self.pools[stage])

    def set_aside(self, stage: str) -> list[SetAside]:
        """Return the rows that could not be used, with line and reason (`predict`: of the file to predict)."""
        return self.aside.get("predict" if stage == "predict" else "fit", [])

    def extract(self, stage: EvalStage, index: int, text: str) -> str:
        """Return the answer that a generated text holds, without the format's own words."""
        store = self.predict_store if stage == "predict" else self.store
        assert store is not None
        return self.form.extract(text, store.query(int(self.pools[stage][index])))
