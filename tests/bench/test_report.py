from __future__ import annotations

from typing import Any

from bench import grid
from bench.report import DOCS, as_table, fill, paired_ratio, training_tables
from bench.results import read_results


def test_the_pages_hold_the_measured_numbers() -> None:
    results = read_results()
    for name in ("speed", "scaling"):
        text = (DOCS / f"{name}.in.md").read_text(encoding="utf-8").replace("<!-- grid -->\n", grid.table())
        assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == fill(text, results), (
            f"docs/{name}.md is not what `python -m bench.report` writes"
        )


def test_ratios_are_taken_within_a_round() -> None:
    ours = [{"round": 0, "rate": 10}, {"round": 1, "rate": 20}, {"round": 2, "rate": 30}]
    theirs = [{"round": 2, "rate": 10}, {"round": 0, "rate": 5}, {"round": 1, "rate": 10}]
    assert paired_ratio(ours, theirs, "rate") == 2


def test_a_section_without_results_says_so() -> None:
    assert fill("<!-- mfu -->\n", []) == "Not measured yet.\n"


def test_a_table_is_markdown() -> None:
    assert as_table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def training(trainer: str, number: int, rate: float, loss: float) -> dict[str, Any]:
    return {
        "section": "training", "round": number, "shape": "builtin", "format": "arrow", "precision": "fp32", "rows": 512,
        "batch_size": 16, "trainer": trainer, "rows_per_second": rate, "peak_mb": 100, "held_out_loss": loss,
    }  # fmt: skip


def test_a_training_table_shows_the_spread_of_losses_and_has_patois_first() -> None:
    text = training_tables([
        training("hf-best", 0, 5, 4.0), training("patois", 0, 10, 3.5),
        training("patois", 1, 30, 3.1), training("hf-best", 1, 10, 3.0), training("patois", 2, 50, 3.3),
    ])  # fmt: skip
    ours, theirs = text.splitlines()[-2:]
    assert ours == "| patois | 30.00 | 1.00x | 100 MB | 3.300 (3.100 to 3.500) | 3 |"
    assert theirs == "| hf-best | 7.50 | 2.50x | 100 MB | 3.500 (3.000 to 4.000) | 2 |"


def machines(*cores: int) -> list[dict[str, Any]]:
    """Return results of two sections and the machines of each."""
    results: list[dict[str, Any]] = [
        {"section": "machine", "of": section, "cores": count}
        for section, count in zip(("startup", "scaling"), cores, strict=True)
    ]
    return [
        *results,
        {"section": "startup", "round": 0, "help": 1, "first_step": 2},
        {"section": "scaling", "round": 0, "ranks": 1, "threads": 1, "rows_per_second": 1},
    ]


PAGE = "Machine:\n<!-- machine -->\n# Start\n<!-- startup -->\n# Scaling\n<!-- scaling -->\n"


def test_one_machine_stands_at_the_top() -> None:
    text = fill(PAGE, machines(2, 2))
    assert text.startswith("Machine:\ncores 2\n# Start\n| ")
    assert text.count("cores") == 1


def test_different_machines_stand_in_their_sections() -> None:
    text = fill(PAGE, machines(2, 64))
    assert text.startswith("Machine:\nThey differ")
    assert "# Start\nMeasured on: cores 2\n\n| " in text
    assert "# Scaling\nMeasured on: cores 64\n\n| " in text


def test_a_page_without_a_place_for_the_machine_has_it_in_its_sections() -> None:
    text = fill("# Scaling\n<!-- scaling -->\n", machines(2, 64))
    assert text.startswith("# Scaling\nMeasured on: cores 64\n\n| ")
    assert "cores 2\n" not in text
