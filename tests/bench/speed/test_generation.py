from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.speed import generation, generation_worker
from bench.speed.generation import Case, environment
from bench.speed.generation_worker import answer_lengths, measure, questions
from bench.speed.training.workload import Workload, make_workload
from datamodules.tokens.batching import POOL_BATCHES, plan_evaluation

ROWS, SLOTS = 20, 3


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    """A few rows and a tiny decoder."""
    return make_workload(tmp_path_factory.mktemp("work"), "tiny", "arrow", ROWS)


def test_patois_and_transformers_write_the_same_answers_of_the_right_lengths(workload: Workload) -> None:
    _, _, ours = measure("patois", workload, SLOTS)
    _, _, theirs = measure("transformers", workload, SLOTS)
    assert ours == theirs
    assert [len(row) for row in ours] == answer_lengths(questions(workload)).tolist()
    assert len({tuple(row) for row in ours}) > ROWS / 2, "all alike would show nothing"


def test_generation_pools_are_those_of_validation(
    workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[int] = []
    generate = generation_worker.generate

    def note(decoder: Any, tokenizer: Any, prompt_ids: torch.Tensor, *more: Any, **options: Any) -> Any:
        pools.append(len(prompt_ids))
        return generate(decoder, tokenizer, prompt_ids, *more, **options)

    monkeypatch.setattr(generation_worker, "generate", note)
    measure("patois", workload, SLOTS)
    expected = [len(pool) for pool in plan_evaluation(workload.train.prompt_lengths, SLOTS, 1)]
    assert pools == expected * 2  # the first run warms up
    assert max(pools) <= POOL_BATCHES * SLOTS < ROWS


def test_forward_passes_are_counted(workload: Workload) -> None:
    lengths = answer_lengths(questions(workload))
    _, passes, _ = measure("transformers", workload, SLOTS)
    assert passes == sum(int(part.max()) for part in lengths.split(SLOTS))
    _, passes, _ = measure("patois", workload, SLOTS)
    assert passes >= -(-int(lengths.sum()) // SLOTS)


@pytest.mark.slow
def test_generation_case_compares_two_processes(tmp_path: Path) -> None:
    found = generation.measure(Case("tiny", "arrow", 12, 2), tmp_path)
    assert found["different"] == 0
    assert found["tokens"] > 12 * 5
    assert found["ratio"] == pytest.approx(found["rows_per_second"] / found["transformers_rows_per_second"])
    assert found["transformers_passes"] >= found["least_passes"] > found["tokens"] / 2 - 1


def test_generation_counts_rows_that_differ_and_sides_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def run(side: str, case: Case, folder: Path) -> Any:
        asked.append(side)
        answers = [[5, 2], [6, 2]] if side == "patois" else [[5, 2], [7, 2]]
        return {"seconds": 1 if side == "patois" else 3, "passes": 2}, answers

    monkeypatch.setattr(generation, "run_library", run)
    found = [generation.measure(Case("tiny", "arrow", 2, 2), tmp_path, number) for number in (0, 1)]
    assert found[0] == found[1]
    assert (found[0]["different"], found[0]["ratio"], found[0]["tokens"]) == (1, 3, 4)
    assert asked == ["patois", "transformers", "transformers", "patois"]


def test_only_patois_has_the_threads_of_train_py(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    assert "GOMP_SPINCOUNT" in environment("patois")
    assert "GOMP_SPINCOUNT" not in environment("transformers")


def test_generation_side_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "no room for $3" >&2\nexit 3\n')
    python.chmod(0o755)
    monkeypatch.setattr("bench.speed.generation.sys.executable", str(python))
    with pytest.raises(RuntimeError, match=r"transformers could not generate:\nno room for transformers"):
        generation.run_library("transformers", Case("tiny", "arrow", 2, 2), tmp_path)
