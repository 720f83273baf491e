from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from callbacks.reports.compare.__main__ import main
from callbacks.reports.compare.kinds import compare_kinds, measure_kinds, rank_kinds
from datamodules.storage.safe_csv import read_csv, write_csv

ROWS = 120
DRAW = np.random.default_rng(0)
TARGETS = DRAW.random(ROWS) < 0.4
NOISE = DRAW.normal(size=(3, ROWS))


def make_classes(spread: float, noise: int) -> list[dict[str, str]]:
    """Return a table whose probabilities are the better the less they spread."""
    chances = 1 / (1 + np.exp(-(2.0 * TARGETS - 1 + spread * NOISE[noise])))
    return [
        {"row": str(place), "task": "toxic", "input": f"C{place}", "target": "yes" if target else "no",
         "prediction": "yes" if chance > 0.5 else "no", "verdict": "exact" if (chance > 0.5) == target else "wrong",
         "same_string": str(bool((chance > 0.5) == target)).lower(), "output_notation": "text",
         "p_no": f"{1 - chance:.6f}", "p_yes": f"{chance:.6f}"}
        for place, (target, chance) in enumerate(zip(TARGETS, chances, strict=True))
    ]  # fmt: skip


def make_numbers(spread: float, noise: int) -> list[dict[str, str]]:
    """Return a table whose first answer is no number."""
    answers = ["none", *(f"{place + spread * NOISE[noise][place]:.3f}" for place in range(1, ROWS))]
    return [
        {"row": str(place), "task": "logp", "input": f"N{place}", "target": str(place), "prediction": answer,
         "verdict": "wrong", "same_string": "false", "output_notation": "number"}
        for place, answer in enumerate(answers)
    ]  # fmt: skip


def key(lines: Sequence[dict[str, str]]) -> dict[tuple[str, str, str, int], dict[str, str]]:
    return {(line["task"], line["input"], line["target"], 0): line for line in lines}


def count_area(lines: Sequence[dict[str, str]]) -> float:
    """Return the share of pairs of a positive and a negative row that are in the right order, ties as a half."""
    pairs = [
        (float(one["p_yes"]), float(other["p_yes"]))
        for one in lines for other in lines if (one["target"], other["target"]) == ("yes", "no")
    ]  # fmt: skip
    return float(np.mean([(one > other) + 0.5 * (one == other) for one, other in pairs]))


def test_areas_and_errors_are_those_counted_by_hand() -> None:
    classes, numbers = make_classes(1.0, 0), make_numbers(2.0, 0)
    runs = [key([*classes, *numbers]), key([*make_classes(3.0, 1), *make_numbers(1.0, 1)])]
    toxic, logp = measure_kinds(runs, list(runs[0]))
    assert (toxic.headline.metric, logp.headline.metric) == ("auroc", "mae_all")
    assert toxic.values[0] == pytest.approx(count_area(classes))
    targets = np.arange(ROWS)
    answers = np.array([targets.mean(), *(float(line["prediction"]) for line in numbers[1:])])
    assert logp.values[0] == pytest.approx(np.abs(answers - targets).mean())
    ranked = rank_kinds([toxic, logp])
    assert [[score is not None and score.best for score in one.scores] for one in ranked] == [
        [True, False],
        [False, True],
    ]
    for one in ranked:
        assert all(score is not None and score.low < score.share < score.high for score in one.scores)


def test_a_better_run_is_told_from_an_equal_one() -> None:
    runs = [key(make_numbers(spread, 0)) for spread in (1.0, 4.0, 1.0)]
    pairs = {(pair.first, pair.second): pair for pair in compare_kinds(measure_kinds(runs, list(runs[0])))}
    worse, same = pairs[0, 1], pairs[0, 2]
    assert worse.comparison.low > 0  # second minus first: its error is larger
    assert worse.comparison.p == pytest.approx(2 / 1001)
    assert worse.corrected == pytest.approx(3 * 2 / 1001)
    assert (same.comparison.difference, same.comparison.low, same.comparison.high, same.corrected) == (
        0,
        0,
        0,
        1,
    )
    assert worse.comparison.only_first is None


def test_paired_rows_make_the_interval_narrow() -> None:
    """Two runs with nearly the same answers differ by less than each varies alone."""
    one, other = make_classes(2.0, 0), make_classes(2.1, 0)
    [measured] = measure_kinds([key(one), key(other)], list(key(one)))
    [pair] = compare_kinds([measured])
    alone = rank_kinds([measured])[0].scores[0]
    assert alone is not None
    assert pair.comparison.high - pair.comparison.low < (alone.high - alone.low) / 5


def test_texts_own_choices_and_single_classes_are_left_to_their_verdicts() -> None:
    texts = [line | {"output_notation": "text"} for line in make_numbers(1.0, 0)]
    own = make_classes(1.0, 0)
    own[3] = own[3] | {"p_no": "", "p_maybe": "0.5"}
    single = [line for line in make_classes(1.0, 0) if line["target"] == "yes"]
    for lines in (texts, own, single):
        assert measure_kinds([key(lines), key(lines)], list(key(lines))) == []


def write(folder: Path, *lines: dict[str, str]) -> str:
    columns = list(dict.fromkeys(name for line in lines for name in line))
    write_csv(folder / "test" / "predictions" / "test_epoch_1.csv", columns, list(lines))
    return str(folder)


def test_three_runs_are_compared_by_their_headlines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    paths = [
        write(tmp_path / f"r{noise}", *make_classes(1.0 + noise, noise), *make_numbers(1.0 + noise, noise))
        for noise in range(3)
    ]
    main([*paths, "--output", str(tmp_path / "pairs.csv")])
    printed = capsys.readouterr().out
    pairs = "toxic, AUROC: second minus first, p of a paired bootstrap by Holm"
    for words in ("AUROC (95 %)", "exact match % (95 %)", "MAE (95 %)", pairs):
        assert words in printed
    assert max(len(line.rstrip()) for line in printed.splitlines() if "page:" not in line) <= 80
    lines = read_csv(tmp_path / "pairs.csv")
    assert [line["metric"] for line in lines].count("mae_all") == 3
    assert {line["only_first"] for line in lines if line["metric"] == "auroc"} == {""}
    page = (tmp_path / "compare.html").read_text()
    assert "bootstrap p" in page
    assert "AUROC, 3 pairs" in page
    assert "nan" not in page


def test_two_runs_show_every_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main([write(tmp_path / "a", *make_classes(1.0, 0)), write(tmp_path / "b", *make_classes(3.0, 1))])
    printed = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in printed if "page:" not in line) <= 80
    lines = [" ".join(line.split()) for line in printed]
    assert any(line.startswith("AUROC 0.9") for line in lines)
    assert any(line.startswith("exact match % ") for line in lines)
    assert any(line.startswith("metric first second difference (95 %) / second p") for line in lines)
