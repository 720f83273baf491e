from __future__ import annotations

import pytest
from rich.console import Console

from callbacks.reports.compare.answers import Answers
from callbacks.reports.compare.pairs import Comparison
from callbacks.reports.compare.standings import Score, Standing, compare_pairs, rank_runs
from callbacks.reports.compare.terminal_tables import (
    choose_headlines,
    tabulate_pairs,
    tabulate_runs,
    tabulate_two,
)

NAMES = ["a-run-with-a-very-long-name-indeed", "[red]b\x1b[31m", *(f"run-{place}" for place in range(10))]


def printed(table: object) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def make_runs(valid: str = "valid") -> list[Answers]:
    return [
        {
            ("t", str(row), "x", 0): {"exact_match": row % 12 > place, valid: row % 13 > place}
            for row in range(2_000)
        }
        for place in range(12)
    ]


def test_tables_fit_80_columns_and_mark_the_best() -> None:
    runs = make_runs()
    standings, pairs = rank_runs(runs, runs[0]), compare_pairs(runs, runs[0])
    table = printed(tabulate_runs(standings, "t", NAMES))
    assert max(map(len, map(str.rstrip, table.splitlines()))) <= 80
    assert table.count("*") == 2
    assert "t, 2,000 rows" in table
    of_pairs = printed(tabulate_pairs([one for one in pairs if one.comparison.metric == "exact_match"], NAMES))  # fmt: skip
    assert max(map(len, map(str.rstrip, of_pairs.splitlines()))) <= 80
    assert "<0.0001" in of_pairs
    for text in (table, of_pairs):
        assert "1 a-ru" in text
        assert "\x1b[31m" not in text
    assert "[red]b?[31m" in table


@pytest.mark.parametrize("valid", ["valid", "readable"])
def test_headlines_are_exact_match_and_validity(valid: str) -> None:
    runs = make_runs(valid)
    assert [one.metric for one in choose_headlines(rank_runs(runs, runs[0]), "t")] == ["exact_match", valid]


@pytest.mark.parametrize(("metric", "scale"), [("mae_all", 10_000.0), ("mae_all", 12.34), ("readable", 1.0)])
def test_the_table_of_two_runs_fits_80_columns(metric: str, scale: float) -> None:
    lines = [
        Comparison(
            "t",
            metric,
            20_000,
            scale,
            0.9 * scale,
            -0.1 * scale,
            -0.2 * scale,
            0.1 * scale,
            12_345,
            10_345,
            1e-5,
        ),
        Comparison("t", "exact_match_connectivity", 12, 0.0, 1.0, 1.0, 0.8, 1.0, 0, 12, 0.0005),
        Comparison("t", "round_trip_without_stereo", 20_000, 0.5, 0.5, 0.0, -0.01, 0.01, 10_000, 10_000, 1.0),
    ]
    table = printed(tabulate_two(lines, "kilojoule per mole"))
    assert max(map(len, map(str.rstrip, table.splitlines()))) <= 80
    assert "t, 20,000 rows" in table
    assert "  (12 rows)" in table
    assert ("read by OPSIN" if metric == "readable" else "MAE in kilojo") in table


def test_a_number_has_its_unit_in_the_table_of_all_runs() -> None:
    standing = Standing("t", "mae_all", 9, [Score(0.61, 0.5, 0.7, best=True), None])
    assert "MAE in log mol/l (95 %)" in printed(tabulate_runs([standing], "t", ["a", "b"], "log mol/l"))
