"""The page from measured lines; the fits themselves take minutes each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.release.kinds import FILES, PAGE, answer_by_forest, find_cells, read_results, write_page
from datamodules.rows.side_texts import SideTexts
from datamodules.storage.text_columns import TextColumn


def line(system: str, seed: int, value: float, metric: str = "auroc") -> dict[str, Any]:
    return {
        "cell": "b3db", "system": system, "seed": seed, "rows": 190, metric: value,
        f"{metric}_low": value - 0.1, f"{metric}_high": value + 0.1,
    }  # fmt: skip


def test_page_has_the_mean_and_the_spread_of_the_seeds() -> None:
    page = write_page([line("model", 0, 0.8), line("model", 1, 0.9), line("random forest", 0, 0.85)])
    assert "| b3db | model | AUROC | 0.850 ± 0.071 | 0.700 to 0.900 | 2 | 190 |" in page
    assert "| b3db | random forest | AUROC | 0.850 | 0.750 to 0.950 | 1 | 190 |" in page
    assert "| MAE | 0.500 |" in write_page([line("model", 0, 0.5, "mae_all")])


def test_committed_page_is_made_of_the_committed_lines() -> None:
    if lines := read_results():
        assert PAGE.read_text(encoding="utf-8") == write_page(lines)


def test_files_without_a_licence_are_measured_only_where_they_are(tmp_path: Path) -> None:
    assert not set(FILES) & set(find_cells(None))
    assert find_cells(tmp_path)["bbbp"]["source"] == str(tmp_path / FILES["bbbp"])


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
