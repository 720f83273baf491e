from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from datamodules.rows import read_and_split
from datamodules.rows.read_and_split import (
    SplitSettings,
    leave_out_untrained,
    locations,
    read_parts,
    split_parts,
    warn_of_overlap,
)
from datamodules.splits import TEST, TRAIN, VAL
from datamodules.tasks import Side, Task
from datamodules.tokens.control_tokens import ControlTokens
from datamodules.workers.worker_pool import WorkerPool

NAMES = Task("name", Side("smiles", "smiles"), Side("name"))
DRAWING = Task("draw", Side("name"), Side("smiles", "smiles"))
WORDS = Task("words", Side("name"), Side("set"))
MOLECULES = [
    "CCO", "CCN", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "c1ccccc1", "Cc1ccccc1", "Oc1ccccc1", "C1CCCCC1", "CC1CCCCC1",
    "c1ccncc1", "Cc1ccncc1", "C1CC1", "OC1CC1", "CCCC", "CCCCC", "c1ccc2ccccc2c1", "Cc1ccc2ccccc2c1", "C1CCNCC1", "CN1CCNCC1",
]  # fmt: skip


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:
        yield pool


@pytest.fixture
def table(tmp_path: Path) -> str:
    sides = ["train", "Valid", "test"]
    lines = [f"{smiles},name {number},{sides[number % 3]}" for number, smiles in enumerate(MOLECULES)]
    path = tmp_path / "mols.csv"
    path.write_text("\n".join(["smiles,name,set", *lines]) + "\n")
    return str(path)


def test_rows_come_from_the_flags_source_the_tasks_own_or_nowhere() -> None:
    own = Task("t", Side("a"), Side("b"), source="own.csv")
    settings = SplitSettings(val_source="val.csv", test_source="test.csv")
    sided = [("val.csv", VAL), ("test.csv", TEST)]
    assert locations(own, None, settings) == [("own.csv", None), *sided]
    assert locations(own, "mine.csv", settings) == [("mine.csv", None), *sided]
    assert locations(own, None, SplitSettings()) == [("own.csv", None)]
    with pytest.raises(ValueError, match=r"'name' has no source of its own: set --data\.source my\.csv"):
        locations(NAMES, None, settings)


def test_a_source_is_read_once_for_all_tasks(
    table: str, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    load = read_and_split.load_source
    monkeypatch.setattr(
        read_and_split, "load_source", lambda name, options: asked.append(name) or load(name, options)
    )
    parts, loaded = read_parts([NAMES, DRAWING], table, SplitSettings(), ControlTokens(), pool)
    assert asked == list(loaded) == [table]
    assert [(part.rows.task.name, len(part.rows), part.side, part.given) for part in parts] == [
        ("name", len(MOLECULES), None, None),
        ("draw", len(MOLECULES), None, None),
    ]


def test_no_molecule_is_trained_on_in_one_task_and_tested_in_another(table: str, pool: WorkerPool) -> None:
    settings = SplitSettings(val_fraction=0.3, test_fraction=0.3)
    parts, _ = read_parts([NAMES, DRAWING], table, settings, ControlTokens(), pool)
    sides, overlap = split_parts(parts, settings, pool)
    sides_of = defaultdict(set)
    for smiles, side in zip([*MOLECULES, *MOLECULES], sides.tolist(), strict=True):
        sides_of[Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))[:14]].add(side)
    assert all(len(found) == 1 for found in sides_of.values())
    assert set.union(*sides_of.values()) == {TRAIN, VAL, TEST}
    assert not any(overlap.values())


def test_scaffold_split_keeps_each_scaffold_on_one_side(table: str, pool: WorkerPool) -> None:
    settings = SplitSettings(split="scaffold", val_fraction=0.2, test_fraction=0.2)
    parts, _ = read_parts([NAMES, DRAWING], table, settings, ControlTokens(), pool)
    sides, _ = split_parts(parts, settings, pool)
    sides_of = defaultdict(set)
    for smiles, side in zip([*MOLECULES, *MOLECULES], sides.tolist(), strict=True):
        if scaffold := MurckoScaffold.MurckoScaffoldSmiles(smiles):
            sides_of[scaffold].add(side)
    assert len(sides_of) > 5
    assert all(len(found) == 1 for found in sides_of.values())
    assert set(sides.tolist()) == {TRAIN, VAL, TEST}


