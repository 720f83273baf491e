from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from cli.improving.keeping import Kept, count_candidates, find_kept, find_preference, make_rows, make_task
from datamodules.rows.read_and_split import SplitSettings
from datamodules.tasks import Condition, Side, Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool
from tests.helpers.known_rows import make_known

NAMING = Task(
    "naming", Side("smiles", "smiles", "SMILES"), Side("iupac", "iupac"), ("Name it.",),
    condition=Condition("style", "conventional"),
)  # fmt: skip


def make_candidates(*rows: tuple[int, str, float, float], reference: str = "") -> pa.Table:
    """Return candidates of (number, answer, score, reward)."""
    return pa.table({
        "number": [row[0] for row in rows], "input": [f"input {row[0]}" for row in rows],
        "reference": [reference] * len(rows), "answer": [row[1] for row in rows], "score": [row[2] for row in rows],
        "stopped": [True] * len(rows), "reward": [row[3] for row in rows],
    })  # fmt: skip


def test_the_most_probable_passing_candidate_of_an_input_is_kept_mixed_inputs_first() -> None:
    candidates = make_candidates(
        (0, "a", -1.0, 1.0), (0, "b", -0.5, 1.0), (1, "c", -0.1, 0.0), (1, "d", -0.2, float("nan")),
        (2, "e", -9.0, 1.0), (2, "f", -0.1, 0.0),
    )  # fmt: skip
    kept = find_kept(candidates, 1.0)
    assert [(one.number, one.answer, one.share_right) for one in kept] == [(2, "e", 0.5), (0, "b", 1.0)]
    assert count_candidates(candidates, 1.0) == {
        "inputs": 3, "candidates": 6, "distinct": 6, "passed": 3, "all_right": 1, "all_wrong": 1, "mixed": 1,
    }  # fmt: skip


def test_the_reference_is_best_then_the_preferred_name_and_the_reward_decides_first() -> None:
    prefers = find_preference(NAMING, "right")
    names = ((0, "2-methyl-4-chlorophenol", -0.1, 1.0), (0, "4-chloro-2-methylphenol", -3.0, 1.0))
    assert find_kept(make_candidates(*names), 1.0, prefers)[0].answer == "4-chloro-2-methylphenol"
    [kept] = find_kept(make_candidates(*names, reference=names[0][1]), 1.0, prefers)
    assert kept.answer == "2-methyl-4-chlorophenol"
    styled = make_candidates(
        (0, "2-oxidanylpropanoic acid", -0.1, 1.0), (0, "2-hydroxypropanoic acid", -5.0, 1.0)
    )
    assert find_kept(styled, 1.0, prefers)[0].answer == "2-hydroxypropanoic acid"
    alike = find_preference(NAMING, "similarity")
    scored = make_candidates((0, "a", -5.0, 0.9), (0, "b", -0.1, 0.8), (0, "c", -0.1, 0.3))
    assert find_kept(scored, 0.5, alike)[0].answer == "a"
    assert find_kept(scored, 0.95, alike) == []


def test_task_of_kept_rows_asks_in_the_same_words_and_only_trains() -> None:
    task = make_task(NAMING, "kept.parquet")
    assert (task.name, task.only_trains, task.source) == ("naming_kept", True, "kept.parquet")
    assert (task.input.label, task.output.label, task.instructions) == ("SMILES", "iupac", ("Name it.",))
    assert (task.input.notation, task.output.notation) == ("smiles", "iupac")
    assert task.condition == NAMING.condition


def test_rows_of_held_out_molecules_of_known_pairs_and_beyond_the_wanted_number_are_left_out(
    tmp_path: Path,
) -> None:
    known = make_known(tmp_path, SplitSettings(split_column="side"))
    task = Task("draw_kept", Side("input"), Side("output", "smiles"), only_trains=True)
    answers = ["CC", "C1CC", "OCCCCO", "CCCCCCCC", "CCCCCCCCC", "OCCCCCO"]
    candidates = make_candidates(*((number, text, -1.0, 1.0) for number, text in enumerate(answers)))
    kept = find_kept(candidates, 1.0)
    before = pa.table({"input": ["input 3"], "output": ["CCCCCCCC"]})
    identities = dict.fromkeys(range(len(answers)), "")
    with WorkerPool() as pool:
        rows, left_out = make_rows(kept, identities, 2, 2, task, known, before, ControlTokens(), pool)
    # ethane is a test row of `known`; the structures tell it, as no name does
    assert left_out == {"unusable": 1, "held_out": 1, "duplicate": 1, "beyond": 1}
    assert rows["output"].to_pylist() == ["OCCCCO", "CCCCCCCCC"]
    assert rows["round"].to_pylist() == [2, 2]
    assert rows.column_names == ["input", "output", "identity", "round", "share_right", "score"]


def test_a_kept_name_is_of_its_own_style_and_not_of_the_asked_one(tmp_path: Path) -> None:
    task = make_task(NAMING, "kept.parquet")
    kept = [Kept(0, "CCCCCCCCCO", "nonan-1-ol", -1.0, 0.5), Kept(1, "NCCO", "2-azanylethanol", -1.0, 0.5)]
    known = make_known(tmp_path, SplitSettings(split_column="side"))
    with WorkerPool() as pool:
        rows, _ = make_rows(kept, {0: "", 1: ""}, 1, 9, task, known, None, ControlTokens(), pool)
    assert dict(zip(rows["output"].to_pylist(), rows["style"].to_pylist(), strict=True)) == {
        "nonan-1-ol": "conventional", "2-azanylethanol": "openeye",
    }  # fmt: skip
