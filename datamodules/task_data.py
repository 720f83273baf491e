"""The rows and tokens of every stage (fit, validate, test, predict): what a data module holds, without Lightning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from numpy.typing import NDArray

from datamodules.formats import InstructionFormat
from datamodules.rows import data_report
from datamodules.rows.guess_notations import Guess, apply, describe, guess_from_rows, warn_of_guesses
from datamodules.rows.prepare import Prepared, prepare
from datamodules.rows.read_and_split import SplitSettings
from datamodules.rows.side_texts import SideTexts
from datamodules.rows.task_rows import TaskRows, read_task
from datamodules.sources.lookup import load_source
from datamodules.sources.rows import TEXT_LIMIT, Rows, SetAside
from datamodules.splits import TEST, TRAIN, VAL
from datamodules.storage.cache import DataCache
from datamodules.storage.cache_keys import describe_tokenizer
from datamodules.tasks import Task, task_for_columns
from datamodules.texts.augmentation import Phrasings
from datamodules.texts.rendering import RowStore
from datamodules.tokens.epoch_batches import choose_epoch_rows
from datamodules.tokens.examples import Encoded
from datamodules.tokens.length_limit import fill, pack, unpack

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


class Stages:
    """Reads, splits, renders and tokenises rows, a stage at a time."""

    def __init__(
        self,
        tokenizer: Any,
        tasks: Sequence[Task],
        weights: Sequence[float] | None,
        form: InstructionFormat,
        *,
        source: str | None,
        settings: SplitSettings,
        limits: Mapping[str, int | None],
        epoch_rows: int | None,
        shots: int,
        phrasings: Phrasings,
        max_length: int,
        seed: int,
        cache: DataCache,
        to_guess: Sequence[str] = (),
    ) -> None:
        """Keep what the flags of `SequenceTaskDataModule` say; nothing is read yet."""
        self.tokenizer, self.tasks, self.weights, self.form = tokenizer, list(tasks), weights, form
        self.source, self.split_settings, self.limits = source, settings, limits
        self.epoch_rows = epoch_rows
        self.shots, self.phrasings, self.max_length, self.seed = shots, phrasings, max_length, seed
        self.cache = cache
        self.to_guess, self.guesses = tuple(to_guess), list[Guess]()
        self.prepared: Prepared | None = None
        self.store: RowStore | None = None
        self.candidates: dict[str, list[NDArray[np.int64]]] = {}
        self.pools: dict[str, NDArray[np.int64]] = {}
        self.encoded: dict[str, Encoded] = {}
        self.aside: dict[str, list[SetAside]] = {}
        self.report: dict[str, Any] = {}

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks, in the order given."""
        return [task.name for task in self.tasks]

    def read(self, workers: int | None = None) -> None:
        """Read all rows, split them, and keep as many of each side as asked for.

        Args:
            workers: Most processes that check texts; by default one for each core that is this rank's.
        """
        prepared = prepare(
            self.tasks,
            self.source,
            self.split_settings,
            self._forbidden(),
            self.cache,
            workers,
            self.to_guess,
            self.guesses,
        )
        self._settle(prepared.guesses)
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
            prepared.parts,
        )
        warn_of_guesses(self.guesses, len(prepared.sides), sum(prepared.totals.values()))

    def settle_notations(self, rows: Rows | None = None) -> None:
        """Read the notations that nobody said off the cells of some rows, or of the source's, unless that is done."""
        if self.to_guess and not self.guesses:
            location = self.source or ""  # two columns without a task have no source of their own
            rows = load_source(location) if rows is None else rows
            self._settle(guess_from_rows(self.tasks[0], self.to_guess, rows))

    def _settle(self, guesses: Sequence[Guess]) -> None:
        if guesses and not self.guesses:
            rank_zero_info(describe(guesses))
        self.guesses, self.tasks = list(guesses), [apply(task, guesses) for task in self.tasks]

    def _make_store(self, parts: Sequence[TaskRows]) -> RowStore:
        return RowStore(
            parts, self.form, self.tokenizer, seed=self.seed, shots=self.shots, phrasings=self.phrasings
        )

    def _forbidden(self) -> list[str]:
        return [token for token in self.tokenizer.all_special_tokens if len(token) > 1]

    def encode_side(self, side: str) -> None:
        """Tokenise as many of the side's rows as asked for; those over `max_length` are set aside and others taken."""
        assert self.store is not None
        key = self._token_key(side)
        kept = None if key is None else self.cache.load("tokens", key)
        if kept is not None:
            filled = unpack(kept)
        else:
            filled = fill(self.candidates[side], self.limits[side], self.max_length, self.store.encode)
            if key is not None and len(self.store) >= self.cache.least_rows:
                self.cache.save("tokens", key, pack(filled))
        for row, length in filled.long.tolist():
            part, place = self.store.locate(row)
            reason = f"longer than --data.max_length {self.max_length}: {length} tokens ({side})"
            self.aside["fit"].append(
                SetAside(
                    part.file, int(part.lines[place]), reason, part.inputs[place][:TEXT_LIMIT], part.task.name
                )
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

    def read_questions(self, path: str | None) -> None:
        """Read the file to predict; rows that cannot be asked are kept for the output with their reason.

        Raises:
            ValueError: If there is no file, or it has the input column of several tasks.
        """
        if not path:
            raise ValueError("`predict` needs the file with the inputs: --data.predict_path mols.csv")
        rows = load_source(path)
        if rows.total == 0:
            raise ValueError(f"{path}: expected at least one row below the header, but there is none.")
        self.settle_notations(rows)
        task = task_for_columns(self.tasks, rows.table.column_names)
        part = read_task(task, rows, with_output=False, forbidden=self._forbidden())
        store = self._make_store([part])
        if self.shots:
            assert self.store is not None
            store = self._make_store([part, *self.store.parts])
            store.draw_demonstrations_from(self.pools["train"] + len(part))
        places = np.arange(len(part))
        encoded = store.encode(places)
        fits = encoded.lengths <= self.max_length
        self.aside["predict"] = list(part.set_aside) + [
            SetAside(
                part.file,
                int(part.lines[row]),
                f"longer than --data.max_length {self.max_length}",
                part.originals[row],
            )
            for row in places[~fits]
        ]
        self.predict_store, self.pools["predict"] = store, places[fits]
        self.encoded["predict"] = encoded.take(fits)

    def encode_training(self, epoch: int) -> tuple[Encoded, NDArray[np.int64]]:
        """Return the tokens of an epoch's training rows, and each row's index in the training pool."""
        assert self.store is not None
        rows = choose_epoch_rows(self.pool_tasks("train"), self.weights, self.seed, epoch, self.epoch_rows)
        if not self.store.varies() and len(rows) == len(self.pools["train"]):
            return self.encoded["train"], rows
        return self.store.encode(self.pools["train"][rows], epoch, self.max_length), rows

    def pool_tasks(self, side: str) -> NDArray[np.int64]:
        """Return the number of the task of each row of a side."""
        assert self.store is not None
        numbers = np.array([self.task_names.index(part.task.name) for part in self.store.parts])
        return numbers[np.searchsorted(self.store.starts, self.pools[side], side="right") - 1]

    def row(self, stage: Literal[EvalStage, "train"], index: int) -> Row:
        """Return a row of a stage by its index (0 .. num_rows - 1)."""
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

    def answer_lengths(self, stage: EvalStage) -> NDArray[np.int64]:
        """Return how many tokens the target of each evaluated row has, (N,), the stop token included."""
        return self.encoded[stage].lengths - self.encoded[stage].prompt_lengths

    def side_texts(self, side: str) -> list[SideTexts]:
        """Return the texts of the rows of a side: train, val or test.

        Outside `fit` those over `max_length` are among the training rows: they were not tokenised to be found.
        """
        assert self.store is not None
        rows = self.pools[side]
        of = np.searchsorted(self.store.starts, rows, side="right") - 1
        found = []
        for number, part in enumerate(self.store.parts):
            places = rows[of == number] - self.store.starts[number]
            notations = part.task.input.notation, part.task.output.notation
            texts = part.inputs.take(places), part.outputs.take(places)
            found.append(SideTexts(part.task.name, *notations, *texts))
        return found

    def set_aside(self, stage: str) -> list[SetAside]:
        """Return the rows that could not be used, with line and reason (`predict`: of the file to predict)."""
        return self.aside.get("predict" if stage == "predict" else "fit", [])

    def affixes(self, stage: EvalStage, index: int) -> tuple[str, str]:
        """Return what the format has before and after a row's answer in a generated text."""
        store = self.predict_store if stage == "predict" else self.store
        assert store is not None
        return self.form.affixes(store.query(int(self.pools[stage][index])))

    def extract(self, stage: EvalStage, index: int, text: str) -> str:
        """Return the answer that a generated text holds, without the format's own words."""
        store = self.predict_store if stage == "predict" else self.store
        assert store is not None
        return self.form.extract(text, store.query(int(self.pools[stage][index])))
