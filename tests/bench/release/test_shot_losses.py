"""The page from measured lines; the fits themselves take minutes each."""

from __future__ import annotations

from bench.release.shot_losses import ARMS, PAGE, PARTS, RESULTS, write_page
from bench.studies.results import Result, read_results


def line(arm: str, seed: int, shots: int, loss: float) -> Result:
    return {"arm": arm, "seed": seed, "shots": shots, "loss": loss, "exact_match": loss / 10}


def test_page_has_a_line_an_arm_and_a_column_a_number_of_demonstrations() -> None:
    page = write_page(
        [
            line("as it is", 0, 0, 3.0),
            line("as it is", 0, 6, 4.0),
            line("as it is", 1, 0, 3.2),
            line("as it is", 1, 6, 4.0),
        ]
    )
    assert "| demonstrations: | 0 | 6 | seeds |" in page
    assert "| as it is | 3.100 ± 0.141 | 4.000 ± 0.000 | 2 |" in page
    assert "| as it is | 31.0 ± 1.4 | 40.0 ± 0.0 | 2 |" in page


def test_committed_page_is_made_of_the_committed_lines() -> None:
    if lines := read_results(RESULTS, PARTS):
        assert PAGE.read_text(encoding="utf-8") == write_page(lines)
        assert {found["arm"] for found in lines} <= set(ARMS)
