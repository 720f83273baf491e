from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.studies.grid import Study
from bench.studies.power_law import Point, fit_power_law, student_quantile
from bench.studies.report import power_laws, provenance, write_report
from bench.studies.tables import Measure, estimate, settings_of, table_of, varying
from callbacks.statistics.intervals import wilson_interval

EXACT = Measure("exact match", "exact_match")


def result(hits: int, rows: int = 1000, seed: int = 0, task: str = "t", **flags: Any) -> dict[str, Any]:
    low, high = wilson_interval(hits, rows)
    shares = {"value": hits / rows, "low": low, "high": high, "numerator": hits, "denominator": rows}
    similar = {"value": 0.5 + hits / rows / 2, "low": 0.4, "high": 0.9}
    return {
        "study": "s", "flags": {"data.task": task, **flags, "seed_everything": seed}, "seed": seed,
        "test": {task: {"rows": rows, "metrics": {"exact_match": shares, "edit_similarity": similar}}},
        "steps": 10, "fit_seconds": 90.0, "test_seconds": 30.0, "sittings": 1, "versions": {"torch": "2"}, "revision": "abc",
    }  # fmt: skip


def sizes(errors: dict[int, float], **flags: Any) -> list[dict[str, Any]]:
    found = []
    for size, error in errors.items():
        found.append(result(round(100_000 * (1 - error)), 100_000, **{"data.train_rows": size, **flags}))
    return found