def test_scaffold_split_needs_a_molecule(table: str, pool: WorkerPool) -> None:
    settings = SplitSettings(split="scaffold")
    parts, _ = read_parts([WORDS], table, settings, ControlTokens(), pool)
    with pytest.raises(
        ValueError, match=r"--data\.split scaffold needs a task with molecules .* 'words' has text and text"
    ):
        split_parts(parts, settings, pool)


def test_split_column_decides_and_an_unknown_side_is_set_aside(tmp_path: Path, pool: WorkerPool) -> None:
    path = tmp_path / "sided.csv"
    path.write_text("smiles,name,set\nC,a,train\nCC,b,DEV\nCCC,c,testing\nCCCC,d,maybe\n")
    settings = SplitSettings(split_column="set")
    [part], _ = read_parts([NAMES], str(path), settings, ControlTokens(), pool)
    sides, _ = split_parts([part], settings, pool)
    assert list(part.rows.outputs) == ["a", "b", "c"]
    assert sides.tolist() == [TRAIN, VAL, TEST]
    [aside] = part.rows.set_aside
    assert aside.line == 5
    assert "maybe" in aside.reason


def test_a_table_that_only_trains_needs_no_split_column_and_trains_on_nothing_held_out(
    tmp_path: Path, pool: WorkerPool
) -> None:
    (tmp_path / "sided.csv").write_text("smiles,name,set\nC,a,train\nCC,b,dev\nCCC,c,test\n")
    (tmp_path / "made.csv").write_text("smiles,name\nC,x\nCCC,y\nCC,z\nCCCC,w\n")
    real = replace(NAMES, source=str(tmp_path / "sided.csv"))
    made = replace(NAMES, name="made", source=str(tmp_path / "made.csv"), only_trains=True)
    settings = SplitSettings(split_column="set")
    parts, _ = read_parts([real, made], None, settings, ControlTokens(), pool)
    sides, _ = split_parts(parts, settings, pool)
    assert sides.tolist() == [TRAIN, VAL, TEST, TRAIN, TEST, VAL, TRAIN]
    with pytest.raises(ValueError, match="'set' is not a column of"):
        read_parts([replace(made, only_trains=False)], None, settings, ControlTokens(), pool)


def test_a_file_of_validation_rows_is_all_validation_and_its_overlap_is_counted(
    tmp_path: Path, table: str, pool: WorkerPool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "val.csv"
    path.write_text("smiles,name\nOCC,known\nCCCCCCCC,octane\n")
    settings = SplitSettings(val_source=str(path), val_fraction=0.5, test_fraction=0.0)
    parts, _ = read_parts([NAMES], table, settings, ControlTokens(), pool)
    sides, overlap = split_parts(parts, settings, pool)
    assert (
        sides.tolist() == [TRAIN] * len(MOLECULES) + [VAL] * 2
    )  # the fraction is not taken from the table, too
    assert overlap == {"train/val": 1, "train/test": 0, "val/test": 0}
    with caplog.at_level(logging.WARNING):
        warn_of_overlap(overlap, settings)
    assert "shares identities between its sides" in caplog.text


def test_an_overlap_of_our_own_split_is_a_bug() -> None:
    warn_of_overlap({"train/val": 0}, SplitSettings())
    with pytest.raises(AssertionError, match="our own splits never leak"):
        warn_of_overlap({"train/val": 1}, SplitSettings())


def test_rows_of_a_task_that_only_trains_are_evaluated_nowhere(table: str, pool: WorkerPool) -> None:
    made = replace(NAMES, name="made", only_trains=True)
    settings = SplitSettings(val_fraction=0.3, test_fraction=0.3)
    parts, _ = read_parts([NAMES, made], table, settings, ControlTokens(), pool)
    sides, _ = split_parts(parts, settings, pool)
    kept, kept_sides = leave_out_untrained(parts, sides)
    real, only_trains = kept
    assert (kept_sides[: len(real.rows)] == sides[: len(MOLECULES)]).all()
    assert len(real.rows) == len(MOLECULES)
    assert (kept_sides[len(real.rows) :] == TRAIN).all()
    assert (
        len(only_trains.rows) == len(kept_sides) - len(MOLECULES) == (sides[len(MOLECULES) :] == TRAIN).sum()
    )
    assert len(only_trains.rows.set_aside) == len(MOLECULES) - len(only_trains.rows) > 0


def test_a_task_that_only_trains_reads_no_rows_of_validation_and_test() -> None:
    made = Task("t", Side("a"), Side("b"), source="own.csv", only_trains=True)
    assert locations(made, None, SplitSettings(val_source="val.csv", test_source="test.csv")) == [
        ("own.csv", None)
    ]
