from __future__ import annotations

import pytest
from rich.console import Console

from callbacks.reports.compare.answers import Answers
from callbacks.reports.compare.standings import compare_pairs, rank_runs
from callbacks.reports.compare.terminal_tables import choose_headlines, tabulate_pairs, tabulate_runs

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