@pytest.mark.parametrize("sizes", [(100, 1_000, 10_000, 100_000), (100, 1_000, 10_000, 30_000, 100_000)])
def test_known_power_law_lies_in_the_interval_in_95_of_100(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    laws = []
    for _ in range(400):
        points = [Point(size, 2.0 * size**-0.3 * np.exp(rng.normal(0, 0.02)), 0.0) for size in sizes]
        laws.append(fit_power_law(points))
    assert all(law is not None and not law.doubt for law in laws)
    inside = [law.low <= 0.3 <= law.high for law in laws if law is not None]
    assert 0.925 <= sum(inside) / len(laws) <= 0.975
    assert np.mean([law.exponent for law in laws if law is not None]) == pytest.approx(0.3, abs=0.001)
    assert np.mean([law.factor for law in laws if law is not None]) == pytest.approx(2.0, rel=0.01)


def test_interval_of_points_on_a_line_is_that_of_their_test_rows() -> None:
    law = fit_power_law([Point(size, size**-0.3, 0.1 * size**-0.3) for size in (1e2, 1e3, 1e4, 1e5)])
    assert law is not None
    x = np.log([1e2, 1e3, 1e4, 1e5])
    expected = 0.1 / np.sqrt(((x - x.mean()) ** 2).sum())  # of a slope, its points 0.1 beside the line each
    assert law.high - law.exponent == pytest.approx(4.303 * expected, rel=1e-3)


@pytest.mark.parametrize(
    ("freedom", "known"), [(2, 4.303), (3, 3.182), (4, 2.776), (10, 2.228), (100, 1.984)]
)
def test_students_t_quantiles_are_those_of_published_tables(freedom: int, known: float) -> None:
    assert student_quantile(freedom) == pytest.approx(known, abs=1e-3)


@pytest.mark.parametrize(
    ("errors", "doubt"),
    [
        ([0.9, 0.91, 0.89, 0.9], "holds 0"),
        ([0.2, 0.3, 0.45, 0.675], "rises"),
        ([0.95, 0.94, 0.9, 0.85, 0.7, 0.35], "R2 is below"),
    ],
)
def test_power_law_states_its_doubts(errors: list[float], doubt: str) -> None:
    points = [Point(10.0**place, error, 0.001) for place, error in enumerate(errors, start=2)]
    law = fit_power_law(points)
    assert law is not None
    assert doubt in law.doubt


def test_power_law_needs_four_sizes_and_errors_above_zero() -> None:
    points = [Point(10.0**place, 0.5, 0.01) for place in (1, 2, 3, 3, 2)]
    assert fit_power_law(points) is None
    assert fit_power_law([*points, Point(1e4, 0.0, 0.01)]) is None


def test_report_sorts_settings_and_pools_seeds() -> None:
    results = [
        result(10, a=5, b="x"),
        result(30, seed=1, a=5, b="x"),
        result(50, a=2, b="x"),
        result(90, a=2, b="y"),
    ]
    assert varying(results) == ["a", "b"]
    assert [(one.values, len(one.results)) for one in settings_of(results)] == [
        ((2, "x"), 1), ((2, "y"), 1), ((5, "x"), 2),
    ]  # fmt: skip
    found = estimate(settings_of(results)[2].results, "t", EXACT)
    assert found is not None
    assert (found.value, found.least, found.most, found.numerator, found.denominator) == (
        0.02,
        0.01,
        0.03,
        40,
        2000,
    )
    assert (found.low, found.high) == wilson_interval(20, 1000)
    assert "2.0 % (1.3 to 3.1; seeds 1.0 to 3.0), 40/2,000" in table_of(results, "t").splitlines()[-1]


def test_minutes_of_an_interrupted_fit_are_a_bound() -> None:
    whole, cut = result(10, a=1), result(10, a=2) | {"sittings": 2}
    assert [line.split(" | ")[-2] for line in table_of([whole, cut], "t").splitlines()[2:]] == [
        "1.5",
        "≥ 1.5",
    ]
    assert "≥ 0.1 hours" in provenance([whole, cut])
    assert "seed 0, 0.0 hours" in provenance([whole])


def test_error_is_one_minus_the_share() -> None:
    found = estimate([result(10)], "t", Measure("errors", "exact_match", complement=True))
    low, high = wilson_interval(10, 1000)
    assert found is not None
    assert found[:3] == (0.99, 1 - high, 1 - low)
    assert (found.numerator, found.denominator) == (990, 1000)
    assert estimate([result(10)], "other", EXACT) is None


def test_report_fits_a_law_for_each_setting_of_the_other_flags() -> None:
    results = [
        *sizes({size: size**-0.1 for size in (100, 1_000, 10_000, 100_000)}, init="pretrained"),
        *sizes({size: size**-0.05 for size in (100, 1_000, 10_000, 100_000)}, init="random"),
    ]
    laws = {label: law.exponent for label, _, law in power_laws(results, "t")}
    assert laws["1 - exact match, pretrained"] == pytest.approx(0.1, abs=0.002)
    assert laws["1 - exact match, random"] == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("kind", ["numbers", "bars", "single"])
def test_report_html_is_one_file_and_markdown_has_the_same_tables_and_plots(
    tmp_path: Path, kind: str
) -> None:
    results = {
        "numbers": sizes({size: size**-0.1 for size in (100, 1_000, 10_000, 100_000)}),
        "bars": [result(10, form=["arrow"]), result(20, form=["<b>plain"])],
        "single": [result(10)],
    }[kind]
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "my_study-9.svg").write_text("of an earlier report")
    (tmp_path / "my_study.notes.md").write_text("Published:\n\n| who | share |\n|---|---|\n| A | 1 |\n")
    page = write_report(Study("my_study", "What it is.", {}), results, tmp_path)
    html, text = page.read_text(), (tmp_path / "my_study.md").read_text()
    assert page == tmp_path / "my_study.html"
    assert not re.search(r'(src|href)="(?!data:)', html)
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    assert len(pictures) == {"numbers": 3, "bars": 2, "single": 0}[kind]
    assert all(b"<svg" in base64.b64decode(picture) for picture in pictures)
    beside = re.findall(r"!\[.+\]\((images/my_study-\d\.svg)\)", text)
    assert [(tmp_path / name).read_bytes() for name in beside] == [base64.b64decode(one) for one in pictures]
    assert sorted((tmp_path / "images").iterdir()) == [tmp_path / name for name in beside]
    assert table_of(results, "t") in text
    assert html.count("<tr>") == sum(line.startswith("|") and "---" not in line for line in text.splitlines())
    assert "| A | 1 |" in text
    assert "<b>plain" not in html
    assert ("exponent (95 %)" in text) == (kind == "numbers")
    assert write_report(Study("my_study", "What it is.", {}), results, tmp_path).read_text() == html


def test_report_html_is_written_only_where_it_is_asked_to(tmp_path: Path) -> None:
    page = tmp_path / "elsewhere" / "page.html"
    assert write_report(Study("s", "", {}), [result(10)], tmp_path / "results", page) == page
    assert page.read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["images", "s.md"]


def test_report_says_when_there_are_too_few_sizes(tmp_path: Path) -> None:
    write_report(Study("s", "", {}), sizes({100: 0.9, 1_000: 0.5}), tmp_path)
    assert "No power law is fitted: it takes 4 sizes" in (tmp_path / "s.md").read_text()
