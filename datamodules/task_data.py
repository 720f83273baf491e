"""The rows and tokens of every stage (fit, validate, test, predict), without Lightning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from numpy.typing import NDArray

from configs.lookup import find_cache_root
from datamodules.flag_tasks import choose_tasks, find_open_sides
from datamodules.formats import load_format
from datamodules.limits import refuse_below
from datamodules.rows import data_report
from datamodules.rows.columns.conditions import ask_condition
from datamodules.rows.guess_notations import Guess, apply, guess_from_rows
from datamodules.rows.guess_words import describe, warn_of_guesses
from datamodules.rows.prepare import Prepared, prepare
from datamodules.rows.questions import hash_questions, take_shard
from datamodules.rows.read_and_split import load_questions, name_list, read_questions
from datamodules.rows.side_texts import SideTexts, texts_by_task
from datamodules.rows.task_rows import TaskRows
from datamodules.sources.lookup import load_source
from datamodules.sources.rows import TEXT_LIMIT, Rows, SetAside
from datamodules.sources.tables.options import TableOptions
from datamodules.splits import NAMES
from datamodules.storage.cache import DataCache
from datamodules.storage.spill import blocks_of
from datamodules.texts.all_phrasings import ask_all
from datamodules.texts.asked_rows import AskedRows
from datamodules.texts.asking import check_distinct
from datamodules.texts.draw_settings import DrawSettings, describe_tokens
from datamodules.texts.rendering import RowStore
from datamodules.texts.windows import WindowedRows, Windows, check_window_column
from datamodules.tokens.choice_tokens import ChoiceTokens
from datamodules.tokens.control_tokens import ControlTokens, find_control_tokens
from datamodules.tokens.epoch_batches import choose_epoch_rows
from datamodules.tokens.examples import Encoded
from datamodules.tokens.length_limit import fill, pack, unpack
from datamodules.tokens.mixing import AdaptiveShares
from datamodules.tokens.token_files import encode_in_blocks
from datamodules.workers.ray_parts import Engine, check_engine


class TaskData:
    """Reads, splits, renders and tokenises rows, one stage at a time; it reads nothing before a stage needs it.

    Args:
        tokenizer: The base's tokenizer; on the command line it comes from the model.
        task: A name in configs/tasks, the path of a YAML file, or several with weights: `a,b` or `a:2,b:1`. A task of weight 0
            (`a:1,c:0`) is evaluated and never trained. Default: name_small_molecules, or a task made of the two columns if
            these are given.
        source: A built-in source (pubchem, pubchem_small, b3db, aqsoldb, melting_points, reactions, compound_questions, openings,
            cmudict, dna_to_protein, string_rules, english, words, textbook; recombined, recombined_preferred, which `recombined`
            makes), a csv, tsv, txt, smi, sdf, xlsx, jsonl or parquet file, a folder or a glob of such files ('shards/*.parquet'),
            an address of them that fsspec knows (s3://, https://, ...), or hf://datasets/OWNER/NAME/FILE. Default: the task's
            own.
        header: Whether the first line of a table holds the names of its columns: `auto` (the cells tell), true or false. Columns
            without names are called column_1, column_2, ...
        encoding: The encoding of text files: `auto` (byte order mark, else UTF-8, else cp1252, and one line tells which), or a
            name that Python knows, such as latin-1 or utf-16.
        format: A name in configs/formats, or the path of a YAML file.
        input_column: Column of the inputs, in place of the task's; of several, `context,question`, each is a line of the input.
        output_column: Column of the outputs, in place of the task's; without a task also several, `a,b`: a task each.
        input_notation: Notation of the input column: text, number, smiles, selfies, iupac, formula, reaction, polymer,
            phonemes (ARPAbet), ipa, answer (as SQuAD compares). Default: the task's; for two columns without a task it is guessed
            from 200 of their cells, and one line tells it.
        output_notation: Notation of the output column; of several columns `a:text,b:number`.
        choices: The answers that the output allows, scored instead of generated: `a,b`, `auto` (the column's different values),
            or `none`. Default: the task's; for columns without a task, the values of a column with at most 20 different ones.
        digits: The digits behind the point to which a column of numbers is rounded. Default: the task's; for columns without a
            task, those that tell its values apart to 1 % of their standard deviation.
        max_length: Maximum number of tokens of prompt, completion and stop token; longer rows are skipped and counted.
        seed: Seed of order, phrasing and spelling; on the command line `--seed_everything`.
        cache: Cache prepared rows and tokens of tables of at least 10,000 rows (on several ranks, of any table) for the next
            run, keyed by the content of everything that they depend on. To empty the cache, remove its folder.
        cache_dir: The cache's folder; default $PATOIS_CACHE, else $XDG_CACHE_HOME/patois, else ~/.cache/patois.
        engine: Where the parts of a table of more than 524,288 rows are checked: in processes of this machine (`local`), or on
            a Ray cluster (`ray`, the extra of this name). The rows are the same.
        draw_settings: The flags of `DrawSettings`.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        task: str | list[str] | dict[str, float] | None = None,
        source: str | None = None,
        header: bool | Literal["auto"] = "auto",
        encoding: str = "auto",
        format: str = "question_answer",
        input_column: str | None = None,
        output_column: str | None = None,
        input_notation: str | None = None,
        output_notation: str | None = None,
        choices: str | list[str] | dict[str, list[str]] | None = None,
        digits: int | dict[str, int] | None = None,
        max_length: int = 256,
        seed: int = 0,
        cache: bool = True,
        cache_dir: str | None = None,
        engine: Engine = "local",
        **draw_settings: Any,
    ) -> None:
        refuse_below(max_length=max_length)
        check_engine(engine)
        context = getattr(tokenizer, "model_max_length", None)
        if context is not None and max_length > context:
            raise ValueError(
                f"Expected --data.max_length to be at most the base's context of {context} tokens, but got {max_length}."
            )
        self.tokenizer, self.form = tokenizer, load_format(format)
        columns = input_column, output_column, input_notation, output_notation, choices, digits
        tasks, self.weights = choose_tasks(task, *columns)
        check_distinct(tasks, self.form)
        self.drawing = DrawSettings(**draw_settings)
        self.tasks = ask_condition(tasks, self.drawing.condition)
        self.open_sides, self.guesses = find_open_sides(task, *columns), list[Guess]()
        if any(item.choices and item.choices.auto for item in self.tasks):
            self.open_sides = (*self.open_sides, "kind")
        self.source = source
        self.drawing.check_tasks(self.task_names, self.weights)
        self.cutting: Windows | None = None
        if (column := self.drawing.window_column) is not None:
            check_window_column(self.tasks, column)
            self.cutting = Windows(column, self.drawing.window_stride, max_length, tokenizer)
        self.mixing: AdaptiveShares | None = None  # made with the training rows
        self.table_options = TableOptions(header, encoding)
        self.max_length, self.seed, self.engine = max_length, seed, engine
        folder = Path(cache_dir).expanduser() if cache_dir else find_cache_root()
        self.cache = DataCache(folder if cache else None)
        self.prepared: Prepared | None = None
        self.store: RowStore | None = None
        self.question_rows: Rows | None = None  # the file to predict, with all its columns
        self._shard_lines: NDArray[np.int64] | None = None  # of `predict`, if not all rows are asked
        self.windowed: WindowedRows | None = None  # of all rows, if windows are wanted
        # Also of tasks that are not trained.
        self.demonstrations: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.sides: dict[str, AskedRows] = {}  # train, val and test, and predict
        self.aside: dict[str, list[SetAside]] = {}
        self.report: dict[str, Any] = {}

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks, in the order given."""
        return [task.name for task in self.tasks]

    def prepare_sides(
        self, sides: Sequence[str], workers: int | None = None, *, keep_small: bool = False
    ) -> None:
        """Read all rows and tokenise the rows of some sides, unless this is already done.

        Args:
            sides: Any of train, val and test; without sides, rows are read only if demonstrations are drawn from them.
            workers: Maximum number of processes that check texts; by default one for each of this rank's cores.
            keep_small: Also cache small tables.
        """
        if (sides or self.drawing.most_shots) and not self.report:
            self._read(workers, keep_small)
        for side in sides:
            if self.sides[side].tokens is None:
                self._encode_side(side, keep_small)
                if self.drawing.ask == "all" and "train" not in sides:
                    self._ask_all(side)
                if self.windowed is not None and side != "train":
                    self.sides[side].add_windows(side)
                if side == "train":
                    counts = np.bincount(self.pool_tasks(side), minlength=len(self.tasks)).tolist()
                    self.mixing = self.drawing.make_shares(self.task_names, self.weights, counts)

    def _read(self, workers: int | None, keep_small: bool) -> None:
        """Read and split all rows, and keep each side's rows up to its limit."""
        settings, forbidden, options = self.drawing.split_settings, self._forbidden(), self.table_options
        prepared = prepare(
            self.tasks, self.source, settings, forbidden, self.cache, workers, options,
            keep_small=keep_small, open_sides=self.open_sides, guesses=self.guesses, engine=self.engine,
        )  # fmt: skip
        data_report.tell(prepared.notes)
        self.take_guesses(prepared.guesses)
        reasons = [row.reason for part in prepared.parts for row in part.set_aside]
        warn_of_guesses(self.guesses, len(prepared.sides), sum(prepared.totals.values()), reasons)
        self.prepared = prepared
        self.store, self.windowed = self._cut(prepared.parts)
        for side in NAMES:
            most = self.drawing.limits[side]
            rows = np.concatenate([rows[:most] for rows in self._select_side(side)])
            self.sides[side] = AskedRows(self.store, self.form, rows, self.windowed)
        shown = prepared.select_side("train", self.task_names)
        self.demonstrations = np.concatenate([rows[: self.drawing.limits["train"]] for rows in shown])
        self.store.demonstrations.draw_from(self.demonstrations, prepared.sides)
        self.aside["fit"] = [row for part in prepared.parts for row in part.set_aside]
        pools = {side: rows.places for side, rows in self.sides.items()}
        self.report = data_report.make(prepared, pools, self.drawing.split_settings)

    @property
    def held_out(self) -> list[str]:
        """Names of the tasks of weight 0, which are evaluated and never trained."""
        return [
            name for name, weight in zip(self.task_names, self.weights or (), strict=False) if weight == 0
        ]

    def _select_side(self, side: str) -> list[NDArray[np.int64]]:
        """Return a side's rows, one array per task; a task of weight 0 has no training rows."""
        assert self.prepared is not None
        rows_by_task = self.prepared.select_side(side, self.task_names)
        if side != "train":
            return rows_by_task
        held_out = self.held_out
        return [
            rows[:0] if name in held_out else rows
            for name, rows in zip(self.task_names, rows_by_task, strict=True)
        ]

    def guess_notations(self, rows: Rows | None = None) -> None:
        """Guess the notations that are not given from some rows, by default the source's, unless this is already done."""
        if self.open_sides and not self.guesses:
            if rows is None:
                assert self.source is not None, "two columns without a task have no source of their own"
                rows = load_source(self.source, self.table_options)
            self.take_guesses(guess_from_rows(self.tasks, self.open_sides, rows))

    def take_guesses(self, guesses: Sequence[Guess]) -> None:
        """Set the tasks' notations to guessed ones, and print them once."""
        if guesses and not self.guesses:
            rank_zero_info(describe(guesses))
            self.guesses, self.tasks = list(guesses), [apply(task, guesses) for task in self.tasks]

    def _make_store(self, parts: Sequence[TaskRows]) -> RowStore:
        draw = self.drawing
        return RowStore(
            parts, self.form, self.tokenizer, seed=self.seed, shots=draw.shots, shots_by=draw.shots_by,
            phrasings=draw.phrasings, loss_on=draw.loss_on,
        )  # fmt: skip

    def _cut(self, parts: Sequence[TaskRows]) -> tuple[RowStore, WindowedRows | None]:
        """Return the rows, with the long ones cut to windows if that is wanted; further windows stand behind all rows."""
        store = self._make_store(parts)
        if self.cutting is None:
            return store, None
        windowed = self.cutting.cut(parts, store.encode)
        return self._make_store(windowed.parts), windowed

    def _forbidden(self) -> ControlTokens:
        return find_control_tokens(self.tokenizer, self.form.chat)

    def _encode_side(self, side: str, keep_small: bool) -> None:
        """Tokenise a side's rows up to its limit; rows over `max_length` are skipped and replaced by others."""
        assert self.store is not None
        assert self.prepared is not None
        key = self._token_key(self.prepared.key, side)
        cached = None if key is None else self.cache.load("tokens", key)
        if cached is not None:
            limited = unpack(cached)
        else:
            rows_by_task = self._select_side(side)
            limited = fill(rows_by_task, self.drawing.limits[side], self.max_length, self.store.encode)
            if key is not None and (keep_small or len(self.store) >= self.cache.least_rows):
                limited = unpack(self.cache.keep("tokens", key, pack(limited), len(limited.rows)))
        for row, length in limited.long.tolist():
            self._skip([row], f"longer than --data.max_length {self.max_length}: {length} tokens ({side})")
        if len(limited.long):
            self.report["too_long"][side] = len(limited.long)
        self.sides[side].places, self.sides[side].tokens = limited.rows, limited.encoded
        self.report["rows"][side] = len(limited.rows)

    def _skip(self, rows: Iterable[int], reason: str) -> None:
        """List rows as skipped."""
        assert self.store is not None
        for row in rows:
            part, place = self.store.locate(int(row))
            self.aside["fit"].append(
                part.skip(place, reason, part.inputs[place][:TEXT_LIMIT], part.task.name)
            )

    def _ask_all(self, side: str) -> None:
        """Ask each row of a side in all phrasings of its task; a row that is too long in one is skipped."""
        assert self.store is not None
        counts = np.array([len(task.instructions) for task in self.tasks])[self.pool_tasks(side)]
        rows = self.sides[side]
        asked = ask_all(self.store, rows.places, rows.encoded, counts, self.max_length)
        self._skip(
            asked.too_long,
            f"longer than --data.max_length {self.max_length} in one of its phrasings ({side})",
        )
        rows.places, rows.phrasings, rows.tokens = asked.rows, asked.phrasings, asked.encoded
        self.report["rows"][side] -= len(asked.too_long)

    def _token_key(self, rows_key: str | None, side: str) -> dict[str, Any] | None:
        """Return everything that a side's rows and tokens depend on, or None if it cannot be described."""
        held_out = self.held_out if side == "train" else []
        windows = {} if self.cutting is None else {"windows": [self.cutting.column, self.cutting.stride]}
        randomizes = any(task.input.randomize and not task.input.mask for task in self.tasks)
        return describe_tokens(
            rows_key, side, self.drawing, self.form, self.tokenizer, max_length=self.max_length, held_out=held_out,
            seed=self.seed if self.drawing.most_shots or randomizes else None, **windows,
        )  # fmt: skip

    def read_questions(self, path: str | None, shard: str | None = None) -> None:
        """Read the file to predict; invalid rows are kept with their reason for the output.

        All rows are read and tokenised for a shard, too: what is drawn for a row depends on its number among all.

        Args:
            path: The file.
            shard: Which part of its rows is asked, such as 3/16; None asks all.

        Raises:
            ValueError: If no file is given, or the file has the input columns of several tasks.
        """
        rows = name_list(self.tasks, load_questions(path, self.table_options))
        self.guess_notations(rows)
        part = read_questions(self.tasks, rows, self._forbidden())
        data_report.tell({part.file: [*rows.notes, *part.notes]})
        store, windowed = self._cut([part])
        if self.drawing.most_shots:
            assert self.store is not None
            assert self.prepared is not None
            store = self._make_store([part, *self.store.parts])
            sides = np.concatenate([np.full(len(part), -1, dtype=np.int8), self.prepared.sides])
            store.demonstrations.draw_from(self.demonstrations + len(part), sides)
        places = np.arange(len(part))
        encoded = store.encode(places)
        fits = encoded.lengths <= self.max_length
        reason = f"longer than --data.max_length {self.max_length}"
        too_long = [part.skip(place, reason, part.originals[place]) for place in places[~fits]]
        self.aside["predict"] = [*part.set_aside, *too_long]
        self.question_rows = rows
        asked = AskedRows(
            store, self.form, places[fits], windowed, has_targets=False, tokens=encoded.take(fits)
        )
        if windowed is not None:
            asked.add_windows("predict")
        self.sides["predict"] = asked
        self._shard_lines = None
        if shard is not None:
            of_aside = np.array([row.line for row in self.aside["predict"]], dtype=np.int64)
            self._shard_lines = take_shard(np.concatenate([part.lines[places[fits]], of_aside]), shard)
            kept = np.isin(of_aside, self._shard_lines)
            self.aside["predict"] = [self.aside["predict"][place] for place in np.flatnonzero(kept)]

    def asked_prompts(self) -> NDArray[np.int64]:
        """Return the prompts of `predict` that are asked, by index: those of the shard's rows."""
        asked = self.sides["predict"]
        prompts = np.arange(len(asked.places))
        if self._shard_lines is None:
            return prompts
        rows = asked.places[np.concatenate([prompts[: asked.num_rows], asked.further])]
        return prompts[np.isin(asked.store.parts[0].lines[rows], self._shard_lines)]

    def hash_questions(self) -> str:
        """Return a hash of the file to predict, of its prompts, and of the shard that is asked."""
        assert self.question_rows is not None
        rows, asked, aside = self.question_rows, self.sides["predict"], self.aside["predict"]
        task = asked.store.parts[0].task
        return hash_questions(rows.table, rows.lines, asked.encoded, self.asked_prompts(), aside, task)

    def encode_training(self, epoch: int) -> tuple[Encoded, NDArray[np.int64]]:
        """Return the tokens of an epoch's training rows, and each row's index among all training rows."""
        assert self.store is not None
        rows = self._choose_rows(epoch)
        if not self.store.varies() and np.array_equal(rows, np.arange(len(self.sides["train"].places))):
            return self.sides["train"].encoded, rows
        encode = partial(self.store.encode, epoch=epoch, max_length=self.max_length)
        return encode_in_blocks(encode, self.sides["train"].places[rows]), rows

    def _choose_rows(self, epoch: int) -> NDArray[np.int64]:
        """Return the indices of an epoch's training rows."""
        shares = None if self.mixing is None else self.mixing.at(epoch)
        most = self.drawing.epoch_rows
        return choose_epoch_rows(self.pool_tasks("train"), self.weights, self.seed, epoch, most, shares)

    def note_losses(self, losses: Mapping[str, float], epoch: int) -> dict[str, float]:
        """Take the tasks' validation losses; return the shares of the next epoch, or nothing if they are fixed."""
        if self.mixing is None:
            return {}
        self.mixing.note([losses.get(name, float("nan")) for name in self.task_names], epoch)
        return dict(zip(self.task_names, self.mixing.at(epoch + 1), strict=True))

    def encode_preview(self, count: int) -> tuple[Encoded, NDArray[np.int64]]:
        """Return the tokens of `count` training rows of epoch 0, evenly spread, and each row's index.

        Only these rows are tokenised. A row that is too long is replaced by the next one that fits.
        """
        if not self.report:
            self._read(None, keep_small=False)
        assert self.store is not None
        rows = self._choose_rows(0)
        chosen = []
        for place in np.linspace(0, len(rows) - 1, num=min(count, len(rows))).astype(int).tolist():
            for row in rows[place:]:
                base = self.store.encode(self.sides["train"].places[[row]])
                if base.lengths[0] <= self.max_length:
                    chosen.append(row)
                    break
        indices = np.array(chosen, dtype=np.int64)
        return self.store.encode(self.sides["train"].places[indices], 0, self.max_length), indices

    def pool_tasks(self, side: str) -> NDArray[np.int64]:
        """Return the task's number for each row of a side."""
        assert self.store is not None
        numbers = np.array([self.task_names.index(part.task.name) for part in self.store.parts])
        return numbers[np.searchsorted(self.store.starts, self.sides[side].places, side="right") - 1]

    def side_texts(self, side: str) -> list[SideTexts]:
        """Return the texts of a side's rows: train, val or test.

        Outside `fit`, the training rows include rows over `max_length`, because only tokenising would find them.
        """
        assert self.prepared is not None
        return texts_by_task(self.prepared.parts, self.sides[side].places_once())

    def iterate_texts(self, side: str) -> Iterator[SideTexts]:
        """Yield what `side_texts` returns in blocks of rows."""
        assert self.prepared is not None
        for block in blocks_of(self.sides[side].places_once()):
            yield from texts_by_task(self.prepared.parts, block)

    def encode_choices(self, stage: str) -> ChoiceTokens | None:
        """Return the tokens of a stage's choices, or None if no task has any."""
        return self.sides[stage].encode_choices() if any(task.choices for task in self.tasks) else None

    def set_aside(self, stage: str) -> list[SetAside]:
        """Return the skipped rows with line and reason (`predict`: of the file to predict)."""
        return self.aside.get("predict" if stage == "predict" else "fit", [])
