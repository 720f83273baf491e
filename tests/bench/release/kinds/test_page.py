"""The page from measured lines; the fits themselves take minutes each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.release.kinds.__main__ import PARTS, RESULTS, count_spans
from bench.release.kinds.cells import FILES, find_cells
from bench.release.kinds.forest import answer_by_forest
from bench.release.kinds.page import LABELS, PAGE, write_page
from bench.studies.results import read_results
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.text_columns import TextColumn


def line(
    system: str, seed: int, value: float, metric: str = "auroc", cell: str = "b3db", task: str = "a"
) -> dict[str, Any]:
    return {
        "cell": cell, "task": task, "system": system, "seed": seed, "rows": 190, metric: value,
        f"{metric}_low": value - 0.1, f"{metric}_high": value + 0.1,
    }  # fmt: skip


def test_page_has_the_mean_and_the_spread_of_the_seeds() -> None:
    page = write_page([line("model", 0, 0.8), line("model", 1, 0.9), line("random forest", 0, 0.85)])
    assert "| model | 0.850 ± 0.071 (0.700 to 0.900) | 2 | 190 |" in page
    assert "| random forest | 0.850 (0.750 to 0.950) | 1 | 190 |" in page
    page = write_page([line("model", 0, 0.5, "mae_all", "aqsoldb")])
    assert "| system | MAE in log mol/l (95 %) | seeds | rows |" in page


def test_the_model_stands_first() -> None:
    page = write_page([line("random forest", 0, 0.9), line("model", 0, 0.8)])
    assert page.index("| model |") < page.index("| random forest |")


def test_systems_without_a_shown_figure_are_left_out() -> None:
    page = write_page([line("model", 0, 0.8), line("nearest training molecule", 0, 0.1, "exact_match")])
    assert "| model |" in page
    assert "nearest" not in page.split("## b3db")[1]


def test_each_task_of_a_cell_has_rows_of_its_own() -> None:
    page = write_page(
        [line("model", 0, 0.5 + task / 10, cell="several_labels", task=str(task)) for task in (0, 1)]
    )
    assert page.count("| 0: model | 0.500 (") == page.count("| 1: model | 0.600 (") == 1


def test_committed_page_is_made_of_the_committed_lines() -> None:
    if lines := read_results(RESULTS, PARTS):
        assert PAGE.read_text(encoding="utf-8") == write_page(lines)


def test_metrics_of_all_cells_have_a_name_for_people() -> None:
    assert {metric for cell in find_cells(Path()).values() for metric in cell.metrics} == set(LABELS)


def test_cells_that_ask_again_ask_a_model_that_is_fitted() -> None:
    cells = find_cells(None)
    asked = [cell for cell in cells.values() if cell.of]
    assert asked
    for cell in asked:
        fits = [cell.of, *(value for key, value in cell.asked.items() if key == "round_trip")]
        assert all(cells[fit].epochs and not cells[fit].of for fit in fits)


def test_share_of_answers_that_stand_in_their_input(tmp_path: Path) -> None:
    (tmp_path / "predictions").mkdir()
    table = 'input,prediction\n"a cat sat.\nWho?",cat\na dog,cat\n'
    (tmp_path / "predictions" / "test_epoch_1.csv").write_text(table, encoding="utf-8")
    found = count_spans(tmp_path)
    assert found["spans"] == 0.5
    assert found["spans_low"] < 0.5 < found["spans_high"]


def test_files_without_a_licence_are_measured_only_where_they_are(tmp_path: Path) -> None:
    assert not set(FILES) & set(find_cells(None))
    assert find_cells(tmp_path)["bbbp"].flags["data.source"] == str(tmp_path / FILES["bbbp"])


def test_forest_gives_probabilities_of_all_options_and_numbers() -> None:
    pytest.importorskip("sklearn")
    known = np.eye(6, dtype=np.uint8)
    texts = TextColumn.of(["a", "a", "a", "b", "b", "b"])
    chances = answer_by_forest(
        known, known, SideTexts("t", "text", "text", texts, texts, texts), ("b", "c", "a"), 0
    )
    assert chances.argmax(axis=1).tolist() == [2, 2, 2, 0, 0, 0]
    assert chances[:, 1].tolist() == [0] * 6
    numbers = TextColumn.of([str(number) for number in range(6)])
    answers = answer_by_forest(known, known, SideTexts("t", "text", "number", texts, numbers, texts), (), 0)
    assert answers.shape == (6,)
