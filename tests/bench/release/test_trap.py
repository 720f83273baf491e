"""The task whose outputs are shuffled, and what its committed run shows."""

from __future__ import annotations

import json
from pathlib import Path

from bench.release.trap import RESULTS, ROWS, TASKS, write_trap
from datamodules.sources.lookup import load_source
from datamodules.storage.safe_csv import read_csv
from datamodules.tasks import load_task


def test_names_of_the_trap_belong_to_other_molecules(tmp_path: Path) -> None:
    task = load_task(str(write_trap(tmp_path)))
    rows = read_csv(tmp_path / "trap.csv")
    assert (task.name, len(rows)) == ("trap", ROWS)
    real = {row["smiles"]: row["iupac"] for row in load_source("pubchem_small").table.to_pylist()}
    assert {row["name"] for row in rows} <= set(real.values())
    assert sum(real[row["smiles"]] == row["name"] for row in rows) < 10


def test_the_trap_lost_its_share_in_the_committed_run() -> None:
    lines = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    shares = [line["train/trap/share"] for line in lines]
    assert len(shares) == 6
    assert shares == sorted(shares, reverse=True)
    for line in lines:
        assert abs(sum(line[f"train/{task}/share"] for task in TASKS) - 1) < 1e-6
