from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.release.base_sizes import Cell, best_rates, main, missing, plan, run_cell, table, write_page
from callbacks.statistics.intervals import wilson_interval
from tests.helpers.runs import write_pairs, write_tiny_base


def result(init: str, rate: float, seed: int, val: float, test: float, examples: int = 100) -> dict[str, Any]:
    cell = Cell("b", init, examples, rate, seed)._asdict()
    measured = {
        name: {"rows": 200, "exact_match": share, "validity": 0.5}
        for name, share in (("val", val), ("test", test))
    }
    return {**cell, "steps": 700, **measured}


def test_missing_cells_are_those_of_the_plan_without_a_result() -> None:
    cells = plan("b", [100, 1000], [1e-3, 2e-3], [0, 1])
    assert len(cells) == len(set(cells)) == 16
    assert [cell.seed for cell in cells] == [0] * 8 + [1] * 8
    done = [result("random", 1e-3, 0, 0, 0), result("pretrained", 2e-3, 1, 0, 0)]
    left = missing(cells, done)
    assert set(cells) - set(left) == {
        Cell("b", "random", 100, 1e-3, 0),
        Cell("b", "pretrained", 100, 2e-3, 1),
    }


def test_learning_rate_is_chosen_on_validation_and_reported_on_test() -> None:
    results = [
        result("random", 1e-3, 0, val=0.2, test=0.9),
        result("random", 2e-3, 0, val=0.3, test=0.10),
        result("random", 2e-3, 1, val=0.3, test=0.20),
        result("pretrained", 1e-3, 0, val=0.5, test=0.4),
    ]
    chosen = {key: (rate, len(found)) for key, rate, found in best_rates(results)}
    assert chosen == {("pretrained", 100): (1e-3, 1), ("random", 100): (2e-3, 2)}
    low, high = wilson_interval(0.15 * 200, 200)
    text = table(results)
    assert f"| 100 | random | 15.0 % ({100 * low:.1f} to {100 * high:.1f}; seeds 10.0 to 20.0)" in text
    assert "| 100 | pretrained | 40.0 % (" in text


def test_bases_page_holds_the_table(tmp_path: Path) -> None:
    (tmp_path / "bases.in.md").write_text("before\n<!-- base_sizes -->\nafter\n")
    results = [result("random", 1e-3, 0, 0.5, 0.5)]
    write_page(results, tmp_path)
    assert (tmp_path / "bases.md").read_text() == f"before\n{table(results)}after\n"


def test_main_runs_nothing_when_every_cell_has_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    monkeypatch.setattr(
        "bench.release.base_sizes.run_cell", lambda *_: pytest.fail("ran a cell that was there")
    )
    path = tmp_path / "results.jsonl"
    done = [{**result(init, 1e-3, 0, 0.5, 0.5)} for init in ("pretrained", "random")]
    path.write_text("".join(json.dumps(line) + "\n" for line in done))
    main(["--base", "b", "--sizes", "100", "--rates", "1e-3", "--seeds", "0", "--results", str(path)])
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.slow
def test_run_cell_fine_tunes_and_tests(tmp_path: Path) -> None:
    flags = [
        "--data.source", write_pairs(tmp_path), "--data.input_column", "smiles", "--data.output_column", "name",
        "--data.val_fraction", "0.3", "--data.test_fraction", "0.3", "--model.generation.max_new_tokens", "8",
    ]  # fmt: skip
    found = run_cell(Cell(write_tiny_base(tmp_path), "random", 5, 1e-3, 1), 2, flags)
    assert found["steps"] == 2
    assert found["seed"] == 1
    assert found["val"]["rows"] > 0 < found["test"]["rows"]
    assert 0 <= found["test"]["exact_match"] <= 1
