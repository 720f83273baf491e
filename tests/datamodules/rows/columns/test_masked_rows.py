from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.infilling import find_gap
from datamodules.rows.columns.masked_rows import as_asked
from datamodules.rows.task_rows import read_task
from datamodules.sources.lookup import load_source
from datamodules.splits import NAMES
from datamodules.tasks import Side, load_task
from tests.helpers.small_tables import prepare_data, write_csv

MOLECULES = ["CC(=O)Oc1ccccc1C(=O)O", "OCC", "C", "c1ccccc1O", "CCN(CC)CC"]


def test_each_bundled_row_joins_back_to_its_molecule() -> None:
    rows = load_source("pubchem_small")
    for name in ("fill_smiles", "fill_name"):
        task = load_task(name)
        found = read_task(task, rows)
        whole = rows.table.column(task.input.column).to_pylist()
        assert len(found) > 10_000
        assert len(found) + len(found.set_aside) == rows.total
        for place in range(len(found)):
            before, behind = find_gap(found.inputs[place])
            text = found.outputs[place]
            assert text == whole[found.table_rows[place]]
            assert text.startswith(before)
            assert text.endswith(behind)
            assert len(before) + len(behind) < len(text)
        assert list(found.originals[:50]) == list(found.inputs[:50])


def test_rows_are_masked_in_their_notation_and_short_ones_are_told(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "mine.csv", [["smiles"], *[[text] for text in MOLECULES]])
    rows = read_task(load_task("fill_smiles"), load_source(source))
    assert list(rows.outputs) == ["CC(=O)Oc1ccccc1C(=O)O", "CCO", "Oc1ccccc1", "CCN(CC)CC"]
    assert [(row.line, row.reason, row.text) for row in rows.set_aside] == [
        (4, "smiles: too short to mask a part of it", "C")
    ]
    whole = read_task(load_task("random_smiles_to_canonical"), load_source(source))
    assert list(rows.identities) == [whole.identities[place] for place in (0, 1, 3, 4)]


def test_a_name_with_a_question_mark_cannot_have_a_gap(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "names.csv", [["iupac"], ["ethanol?"], ["propan-2-ol"]])
    rows = read_task(load_task("fill_name"), load_source(source))
    assert [row.reason for row in rows.set_aside] == ["iupac: holds '?', the mark of a gap"]
    assert list(rows.outputs) == ["propan-2-ol"]


def test_a_question_is_asked_as_it_stands(tmp_path: Path) -> None:
    texts = ["c1ccccc1?C(=O)O", "CCO", "C?C?C", "", "OC(?"]
    source = write_csv(tmp_path / "mine.csv", [["smiles", "id"], *[[text, "x"] for text in texts]])
    rows = read_task(load_task("fill_smiles"), load_source(source), with_output=False)
    assert list(rows.inputs) == ["c1ccccc1?C(=O)O", "OC(?"]
    assert list(rows.outputs) == ["", ""]
    assert {row.line: row.reason for row in rows.set_aside} == {
        3: "smiles: expected one '?' in place of what is missing, but got none",
        4: "smiles: expected one '?' in place of what is missing, but got 2",
        5: "smiles: empty input",
    }
    repair = read_task(load_task("repair_smiles"), load_source(source), with_output=False)
    assert list(repair.inputs) == [text for text in texts if text]


def test_only_masked_sides_are_read_as_text() -> None:
    plain = Side("a", "selfies", convert_from="smiles")
    assert as_asked(plain) == plain
    assert as_asked(Side("a", "selfies", convert_from="smiles", mask="spans")) == Side("a", mask="spans")


@pytest.mark.parametrize("split", ["scaffold", "parent"])
def test_masked_rows_are_split_by_whole_molecules(tokenizer: Any, tmp_path: Path, split: str) -> None:
    rings = [f"{'C' * length}c1ccccc1" for length in range(1, 12)]
    chains = [f"{'C' * length}{end}" for length in range(3, 14) for end in ("O", "N", "OC", "Cl")]
    table = [["smiles"], *[[text] for text in [*rings, *chains]]]
    source = write_csv(tmp_path / "mine.csv", table)
    sides = {}
    for task in ("fill_smiles", "random_smiles_to_canonical"):
        data = prepare_data(tokenizer, task=task, source=source, split=split, cache=False, val_fraction=0.3)
        assert data.prepared is not None
        texts = list(data.prepared.parts[0].outputs)
        sides[task] = dict(zip(texts, np.array(NAMES)[data.prepared.sides].tolist(), strict=True))
    assert sides["fill_smiles"] == sides["random_smiles_to_canonical"]
    assert len(set(sides["fill_smiles"].values())) > 1
