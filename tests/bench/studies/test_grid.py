from __future__ import annotations

from pathlib import Path

import pytest

from bench.studies.grid import expand, find_study, identity, missing, read_study, run_name, words

SWEEP = """
description: Words.
program: train.py
method: grid
metric: {name: val/exact_match, goal: maximize}
parameters:
  data.train_rows: {values: [10, 20]}
  model.init: {values: [random, pretrained]}
  model.base: {value: builtin}
  seed_everything: {values: [3, 4]}
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SWEEP)
    return path


def test_grid_has_each_cell_once_and_the_first_seed_first(sweep: Path) -> None:
    study = read_study(sweep)
    cells = expand(study)
    assert (study.name, study.description) == ("mine", "Words.")
    assert len({identity(cell) for cell in cells}) == len(cells) == 8
    assert [cell["seed_everything"] for cell in cells] == [3] * 4 + [4] * 4
    assert cells[1] == {
        "data.train_rows": 10, "model.init": "pretrained", "model.base": "builtin", "seed_everything": 3,
    }  # fmt: skip
    assert len({run_name("mine", cell) for cell in cells}) == 8


def test_set_changes_and_adds_flags_of_a_grid(sweep: Path) -> None:
    changes = ["model.base=bundled", "data.train_rows=[5]", "model.add_tokens=null", "seed_everything=7"]
    cells = expand(read_study(sweep, changes))
    assert len(cells) == 2
    assert "--model.add_tokens=null" in words(cells[0])
    assert cells[0]["model.base"] == "bundled"
    assert cells[0]["data.train_rows"] == 5
    assert {cell["seed_everything"] for cell in cells} == {7}


def test_cell_without_a_seed_has_seed_0(sweep: Path) -> None:
    sweep.write_text(SWEEP.replace("  seed_everything: {values: [3, 4]}\n", ""))
    assert {cell["seed_everything"] for cell in expand(read_study(sweep))} == {0}


def test_cells_with_results_are_skipped_whatever_the_order_of_their_flags(sweep: Path) -> None:
    cells = expand(read_study(sweep))
    done = [{"flags": dict(reversed(list(cells[2].items())))}, {"flags": {**cells[0], "data.train_rows": 11}}]
    assert missing(cells, done) == [*cells[:2], *cells[3:]]
    assert missing([cells[0], cells[0]], []) == [cells[0]]


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("method: grid", "method: bayes", "method: grid and parameters"),
        ("program: train.py", "program: other.py", "program: train.py"),
        ("{value: builtin}", "{min: 0, max: 1}", "model.base to have either `value` or a list `values`"),
        ("{value: builtin}", "{value: builtin, values: [a]}", "either `value` or a list"),
        ("{value: builtin}", "{values: []}", "either `value` or a list"),
        (
            SWEEP[SWEEP.index("  data.train_rows") :],
            "  [data.train_rows]\n",
            "expected parameters to be flags",
        ),
    ],
)
def test_sweep_that_is_no_grid_is_an_error(sweep: Path, old: str, new: str, match: str) -> None:
    sweep.write_text(SWEEP.replace(old, new))
    with pytest.raises(ValueError, match=match):
        read_study(sweep)


@pytest.mark.parametrize("change", ["model.base", "=x", "--model.base=x", "model.base=["])
def test_change_is_a_flag_and_a_value(sweep: Path, change: str) -> None:
    with pytest.raises(ValueError, match=r"--set (flag=value|model\.base= a value)"):
        read_study(sweep, [change])


def test_changes_read_null_and_dates_as_yaml_does(sweep: Path) -> None:
    sweep.write_text(SWEEP.replace("{value: builtin}", "{values: [null, 2026-01-31]}"))
    found = {word for cell in expand(read_study(sweep)) for word in words(cell) if "base" in word}
    assert found == {"--model.base=null", "--model.base=2026-01-31"}
    assert len({identity(cell) for cell in expand(read_study(sweep))}) == 16


def test_studies_are_found_by_name_and_by_path(sweep: Path) -> None:
    assert find_study("data_size").name == "data_size.yaml"
    assert find_study(str(sweep)) == sweep
    with pytest.raises(ValueError, match=r"data_size.*but got 'data_sizes'"):
        find_study("data_sizes")
