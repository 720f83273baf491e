from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.flag_tasks import choose_tasks
from datamodules.rows.prepare import prepare
from datamodules.rows.read_and_split import SplitSettings
from datamodules.sources import recombined
from datamodules.sources.lookup import load_source
from datamodules.storage.cache import DataCache
from datamodules.tokens.control_tokens import ControlTokens

ROWS = [
    {"inchikey": f"AAAAAAAAAAAA{letter}A-UHFFFAOYSA-N", "smiles": "C" * number, "iupac": f"name {number}", "method": "swap",
     "style": "conventional"}
    for number, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1)
]  # fmt: skip


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / recombined.FILE)
    return tmp_path


def test_the_made_file_is_read_from_the_folder_of_the_caches(made: Path) -> None:
    rows = load_source("recombined")
    assert (rows.total, rows.file, rows.verified) == (26, "recombined", True)
    assert recombined.files() == [made / "recombined.parquet"]


def test_a_missing_file_names_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path))
    with pytest.raises(
        ValueError, match=r"there are none yet: run `python train\.py recombined --rows 200000`\.$"
    ):
        load_source("recombined")


@pytest.mark.parametrize("task", ["iupac_to_smiles", "smiles_to_iupac"])
def test_tasks_of_names_accept_the_source(made: Path, task: str) -> None:
    tasks, _ = choose_tasks(task)
    prepared = prepare(tasks, "recombined", SplitSettings(), ControlTokens(), DataCache(None), 1)
    assert sum(map(len, prepared.parts)) == 26


@pytest.mark.parametrize("seed", [0, 1])
def test_no_made_row_is_evaluated_whatever_the_split(made: Path, seed: int) -> None:
    tasks, _ = choose_tasks("made_to_smiles")
    settings = SplitSettings(split_seed=seed, val_fraction=0.3, test_fraction=0.3)
    prepared = prepare(tasks, None, settings, ControlTokens(), DataCache(None), 1)
    [part] = prepared.parts
    assert (prepared.sides == 0).all()
    assert 0 < len(part) == len(prepared.sides) < 26
    assert len(part) + len(part.set_aside) == 26
    assert "a task that only trains" in part.set_aside[0].reason
