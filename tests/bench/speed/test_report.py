from __future__ import annotations

from typing import Any

from bench.markdown import DOCS, as_table
from bench.speed import paper_costs
from bench.speed.cases import PARTS
from bench.speed.report import (
    composition_table,
    data_table,
    fill,
    mfu_table,
    paired_ratio,
    training_summary,
    training_tables,
    update_share,
    ways_table,
)
from bench.speed.results import read_results


def test_speed_pages_hold_the_measured_numbers() -> None:
    results = read_results()
    for name in ("speed", "speed_tables", "scaling"):
        text = (DOCS / f"{name}.in.md").read_text(encoding="utf-8")
        assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == fill(text, results), (
            f"docs/{name}.md is not what `python -m bench.speed.report` writes"
        )


def test_ratios_are_taken_within_a_round() -> None:
    ours = [{"round": 0, "rate": 10}, {"round": 1, "rate": 20}, {"round": 2, "rate": 30}]
    theirs = [{"round": 2, "rate": 10}, {"round": 0, "rate": 5}, {"round": 1, "rate": 10}]
    assert paired_ratio(ours, theirs, "rate") == 2


def test_ratios_of_trainers_are_taken_within_a_turn() -> None:
    ours = [{"round": 0, "epoch": 0, "rate": 10}, {"round": 0, "epoch": 1, "rate": 60}]
    theirs = [{"round": 0, "epoch": 1, "rate": 20}, {"round": 0, "epoch": 0, "rate": 10}]
    assert paired_ratio(ours, theirs, "rate") == 2


def timed(trainer: str, rate: float) -> dict[str, Any]:
    case = {
        "group": "a",
        "shape": "builtin",
        "format": "arrow",
        "precision": "bf16",
        "rows": 8,
        "batch_size": 4,
    }
    return {**case, "trainer": trainer, "round": 0, "epoch": 0, "rows_per_second": rate}


def test_short_page_compares_the_faster_way_with_the_fastest_peer() -> None:
    rates = {
        "patois": 9.0,
        "patois-fast": 12.0,
        "patois-packed": 30.0,
        "bare": 20.0,
        "hf-best": 8.0,
        "trl-best": 6.0,
    }
    table = training_summary([timed(trainer, rate) for trainer, rate in rates.items()])
    assert table.endswith("| builtin, `arrow`, bf16 | 12.0 (patois-fast) | 8.0 (hf-best) | 1.50x |\n")


def use(number: int, share: float) -> dict[str, object]:
    return {
        "round": number, "shape": "opt-125m", "precision": "fp32", "matmul_gflops": 200, "gflops": 200 * share, "share": share,
    }  # fmt: skip


def test_matmul_share_shows_its_lowest_and_highest_round() -> None:
    table = mfu_table([use(0, 0.7), use(1, 0.9), use(2, 0.6)])
    assert table.endswith("| opt-125m | fp32 | 200 GFLOP/s | 140 GFLOP/s | 70 % | 60 to 90 % |\n")


def composed(shape: str, share: float) -> dict[str, Any]:
    parts = {f"{part}_share": 0.2 for part in PARTS}
    what = {"section": "composition", "round": 0, "shape": shape, "precision": "fp32"}
    return {**what, **parts, "update_gbps": 10, "plain_gbps": 20, "update_share": share}


def test_step_breakdown_is_shown_and_used() -> None:
    large, builtin = composed("opt-125m", 0.5), composed("builtin", 2.0)
    row = "| opt-125m | fp32 | 20.0 % | 20.0 % | 20.0 % | 20.0 % | 20.0 % | 10.0 GB/s | 20.0 GB/s | 50 % |\n"
    assert composition_table([large]).endswith(row)
    results = [{"section": "mfu", **use(0, 0.7)}, large, builtin]
    assert update_share(results) == 0.5
    assert update_share(results[:1]) is None
    assert update_share([composed("opt-125m", 1.2)]) == 1
    text = "<!-- update -->\n<!-- grid -->\n"
    assert (
        fill(text, results)
        == f"50 % (measured, see [speed_tables.md](speed_tables.md))\n{paper_costs.table(0.5)}"
    )
    assert fill(text, []) == f"80 % (assumed: not measured yet)\n{paper_costs.table(0.8)}"


def test_ablation_is_reported_with_the_spread_of_its_rounds() -> None:
    rounds = [
        {"way": "fused", "seconds": 0.01, "without": 0.01 * ratio, "ratio": ratio} for ratio in (3, 2, 7)
    ]
    assert ways_table(rounds).endswith("| fused | 30.0 ms | 10.0 ms | 3.00x | 2.00 to 7.00 |\n")


def test_data_loading_is_reported_by_size_and_start_as_medians() -> None:
    one = {
        "round": 0, "case": "text", "start": "cold", "rows": 100_000, "distinct": 100_000, "first_step": 7, "data": 3,
        "peak_gb": 2, "own_gb": 1.25,
    }  # fmt: skip
    table = data_table([one, {**one, "round": 1, "data": 5}, {**one, "start": "warm", "data": 0.5}])
    assert table.endswith(
        "| text | 100,000 | 100,000 | cold | 7.0 | 4.0 | 40.0 | 2.00 GB | 1.25 GB |\n"
        "| text | 100,000 | 100,000 | warm | 7.0 | 0.5 | 5.0 | 2.00 GB | 1.25 GB |\n"
    )


def test_section_without_results_says_so() -> None:
    assert fill("<!-- mfu -->\n", []) == "Not measured yet.\n"


def test_tables_of_the_report_are_markdown() -> None:
    assert as_table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def training(trainer: str, number: int, rate: float, loss: float) -> dict[str, Any]:
    return {
        "section": "training", "round": number, "shape": "builtin", "format": "arrow", "precision": "fp32", "rows": 512,
        "batch_size": 16, "trainer": trainer, "rows_per_second": rate, "peak_mb": 100, "held_out_loss": loss,
    }  # fmt: skip


def test_training_table_shows_the_spread_of_losses_and_patois_first() -> None:
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


def test_report_names_a_single_machine_at_the_top() -> None:
    text = fill(PAGE, machines(2, 2))
    assert text.startswith("Machine:\ncores 2\n# Start\n| ")
    assert text.count("cores") == 1


def test_report_names_different_machines_in_their_sections() -> None:
    text = fill(PAGE, machines(2, 64))
    assert text.startswith("Machine:\nThey differ")
    assert "# Start\nMeasured on: cores 2\n\n| " in text
    assert "# Scaling\nMeasured on: cores 64\n\n| " in text


def test_report_without_a_place_for_the_machine_names_it_in_its_sections() -> None:
    text = fill("# Scaling\n<!-- scaling -->\n", machines(2, 64))
    assert text.startswith("# Scaling\nMeasured on: cores 64\n\n| ")
    assert "cores 2\n" not in text
