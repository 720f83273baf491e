"""The candidates of a round that become training rows, and the round's yield. Pure but for reading molecules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from datamodules.notations._unicode import compose
from datamodules.notations.naming.preferred import is_preferred
from datamodules.notations.naming.styles import find_style
from datamodules.rows.known_rows import KnownRows, find_repeated
from datamodules.rows.task_rows import read_task
from datamodules.sources.rows import Rows
from datamodules.tasks import Identity, Side, Task
from datamodules.texts.augmentation import labels_of
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool


class Kept(NamedTuple):
    """An input whose best passing candidate may become a row."""

    number: int
    input: str
    answer: str
    score: float
    """Log-probability of the answer."""
    share_right: float
    """The share of the input's candidates that pass."""


def make_task(task: Task, source: str) -> Task:
    """Return the task of kept rows: it only trains, in the words of the task that drew them."""
    given, asked = labels_of(task)
    return Task(
        f"{task.name}_kept",
        Side("input", task.input.notation, given, randomize=task.input.randomize),
        Side("output", task.output.notation, asked, digits=task.output.digits),
        task.instructions,
        source=source,
        identity=Identity("identity"),
        condition=task.condition,
        only_trains=True,
        description=f"Verified answers of the model itself to {task.name}.",
    )


def find_kept(
    candidates: pa.Table,
    least: float,
    prefers: Callable[[str, Collection[str]], bool] = lambda answer, others: True,
) -> list[Kept]:
    """Return the best passing candidate of each input that has one: mixed inputs first, in the order of their numbers.

    Of candidates with the highest reward the reference itself is best, then the preferred one, then the most probable.

    Args:
        candidates: The candidates of a round, input by input.
        least: The least reward of a candidate that passes.
        prefers: Says of an answer whether it is preferred to others of equal reward.
    """
    found = []
    for _, rows in _by_input(candidates):
        passing = [row for row in rows if row["reward"] >= least]
        if not passing:
            continue
        most = max(row["reward"] for row in passing)
        equal = [row for row in passing if row["reward"] == most]
        answers = {row["answer"] for row in equal}
        best = max(
            equal,
            key=lambda row: (
                row["answer"] == row["reference"],
                prefers(row["answer"], answers),
                row["score"],
            ),
        )
        share = len(passing) / len(rows)
        found.append(Kept(best["number"], best["input"], best["answer"], best["score"], share))
    return sorted(found, key=lambda kept: kept.share_right == 1.0)


def find_preference(task: Task, reward: str) -> Callable[[str, Collection[str]], bool]:
    """Return what prefers an answer to others of equal reward: of right names the rules of names; others are alike."""
    if task.output.notation == "iupac" and reward == "right":
        return is_preferred_name
    return lambda answer, others: True


def is_preferred_name(name: str, others: Collection[str]) -> bool:
    """Say whether a name is conventional, and the one of a molecule's names that the rules of names prefer.

    Examples:
        >>> is_preferred_name("2-hydroxypropanoic acid", []), is_preferred_name("2-oxidanylpropanoic acid", [])
        (True, False)
    """
    return find_style(name) == "conventional" and is_preferred(name, others)


def count_candidates(candidates: pa.Table, least: float) -> dict[str, int]:
    """Return the counts of a round: inputs (and how many of them are all right, all wrong, mixed), candidates, and more."""
    shares, distinct, passed, total = list[float](), 0, 0, 0
    for _, rows in _by_input(candidates):
        right = sum(row["reward"] >= least for row in rows)
        shares.append(right / len(rows))
        distinct += len({compose(row["answer"]) for row in rows})
        passed, total = passed + right, total + len(rows)
    return {
        "inputs": len(shares), "candidates": total, "distinct": distinct, "passed": passed,
        "all_right": shares.count(1.0), "all_wrong": shares.count(0.0),
        "mixed": sum(0 < share < 1 for share in shares),
    }  # fmt: skip


def _by_input(candidates: pa.Table) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    for number, rows in groupby(candidates.to_pylist(), key=lambda row: row["number"]):
        yield number, list(rows)


def make_rows(
    kept: list[Kept],
    identities: Mapping[int, str],
    number: int,
    most: int,
    task: Task,
    known: KnownRows,
    before: pa.Table | None,
    forbidden: ControlTokens,
    pool: WorkerPool,
) -> tuple[pa.Table, dict[str, int]]:
    """Return the rows that a round adds, in their notations, and how many are left out for which reason.

    Left out are rows that the task cannot use, that are of a held-out identity, or whose pair was trained on already, and what
    exceeds `most`.

    Args:
        kept: The best passing candidates, those to take first in front.
        identities: The identity of each input by its number; empty where the answer tells it.
        number: The round.
        most: The most rows.
        task: The task of kept rows.
        known: The rows of the model's run.
        before: The rows of earlier rounds.
        forbidden: Texts that no cell may hold.
        pool: Worker processes.
    """
    table = pa.table({
        "input": pa.array([one.input for one in kept], pa.large_string()),
        "output": pa.array([one.answer for one in kept], pa.large_string()),
        "identity": pa.array([identities[one.number] for one in kept], pa.large_string()),
        "round": pa.array([number] * len(kept), pa.int64()),
        "share_right": pa.array([one.share_right for one in kept], pa.float64()),
        "score": pa.array([one.score for one in kept], pa.float64()),
    })  # fmt: skip
    if _tells_style(task):  # a right name in another style must not be learned as one in the asked style
        styles = [find_style(one.answer) for one in kept]
        table = table.append_column("style", pa.array(styles, pa.large_string()))
    lines = np.arange(1, len(kept) + 1)
    texts = table.drop_columns(["round", "share_right", "score"])
    read = read_task(task, Rows(texts, lines, "kept", [], False, len(kept)), forbidden=forbidden, pool=pool)
    held_out, trained = known.find_held_out(read, pool), known.find_trained(read)
    pairs = list(zip(read.inputs, read.outputs, strict=True))
    earlier = (
        []
        if before is None
        else list(zip(*(before[side].to_pylist() for side in ("input", "output")), strict=True))
    )
    trained |= find_repeated([*earlier, *pairs])[len(earlier) :]
    fit = np.flatnonzero(~held_out & ~trained)
    places = fit[:most]
    left_out = {
        "unusable": len(read.set_aside), "held_out": int(held_out.sum()), "duplicate": int((trained & ~held_out).sum()),
        "beyond": len(fit) - len(places),
    }  # fmt: skip
    rows = table.take(pa.array(read.table_rows[places], pa.int64()))
    for side, column in (("input", read.inputs), ("output", read.outputs)):
        texts = pa.array(list(column.take(places)), pa.large_string())
        rows = rows.set_column(rows.column_names.index(side), side, texts)
    return rows, left_out


def _tells_style(task: Task) -> bool:
    """Say whether the task's condition is the style of the names that it answers."""
    return task.condition is not None and task.condition.column == "style" and task.output.notation == "iupac"
