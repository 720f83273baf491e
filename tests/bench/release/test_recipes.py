"""Which fits are run, for how many rows, and what the page says; the fits themselves take minutes each."""

from __future__ import annotations

from typing import Any

import pytest

from bench.release import recipes
from bench.release.recipes import CELLS, CONFIG, PAGE, PARTS, RESULTS, Cell, find_rows, run_cells, write_page
from bench.studies.grid import words
from bench.studies.results import Result, read_results
from callbacks.loggers.wandb_logger import DashboardLogger
from datamodules.sequence_task import SequenceTaskDataModule
from lightning_modules.causal_lm import CausalLM
from lightning_modules.decoder.bases import resolve_base
from lightning_modules.decoder.decoders import load_tokenizer
from tests.helpers.parsing import ParseOnly


def test_what_a_row_costs_is_the_difference_of_two_fits() -> None:
    assert find_rows(600, [(1_000, 50.0), (3_000, 90.0)]) == 30_000
    assert find_rows(1, [(1, 5.0), (2, 5.0)]) > 0  # a clock that stood still


def test_each_cost_is_measured_once_and_what_is_done_is_not_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[Any, int, int]] = []

    def measure(cell: Cell, seed: int, rows: int) -> tuple[float, float]:
        asked.append((dict(cell.flags), seed, rows))
        costly = 2.0 if cell.cost == "384 x 8" else 1.0
        return 10 + rows * 0.01 * costly, 1.0

    monkeypatch.setattr(recipes, "measure", measure)
    lines: list[Result] = []
    run_cells(["as it is", "beta2 0.999", "384 x 8"], [0, 1], 10.0, lines.append)
    assert [(line["cell"], line["seed"], line["rows"]) for line in lines] == [
        ("as it is", 0, 60_000), ("beta2 0.999", 0, 60_000), ("384 x 8", 0, 30_000),
        ("as it is", 1, 60_000), ("beta2 0.999", 1, 60_000), ("384 x 8", 1, 30_000),
    ]  # fmt: skip
    assert len(asked) == 6 + 2 * 2
    asked.clear()
    run_cells(["as it is", "384 x 8"], [0, 1], 10.0, lines.append, lines[:3])
    assert [(seed, rows) for _, seed, rows in asked] == [(1, 60_000), (1, 30_000)]
    assert len({(line["cell"], line["seed"]) for line in lines}) == 6
    assert set(lines[0]) == set(PARTS)


def test_the_page_ranks_by_the_mean_loss() -> None:
    rest = {"minutes": 20.0, "rows": 1_000, "seconds": 1_260.0}
    page = write_page([
        {"cell": "as it is", "seed": 0, "loss": 1.5, **rest}, {"cell": "as it is", "seed": 1, "loss": 1.7, **rest},
        {"cell": "QK-norm", "seed": 0, "loss": 1.4, **rest},
    ])  # fmt: skip
    first, second = (line for line in page.splitlines() if line.endswith("| 1,000 | 21.0 |"))
    assert first.startswith("| QK-norm | 1.4000 | 1.4000 |")
    assert second.startswith("| as it is | 1.6000 | 1.5000, 1.7000 |")
    assert "## 20 minutes" in page


def test_flags_of_cells_exist_and_shapes_have_the_bundled_tokenizer() -> None:
    parser = ParseOnly(CausalLM, SequenceTaskDataModule, logger_class=DashboardLogger, args=["fit"]).parser
    vocabulary = len(load_tokenizer("bundled"))
    for cell in CELLS.values():
        parser.parse_args(["fit", "--config", str(CONFIG), *words(cell.flags)])
        if "model.base" in cell.flags:
            spec = resolve_base(str(cell.flags["model.base"]))
            assert spec.config is not None
            assert (spec.init, spec.config["vocab_size"]) == ("random", vocabulary)


def test_committed_page_is_made_of_the_committed_lines() -> None:
    if lines := read_results(RESULTS, PARTS):
        assert PAGE.read_text(encoding="utf-8") == write_page(lines)
