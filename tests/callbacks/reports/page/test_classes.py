from __future__ import annotations

import json
from pathlib import Path

from callbacks.reports.page.classes import list_confusions
from callbacks.reports.page.render import render
from callbacks.reports.page.run_files import read_run
from callbacks.reports.page.sections import NAMES, draw_fit, list_measures, list_results
from callbacks.rows.notation_calls import NotationCalls
from tests.helpers.kind_runs import write_kinds


def test_each_class_tells_what_it_was_taken_for(tmp_path: Path) -> None:
    [side] = read_run(write_kinds(tmp_path / "a")).sides
    [one] = list_confusions(side)
    assert (one.task, one.classes) == ("toxic", ["no", "yes"])
    assert [(line.name, line.counts, line.right) for line in one.lines] == [
        ("no", [2, 1], 0),
        ("yes", [0, 1], 1),
    ]
    assert one.lines[0].recall.startswith("66.7 % (")


def test_the_page_shows_the_headline_of_each_kind(tmp_path: Path) -> None:
    run = write_kinds(tmp_path / "a")
    files = read_run(run)
    results = list_results(files.sides[0])
    shown = list_measures(results)
    assert [NAMES[place] for place in shown] == ["AUROC", "balanced accuracy", "MAE"]
    assert [[line.cells[place].text for place in shown] for line in results] == [
        ["0.900 (0.800 to 0.950)", "0.700", "-"],
        ["0.500", "-", "-"],
        ["-", "-", "0.61 °C"],
    ]
    assert [chart.title for chart in draw_fit(files)] == ["AUROC, 95 % interval", "MAE, 95 % interval"]
    calls = NotationCalls(workers=0)
    try:
        page = render(files, calls)
    finally:
        calls.close()
    assert "toxic: classes" in page
    assert '<th class="number">answered yes</th>' in page
    assert "nan" not in json.dumps(results)
