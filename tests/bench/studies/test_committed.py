"""The pages of docs/results are what the code makes of the results that are committed beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.markdown import DOCS
from bench.studies.grid import find_study, of_study, read_study
from bench.studies.report import compose
from bench.studies.results import read_results
from tests.helpers.runs import list_files

RESULTS = DOCS / "results"
OF_STUDIES = [path for path in sorted(RESULTS.glob("*.jsonl")) if path.with_suffix(".notes.md").is_file()]
"""The others are of programs in bench/release, whose own tests look at their pages."""


@pytest.mark.parametrize("path", OF_STUDIES, ids=lambda path: path.stem)
def test_committed_pages_equal_what_their_results_make(path: Path) -> None:
    study = read_study(find_study(path.stem))
    notes = path.with_suffix(".notes.md").read_text(encoding="utf-8")
    text, pictures = compose(study, of_study(study, read_results(path)), notes)
    assert path.with_suffix(".md").read_text(encoding="utf-8") == text, (
        f"run `python -m bench.studies report {path.stem}`"
    )
    there = {f"images/{plot.name}" for plot in (RESULTS / "images").glob(f"{path.stem}-*.svg")}
    assert there == set(pictures)


def test_html_pages_are_not_committed() -> None:
    tracked = list_files("*.html", folder=DOCS)
    assert tracked == []
