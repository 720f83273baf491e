from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from callbacks.reports.compare.__main__ import main
from callbacks.reports.compare.groups import Compared
from callbacks.reports.compare.page import find_divided
from datamodules.storage.safe_csv import write_csv
from tests.helpers.browser import dump_page
from tests.helpers.prediction_tables import write_answers
from tests.helpers.run_folders import write_fit

HOSTILE = "<script>alert(1)</script>"


def write_runs(folder: Path) -> list[str]:
    for name, most, form in (("a", 10, "arrow"), ("b", 25, "tags"), (HOSTILE[:8], 20, HOSTILE)):
        write_answers(
            folder / name, [row < most for row in range(40)], valid=[row % 5 > 0 for row in range(40)],
            settings={"data": {"format": form}},
        )  # fmt: skip
    return [str(folder / name) for name in ("a", "b", HOSTILE[:8])]


def test_page_shows_results_flags_pairs_and_dividing_rows(tmp_path: Path) -> None:
    main([*write_runs(tmp_path / "runs"), "--page", str(tmp_path / "new" / "it.html")])
    page = (tmp_path / "new" / "it.html").read_text(encoding="utf-8")
    assert "<h1>3 runs on the same 40 rows</h1>" in page
    assert '<b class="best">62.5 % (47.0 to 75.8)</b>' in page
    assert "--data.format" in page
    assert "exact match, 3 pairs" in page
    assert "0.0001" in page  # 15 rows gained, none lost: 2 / 2^15, times 3 = 0.0002; the first p is 0.0001
    assert "15 rows are right in some runs and not in others" in page
    assert "<script>" not in page
    assert not re.search(r"(src|href)=\"?http", page)  # asks nothing of any other address


def test_page_has_a_part_for_each_group_of_runs_and_names_those_alone(tmp_path: Path) -> None:
    paths = write_runs(tmp_path / "runs")
    for name, start in (("d", 100), ("e", 100), ("f", 500)):
        paths.append(str(write_answers(tmp_path / "runs" / name, [True, False], start=start)))
    main([*paths, "--page", str(tmp_path / "it.html")])
    page = (tmp_path / "it.html").read_text(encoding="utf-8")
    assert "<h1>5 runs in 2 groups of the same rows</h1>" in page
    assert "3 runs on the same 40 rows: a, b, &lt;script&gt;" in page
    assert "2 runs on the same 2 rows: d, e</h2>" in page
    assert "no other run has the same rows: f (2 rows)." in page
    ends = re.findall(r'id="([^"]+)"', page)
    assert len(ends) == len(set(ends))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ends)


def test_curves_are_those_of_folders_with_metrics(tmp_path: Path) -> None:
    paths = [write_answers(write_fit(tmp_path / name), [True, False]) for name in ("a", "b")]
    main([str(path) for path in paths])
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert "Exact match on validation rows" in page
    assert "Loss on validation rows" in page


def test_rows_that_divide_the_runs_evenly_come_first() -> None:
    def run(name: str, right: str) -> Compared:
        rows = {
            ("t", str(place), "x", 0): {
                "input": str(place),
                "target": "x",
                "prediction": letter,
                "verdict": "exact" if letter == "x" else "wrong",
            }
            for place, letter in enumerate(right)
        }
        return Compared(name, "", None, rows)

    runs = [run("a", "xxy."), run("b", "xy.."), run("c", "xyxx"), run("d", "xyx.")]
    divided = find_divided(runs, list(runs[0].rows))
    assert [(row.input, row.right) for row in divided] == [("2", 2), ("1", 1), ("3", 1)]
    assert [(answer.run, answer.kind) for answer in divided[1].answers] == [
        ("a", "right"), ("b", "wrong"), ("c", "wrong"), ("d", "wrong"),
    ]  # fmt: skip


def test_no_column_of_the_page_says_again_what_another_says(tmp_path: Path) -> None:
    def write(name: str, most: int, read: int) -> str:
        lines = [
            {"row": n, "task": "name", "input": f"C{n}", "target": "t", "prediction": "t" if n < most else "x",
             "verdict": "exact" if n < most else "wrong", "output_notation": "iupac", "same_string": n < most,
             "same_normalized": n < most, "same_round_trip": n < read}
            for n in range(40)
        ]  # fmt: skip
        write_csv(tmp_path / name / "test" / "predictions" / "test_epoch_1.csv", list(lines[0]), lines)
        return str(tmp_path / name)

    main([write("a", 10, 12), write("b", 20, 20)])
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    [header] = re.findall(r"<tr><th>run</th>(.*?)</tr>", page)
    assert re.findall(r">([^<>]+) \(95 %\)<", header) == ["exact match", "right", "read by OPSIN"]
    assert "same normalized: as exact match." in page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium: apt-get install chromium")
def test_page_opens_in_a_browser_without_scripts(tmp_path: Path) -> None:
    main(write_runs(tmp_path / "runs"))
    seen = dump_page((tmp_path / "runs" / "compare.html").as_uri())
    assert "3 runs on the same 40 rows" in seen
    assert "<script>alert" not in seen
