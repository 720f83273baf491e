"""Candidates of a round, chunk by chunk: each chunk is a file, so that a command that was killed draws none again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from callbacks.rows.rewards import Reward
from cli.improving.inputs import Questions
from datamodules.storage.atomic_write import whole_binary_file
from datamodules.tasks import Task
from lightning_modules.generation.settings import GenerationSettings

if TYPE_CHECKING:
    from cli.asking.model import Model

CHUNK = 128
"""Inputs a chunk: OPSIN starts once for their candidates, and a kill loses no more."""
_SECONDS = b"seconds"


@dataclass(frozen=True)
class Sampling:
    """How candidates are drawn."""

    candidates: int
    """Candidates an input."""
    temperature: float
    top_p: float
    seed: int
    """The k-th candidate of an input depends on the weights, this seed, the input's number and k only."""


def draw_candidates(
    folder: Path,
    questions: Questions,
    task: Task,
    sampling: Sampling,
    reward: Reward,
    load: Callable[[], Model],
    tell: Callable[[int], None] = lambda inputs: None,
) -> tuple[pa.Table, float]:
    """Return the candidates of all questions, and the seconds that drawing and checking them took.

    Args:
        folder: Holds a Parquet file a chunk; those that are there are not drawn again.
        questions: N questions.
        task: The task.
        sampling: How candidates are drawn.
        reward: Judges them.
        load: Loads the model; called only if a chunk is missing.
        tell: Is told how many inputs have their candidates, after each chunk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = None
    tables, count = [], len(questions.inputs)
    for first in range(0, count, CHUNK):
        path = folder / f"{first // CHUNK:06d}.parquet"
        if not path.is_file():
            began = time.monotonic()
            model = load() if model is None else model
            places = np.arange(first, min(first + CHUNK, count))
            table = draw_chunk(model, task, questions.take(places), first, sampling, reward)
            spent = {_SECONDS: str(time.monotonic() - began).encode()}
            with whole_binary_file(path) as file:
                pq.write_table(table.replace_schema_metadata(spent), file, compression="zstd")
        tables.append(pq.read_table(path))
        tell(min(first + CHUNK, count))
    if model is not None:
        model.calls.close()
    seconds = sum(float((table.schema.metadata or {})[_SECONDS]) for table in tables)
    return pa.concat_tables([table.replace_schema_metadata(None) for table in tables]), seconds


def draw_chunk(
    model: Model, task: Task, questions: Questions, first: int, sampling: Sampling, reward: Reward
) -> pa.Table:
    """Return the candidates of some questions with their rewards; none of those that the model cannot read.

    Args:
        model: The model.
        task: The task.
        questions: N questions.
        first: The number of the first one in the round.
        sampling: How candidates are drawn.
        reward: Judges them.
    """
    limit = model.weights(task.name).max_new_tokens
    settings = GenerationSettings(
        "sample", temperature=sampling.temperature, top_p=sampling.top_p, seed=sampling.seed, max_new_tokens=limit
    )  # fmt: skip
    inputs, references = list(questions.inputs), list(questions.references)
    places = [place for place in range(len(inputs)) for _ in range(sampling.candidates)]
    numbers = [sampling.candidates * first + number for number in range(len(places))]
    made = model.generate(task, [inputs[place] for place in places], settings, numbers=numbers)
    found = [(place, one) for place, one in zip(places, made, strict=True) if one is not None]
    pairs = [(place, one.text.strip()) for place, one in found if one.stopped]
    rewards = judge(task, inputs, references, list(dict.fromkeys(pairs)), reward)
    columns = {
        "number": pa.array([first + place for place, _ in found], pa.int64()),
        "input": pa.array([inputs[place] for place, _ in found], pa.large_string()),
        "reference": pa.array([references[place] for place, _ in found], pa.large_string()),
        "answer": pa.array([one.text.strip() for _, one in found], pa.large_string()),
        "score": pa.array([one.score for _, one in found], pa.float64()),
        "stopped": pa.array([one.stopped for _, one in found], pa.bool_()),
        "reward": pa.array(
            [rewards.get((place, one.text.strip()), 0.0) if one.stopped else 0.0 for place, one in found],
            pa.float64(),
        ),
    }
    return pa.table(columns)


def judge(
    task: Task,
    inputs: Sequence[str],
    references: Sequence[str],
    pairs: Sequence[tuple[int, str]],
    reward: Reward,
) -> dict[tuple[int, str], float]:
    """Return the reward of each (place of an input, answer); NaN where nothing tells the right answer.

    An answer that was cut has none: its end is missing.
    """
    asked = [inputs[place] for place, _ in pairs]
    known = [[references[place]] if references[place] else [] for place, _ in pairs]
    values = reward(task, asked, known, [answer for _, answer in pairs])
    return dict(zip(pairs, np.asarray(values).tolist(), strict=True))
